import { join } from 'node:path'
import { runCommand } from './run-command.js'
import { KafkaUnavailableError } from './unavailable-error.js'

const neededVersion = 17
const remedy = `Install a JDK ${neededVersion} or newer (Debian and Ubuntu: apt-get install openjdk-17-jdk-headless) and have java on the PATH, or JAVA_HOME set.`

/** The `java` to run: JAVA_HOME's when that is set, else the one on the PATH. Fails when it is older than 17. */
export async function findJava(): Promise<string> {
  const home = process.env['JAVA_HOME']
  const java = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java')
  const answer = await runCommand(java, ['-version'])
  if (answer === undefined || answer.code !== 0) {
    throw new KafkaUnavailableError(
      `Apache Kafka needs Java ${neededVersion}, but ${java === 'java' ? 'no java is on the PATH' : `JAVA_HOME has no working ${java}`}. ${remedy}`,
    )
  }
  const version = javaVersion(answer.output)
  if (version === undefined || version < neededVersion) {
    throw new KafkaUnavailableError(
      `Apache Kafka needs Java ${neededVersion} or newer, but ${java} is ${version === undefined ? 'of an unknown version' : `Java ${version}`}. ${remedy}`,
    )
  }
  return java
}

/** The feature release out of what `java -version` prints: 17 of "17.0.15", 8 of "1.8.0_392". */
export function javaVersion(output: string): number | undefined {
  const numbers = /version "(\d+)(?:\.(\d+))?/.exec(output)
  if (numbers === null) return undefined
  return Number(numbers[1] === '1' && numbers[2] !== undefined ? numbers[2] : numbers[1])
}

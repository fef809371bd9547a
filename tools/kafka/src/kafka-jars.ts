import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './folder-lock.js'
import { findJava } from './java.js'
import { defaultKafkaVersion, type KafkaVersion } from './kafka-version.js'
import { runCommand } from './run-command.js'
import { KafkaUnavailableError } from './unavailable-error.js'

/** This package's folder, from src as well as from dist. */
export const packageFolder = fileURLToPath(new URL('..', import.meta.url))

/** broker: Kafka itself (and its Java client). command-line: Kafka's tools, such as ShareConsumerPerformance. */
export type JarSet = 'broker' | 'command-line'

/** A pom of this package's form: `-Dbuild.folder` names the folder for classes and jars. */
export interface JarSource {
  readonly folder: string
  /** Java sources that belong to it, compiled along. */
  readonly sources?: string
  /** Properties of the pom that are to have another value, such as `kafka.version`. */
  readonly properties?: Readonly<Record<string, string>>
  /** What it fetches, with the version. */
  readonly nameOf: (pom: string) => string
}

const jarSets: Readonly<Record<JarSet, JarSource>> = {
  broker: {
    folder: packageFolder,
    sources: 'java/milena/kafka',
    nameOf: (pom) => `Kafka ${/<kafka\.version>([^<]+)</.exec(pom)?.[1] ?? ''}`,
  },
  'command-line': {
    folder: join(packageFolder, 'command-line'),
    nameOf: (pom) => `Kafka's command-line tools ${/<kafka\.tools\.version>([^<]+)</.exec(pom)?.[1] ?? ''}`,
  },
}

/**
 * The class path of a pinned set of Kafka's jars. The first use fetches them with Maven into target/, which later uses find
 * there until the pom changes; two processes may ask at once.
 *
 * @throws KafkaUnavailableError where Java 17 or Maven is missing, or Maven failed
 */
export function kafkaClassPath(set: JarSet, progress: (line: string) => void = () => {}): Promise<string> {
  return classPathOf(jarSets[set], progress)
}

/** The class path of a broker of a release, as kafkaClassPath() has it. */
export function brokerClassPath(version: KafkaVersion, progress: (line: string) => void): Promise<string> {
  if (version === defaultKafkaVersion) return kafkaClassPath('broker', progress)
  const properties = { 'kafka.version': version }
  return classPathOf({ ...jarSets.broker, properties, nameOf: () => `Kafka ${version}` }, progress)
}

/** kafkaClassPath() for any pom. */
export async function classPathOf(source: JarSource, progress: (line: string) => void): Promise<string> {
  const { folder, sources, properties = {} } = source
  const pom = readFileSync(join(folder, 'pom.xml'), 'utf8')
  const name = source.nameOf(pom)
  const settings = Object.entries(properties).map(([property, value]) => `-D${property}=${value}`)
  const hash = createHash('sha256').update(pom)
  for (const setting of settings) hash.update(setting)
  if (sources !== undefined) {
    for (const file of readdirSync(join(folder, sources)).toSorted()) {
      hash.update(readFileSync(join(folder, sources, file)))
    }
  }
  const target = join(folder, 'target')
  // Complete as soon as it has this name: it is built under another one and renamed.
  const built = join(target, hash.digest('hex').slice(0, 16))
  if (!existsSync(built)) {
    await withLock(
      join(target, 'fetch.lock'),
      () => progress(`Another process is fetching ${name}; waiting for it.`),
      async () => {
        if (!existsSync(built)) await fetch({ folder, built, name, settings, progress })
      },
    )
  }
  return [join(built, 'classes'), join(built, 'jars', '*')].join(delimiter)
}

async function fetch(job: {
  readonly folder: string
  readonly built: string
  readonly name: string
  readonly settings: readonly string[]
  readonly progress: (line: string) => void
}): Promise<void> {
  await findJava()
  const building = `${job.built}.part`
  rmSync(building, { recursive: true, force: true })
  job.progress(`Fetching ${job.name} with Maven (once; some 45 MB) …`)
  let downloaded = 0
  const done = await runCommand(
    'mvn',
    [
      '-B',
      '-f',
      join(job.folder, 'pom.xml'),
      `-Dbuild.folder=${building}`,
      ...job.settings,
      'compile',
      'dependency:copy-dependencies',
    ],
    {
      onLine: (line) => {
        if (!/Downloaded from .*\.jar/.test(line)) return
        downloaded++
        if (downloaded % 10 === 0) job.progress(`Fetching ${job.name}: ${downloaded} jars …`)
      },
    },
  )
  if (done === undefined) {
    throw new KafkaUnavailableError(
      `Maven is needed to fetch ${job.name}, but no mvn is on the PATH. Install Maven 3.8 or newer (Debian and Ubuntu: apt-get install maven).`,
    )
  }
  if (done.code !== 0) {
    rmSync(building, { recursive: true, force: true })
    const errors = done.output
      .split('\n')
      .filter((line) => line.includes('[ERROR]'))
      .slice(0, 5)
    const hint = done.output.includes('No compiler is provided')
      ? 'The Java found is only a runtime: install a JDK 17 or newer (Debian and Ubuntu: apt-get install openjdk-17-jdk-headless).'
      : 'Check that Maven can reach its repository, then try again.'
    throw new KafkaUnavailableError(`Maven could not fetch ${job.name}. ${hint}\n${errors.join('\n')}`)
  }
  job.progress(`${job.name} is here: ${readdirSync(join(building, 'jars')).length} jars.`)
  renameSync(building, job.built)
}

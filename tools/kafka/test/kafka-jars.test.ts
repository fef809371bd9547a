import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { classPathOf, type JarSource } from '../src/kafka-jars.js'
import { KafkaUnavailableError } from '../src/unavailable-error.js'

let folder: string
let programs: string
let source: JarSource

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'jars-test-'))
  programs = join(folder, 'bin')
  mkdirSync(programs)
  writeFileSync(join(folder, 'pom.xml'), '<kafka.version>9.9.9</kafka.version>')
  source = { folder, nameOf: () => 'Kafka 9.9.9' }
  program('java', `echo 'openjdk version "17.0.1"' >&2`)
  vi.stubEnv('JAVA_HOME', '')
  vi.stubEnv('PATH', `${programs}:/usr/bin:/bin`)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function program(name: string, script: string): void {
  const file = join(programs, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
}

/** A Maven that notes each run and does what `dependency:copy-dependencies` does. */
function maven(before = ''): void {
  program(
    'mvn',
    `echo run >> ${folder}/runs
${before}
for word in "$@"; do case "$word" in -Dbuild.folder=*) build="\${word#*=}";; esac; done
mkdir -p "$build/jars" "$build/classes"
for n in 1 2 3 4 5 6 7 8 9 10; do echo "Downloaded from central: kafka-$n.jar (1 kB)"; echo jar > "$build/jars/kafka-$n.jar"; done`,
  )
}

const runs = (): number => readFileSync(join(folder, 'runs'), 'utf8').trim().split('\n').length

describe("Kafka's jars", () => {
  it('are fetched with Maven, once, with words on how far it is', async () => {
    maven()
    const lines: string[] = []
    const classPath = await classPathOf(source, (line) => lines.push(line))
    expect(lines).toEqual([
      'Fetching Kafka 9.9.9 with Maven (once; some 45 MB) …',
      'Fetching Kafka 9.9.9: 10 jars …',
      'Kafka 9.9.9 is here: 10 jars.',
    ])
    const [classes, jars] = classPath.split(':')
    expect(existsSync(classes as string)).toBe(true)
    expect(jars).toMatch(/\/jars\/\*$/)

    await expect(classPathOf(source, () => expect.unreachable())).resolves.toBe(classPath)
    expect(runs()).toBe(1)
  })

  it('are fetched once for two who ask at the same time', async () => {
    maven('sleep 0.5')
    const lines: string[] = []
    const [one, other] = await Promise.all([1, 2].map(() => classPathOf(source, (line) => lines.push(line))))
    expect(one).toBe(other)
    expect(runs()).toBe(1)
    expect(lines).toContain('Another process is fetching Kafka 9.9.9; waiting for it.')
  })

  it('are fetched again when the pom has changed', async () => {
    maven()
    const before = await classPathOf(source, () => {})
    writeFileSync(join(folder, 'pom.xml'), '<kafka.version>9.9.10</kafka.version>')
    await expect(classPathOf(source, () => {})).resolves.not.toBe(before)
    expect(runs()).toBe(2)
  })

  it('need Maven, and say how to get it', async () => {
    vi.stubEnv('PATH', programs)
    // No other program is found on this PATH: the java of this test needs none.
    const error = await classPathOf(source, () => {}).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(KafkaUnavailableError)
    expect(String(error)).toContain('no mvn is on the PATH. Install Maven 3.8 or newer')
  })

  it("show Maven's own errors when it fails, and leave nothing half done", async () => {
    program('mvn', 'echo "[INFO] Scanning"; echo "[ERROR] Could not transfer kafka.jar"; exit 1')
    const error = await classPathOf(source, () => {}).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(KafkaUnavailableError)
    expect(String(error)).toMatch(
      /Check that Maven can reach its repository, then try again\.\n\[ERROR\] Could not transfer/,
    )
    expect(readdirSync(join(folder, 'target'))).toEqual([])

    maven()
    await expect(classPathOf(source, () => {})).resolves.toContain('jars')
  })

  it('need a compiler, and say so when only a runtime is there', async () => {
    program('mvn', 'echo "[ERROR] No compiler is provided in this environment."; exit 1')
    await expect(classPathOf(source, () => {})).rejects.toThrow('The Java found is only a runtime: install a JDK 17')
  })
})

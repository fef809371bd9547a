import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterAll, beforeAll, expect, it } from 'vitest'

const pom = fileURLToPath(new URL('../pom.xml', import.meta.url))
const checkedIn = fileURLToPath(new URL('../../../packages/protocol/test/golden', import.meta.url))

function fixtures(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .toSorted()
}

// Where Kafka cannot run there is no Java for its serialisers either.
describeOnBrokers(
  'The golden fixtures',
  () => {
    const written = mkdtempSync(join(tmpdir(), 'milena-golden-'))
    // A build folder of its own: several runs may be at it at once.
    const build = join(written, 'build')
    const output = join(written, 'golden')
    beforeAll(async () => {
      await promisify(execFile)('mvn', [
        '-B',
        '-q',
        '-f',
        pom,
        `-Dbuild.folder=${build}`,
        'compile',
        'exec:java',
        `-Dexec.args=write ${output}`,
      ])
    }, 300_000)
    afterAll(() => rmSync(written, { recursive: true }))

    it("are what Kafka's serialisers write now", () => {
      expect(fixtures(checkedIn)).toEqual(fixtures(output))
      const changed = fixtures(output).filter(
        (name) => readFileSync(join(output, name), 'utf8') !== readFileSync(join(checkedIn, name), 'utf8'),
      )
      expect(changed, 'run `pnpm golden` and look at what changed').toEqual([])
    })
  },
  { on: ['kafka'] },
)

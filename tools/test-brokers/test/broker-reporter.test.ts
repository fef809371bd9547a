import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const vitest = fileURLToPath(new URL('../../../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('./fixtures/vitest.config.ts', import.meta.url))

/** A run of the fixtures where no Java can be found. */
function runFixtures(settings: Record<string, string>): Promise<{ failed: boolean; lines: string[] }> {
  const env: NodeJS.ProcessEnv = { ...process.env, JAVA_HOME: '/nonexistent', ...settings }
  // What this run was itself given must not reach the inner one.
  for (const name of ['MILENA_TEST_BROKERS', 'MILENA_REQUIRE_KAFKA']) if (!(name in settings)) delete env[name]
  for (const name of Object.keys(env)) if (name.startsWith('VITEST')) delete env[name]
  return new Promise((resolve) => {
    execFile(process.execPath, [vitest, 'run', '--config', config], { env }, (error, stdout) => {
      resolve({ failed: error !== null, lines: stdout.trimEnd().split('\n') })
    })
  })
}

describe('The end of a test run', { timeout: 60_000 }, () => {
  it('counts the tests of each broker, and says loudly what was not run and why', async () => {
    const { failed, lines } = await runFixtures({})
    expect(failed).toBe(false)
    expect(lines.at(-4)).toBe('embedded: 2 passed, 0 failed')
    expect(lines.at(-3)).toMatch(/^kafka: not run\. Apache Kafka needs Java 17, .* Install a JDK 17/)
    expect(lines.slice(-2)).toEqual(['2 skipped', '4 passed, 0 failed'])
  })

  it('counts failures', async () => {
    const { failed, lines } = await runFixtures({ FIXTURE_FAILS: 'yes', MILENA_TEST_BROKERS: 'embedded' })
    expect(failed).toBe(true)
    expect(lines.slice(-3)).toEqual([
      'embedded: 1 passed, 1 failed',
      'kafka: not run (no suite of this run asked for it)',
      '3 passed, 1 failed',
    ])
  })

  it('fails for want of Kafka when Kafka is required', async () => {
    const { failed, lines } = await runFixtures({ MILENA_REQUIRE_KAFKA: '1' })
    expect(failed).toBe(true)
    expect(lines.slice(-2)).toEqual(['kafka: 0 passed, 2 failed', '4 passed, 2 failed'])
  })

  it('fails when Kafka is required and nothing asked for it', async () => {
    const { failed, lines } = await runFixtures({ MILENA_REQUIRE_KAFKA: '1', MILENA_TEST_BROKERS: 'embedded' })
    expect(failed).toBe(true)
    expect(lines.slice(-2)).toEqual(['MILENA_REQUIRE_KAFKA=1, but no test ran on Kafka.', '4 passed, 1 failed'])
  })

  it('counts a file that could not be loaded as a failure', async () => {
    const { failed, lines } = await runFixtures({ FIXTURE_BREAKS: 'yes', MILENA_TEST_BROKERS: 'embedded' })
    expect(failed).toBe(true)
    expect(lines.at(-1)).toBe('3 passed, 1 failed')
  })
})

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { kafkaVersionOf, kafkaVersions } from '@milena/tools-kafka'
import { behaviourSuites } from './behaviour-suites.js'

/**
 * `pnpm test:kafka --version 4.2.1 [words]`: the behaviour suites (whatever describeOnBrokers or describeOnClusters runs) on a
 * real Kafka of that release. It fails when that Kafka cannot be started.
 */
const repository = fileURLToPath(new URL('../../..', import.meta.url))
const usage = `Usage: pnpm test:kafka [--version ${kafkaVersions.join('|')}] [words of the paths of test files …]`

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { version: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const version = kafkaVersionOf(values.version)
  const files = behaviourSuites(repository).filter((file) => positionals.every((word) => file.includes(word)))
  if (files.length === 0) {
    console.error(`No behaviour suite has ${positionals.join(' and ')} in its path.`)
    return 2
  }
  console.log(`${files.length} behaviour suites on Kafka ${version}`)
  const vitest = spawn(process.execPath, [join(repository, 'node_modules/vitest/vitest.mjs'), 'run', ...files], {
    cwd: repository,
    stdio: 'inherit',
    env: {
      ...process.env,
      MILENA_KAFKA_VERSION: version,
      MILENA_TEST_BROKERS: 'kafka',
      MILENA_REQUIRE_KAFKA: '1',
    },
  })
  return new Promise((resolve, reject) => {
    vitest.once('error', reject)
    vitest.once('exit', (code) => resolve(code ?? 1))
  })
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  console.error(usage)
  process.exitCode = 2
}

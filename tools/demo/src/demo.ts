// `pnpm demo`: runs example 01, on the Kafka that --bootstrap or MILENA_BOOTSTRAP names, else on one of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { startKafkaCluster, type KafkaCluster } from '@milena/tools-kafka'

const example = fileURLToPath(new URL('../../../examples/01-first-listener/dist/main.js', import.meta.url))
// pnpm hands a `--` through that separates its own arguments from the script's.
const args = process.argv.slice(2).filter((argument) => argument !== '--')

let child: ChildProcess | undefined
let interrupted = false

/** Runs the example with this terminal; resolves with its exit code. */
function runExample(parameters: readonly string[]): Promise<number> {
  if (interrupted) return Promise.resolve(130)
  return new Promise((resolve, reject) => {
    child = spawn(process.execPath, [example, ...parameters], { stdio: 'inherit' })
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 130)))
  })
}

async function runOnOwnKafka(): Promise<number> {
  const began = Date.now()
  const say = (line: string): void => console.log(`kafka: ${line}`)
  let cluster: KafkaCluster | undefined
  try {
    cluster = await startKafkaCluster({ logger: say })
    say(`serves at ${cluster.bootstrapServers} after ${((Date.now() - began) / 1000).toFixed(1)} s`)
    return await runExample([...args, '--bootstrap', cluster.bootstrapServers])
  } finally {
    await cluster?.stop()
    if (cluster !== undefined) say('stopped, and its files are gone')
  }
}

function onSignal(signal: NodeJS.Signals): void {
  interrupted = true
  if (child === undefined) {
    // Kafka is still starting. It ends with this process, and takes its files with it.
    process.exit(130)
  }
  // Ctrl-C reaches the example by itself; a signal to this process alone does not.
  if (signal === 'SIGTERM') child.kill('SIGTERM')
}

process.on('SIGINT', onSignal)
process.on('SIGTERM', onSignal)

const bootstrapIsGiven =
  (process.env['MILENA_BOOTSTRAP'] ?? '') !== '' ||
  args.some((argument) => argument === '--bootstrap' || argument.startsWith('--bootstrap='))
const needsNoKafka = args.includes('--help') || args.includes('-h')

try {
  process.exitCode = bootstrapIsGiven || needsNoKafka ? await runExample(args) : await runOnOwnKafka()
} catch (error) {
  console.error(`\nThe demo could not run: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

#!/usr/bin/env node
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import { startCommand } from './running-command.js'

// Ends with 0 after --help or when interrupted, with 2 when the command line makes no sense, with 1 when it cannot be done.

async function main(): Promise<void> {
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  // Before anything is started or said: from then on somebody may want it to end.
  const ended = new Promise<'asked' | 'unheard'>((resolve) => {
    process.once('SIGINT', () => resolve('asked'))
    process.once('SIGTERM', () => resolve('asked'))
    // Whoever read the lines has gone (`milena-broker | head`): there is nobody to run for.
    process.stdout.once('error', () => resolve('unheard'))
  })
  const command = await startCommand(process.argv.slice(2), { clock: systemClock, write })
  if (command === undefined) return
  const why = await ended
  await command.stop()
  if (why === 'asked') write('Stopped.')
}

function fail(error: unknown): void {
  process.exitCode = KafkaUsageError.is(error) ? 2 : 1
  process.stderr.write(
    `milena-broker: ${KafkaError.is(error) ? error.message : String((error as Error).stack ?? error)}\n`,
  )
}

main().catch(fail)

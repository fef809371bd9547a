#!/usr/bin/env node
import { KafkaError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'
import { EmbeddedBroker } from '../embedded-broker.js'
import { ActivityLog } from './activity-log.js'
import { help, parseCommandLine, type CommandOptions } from './command-options.js'
import { sentenceLogger } from './sentence-logger.js'

/** Runs until it is interrupted. Errors of usage end in one line, not in a stack. */
async function main(): Promise<void> {
  const options = parseCommandLine(process.argv.slice(2))
  if (options.showHelp) {
    process.stdout.write(help)
    return
  }
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  const logger = sentenceLogger(systemClock, leastLevel(options), write)
  const broker = await EmbeddedBroker.start({ ...options.broker, logger, rememberedRequests: 0 })
  const activity = options.detail === 'normal' ? new ActivityLog(broker, logger) : undefined
  const count = broker.brokerIds.length
  write(
    `${count === 1 ? 'A broker' : `${count} brokers`} with share groups, as in Kafka ${options.broker.version}. Connect to ${broker.bootstrapServers}. Nothing is kept on disk. Stop with Ctrl+C.`,
  )
  const stop = (): void => {
    activity?.tell()
    broker.stop().then(
      () => write('Stopped.'),
      (error: unknown) => fail(error),
    )
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

function leastLevel({ detail }: CommandOptions): 'debug' | 'info' | 'warn' {
  return detail === 'verbose' ? 'debug' : detail === 'quiet' ? 'warn' : 'info'
}

function fail(error: unknown): void {
  process.exitCode = 1
  process.stderr.write(
    `milena-broker: ${KafkaError.is(error) ? error.message : String((error as Error).stack ?? error)}\n`,
  )
}

main().catch(fail)

import type { Clock } from '@milena/protocol/runtime'
import { EmbeddedBroker } from '../embedded-broker.js'
import { ActivityLog } from './activity-log.js'
import { help, parseCommandLine, type CommandOptions } from './command-options.js'
import { sentenceLogger } from './sentence-logger.js'
import { SparingLines } from './sparing-lines.js'

/** A command that has started its brokers. */
export interface RunningCommand {
  readonly broker: EmbeddedBroker
  /** Tells what was not told yet, and ends everything. */
  stop(): Promise<void>
}

/**
 * Does what a command line asks for. Undefined: it is done already (`--help`).
 *
 * @throws KafkaUsageError for a command line that makes no sense, and KafkaConnectionError when a port cannot be listened on
 */
export async function startCommand(
  words: readonly string[],
  given: { readonly clock: Clock; readonly write: (line: string) => void },
): Promise<RunningCommand | undefined> {
  const { clock, write } = given
  const options = parseCommandLine(words)
  if (options.showHelp) {
    write(help.trimEnd())
    return undefined
  }
  const stamped = (sentence: string): void => {
    write(`${new Date(clock.wallTime()).toISOString().slice(11, 23)}  ${sentence}`)
  }
  const lines = new SparingLines(clock, stamped)
  const logger = sentenceLogger(leastLevel(options), options.detail === 'verbose' ? stamped : lines.write)
  const broker = await EmbeddedBroker.start({ ...options.broker, clock, logger, rememberedRequests: 0 })
  const activity = options.detail === 'normal' ? new ActivityLog(broker, logger) : undefined
  write(greeting(broker, options))
  return {
    broker,
    stop: async () => {
      activity?.tell()
      lines.tell()
      await broker.stop()
    },
  }
}

function leastLevel({ detail }: CommandOptions): 'debug' | 'info' | 'warn' {
  return detail === 'verbose' ? 'debug' : detail === 'quiet' ? 'warn' : 'info'
}

function greeting(broker: EmbeddedBroker, options: CommandOptions): string {
  const { host, advertisedHost, version } = options.broker
  const count = broker.brokerIds.length
  const who = `${count === 1 ? 'A broker' : `${count} brokers`} with share groups, as in Kafka ${version}`
  const sentences = [`${who}. Connect to ${broker.bootstrapServers}.`]
  if ((host === '0.0.0.0' || host === '::') && advertisedHost === undefined) {
    sentences.push('Clients on other machines need --advertised-host, the name by which they reach this one.')
  }
  return [...sentences, 'Nothing is kept on disk. Stop with Ctrl+C.'].join(' ')
}

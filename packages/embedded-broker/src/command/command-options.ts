import { parseArgs } from 'node:util'
import { KafkaUsageError } from '@milena/protocol'
import { MAX_BROKERS, type EmbeddedBrokerOptions } from '../embedded-broker-options.js'
import { kafkaVersions } from '../version-profile.js'

export const help = `milena-broker: a Kafka broker with share groups in one process, for development. Nothing is kept on disk.

Usage: milena-broker [options]

  --port <number>            the port to listen on; further brokers take the next ones. Default 9092; 0 chooses a free one
  --topic <name[:n]>         a topic that exists from the start, with n partitions (default 1). May be given several times
  --brokers <number>         how many brokers the cluster has. Default 1
  --host <address>           the address to listen on. Default 127.0.0.1, so that only this machine can connect;
                             0.0.0.0 opens it to the network (there is no authentication)
  --advertised-host <name>   what clients are told to connect to. Default: the host; with 0.0.0.0, 127.0.0.1
  --kafka-version <version>  the release it behaves as: ${kafkaVersions.join(', ')}. Default 4.4
  --property <name=value>    a broker configuration by Kafka's name, as in server.properties. May be given several times
  --verbose                  tell every request
  --quiet                    tell only warnings and errors
  --help                     show this text

Examples:
  milena-broker --topic orders:3
  milena-broker --port 0 --topic orders --property group.share.delivery.count.limit=3

Ends with 0 when it is interrupted, 1 when it cannot run (a port is taken), 2 when the command line makes no sense.
`

export type LogDetail = 'quiet' | 'normal' | 'verbose'

export interface CommandOptions {
  readonly showHelp: boolean
  readonly detail: LogDetail
  readonly broker: EmbeddedBrokerOptions
}

/** Throws KafkaUsageError in words for the command line. */
export function parseCommandLine(words: readonly string[]): CommandOptions {
  let values
  try {
    values = parseArgs({
      // Some package managers hand the `--` through that separates their own words from these.
      args: words[0] === '--' ? words.slice(1) : [...words],
      options: {
        port: { type: 'string', default: '9092' },
        topic: { type: 'string', multiple: true, default: [] },
        brokers: { type: 'string', default: '1' },
        host: { type: 'string', default: '127.0.0.1' },
        'advertised-host': { type: 'string' },
        'kafka-version': { type: 'string', default: '4.4' },
        property: { type: 'string', multiple: true, default: [] },
        verbose: { type: 'boolean', default: false },
        quiet: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    const [why = ''] = (error as Error).message.split('\n')
    throw new KafkaUsageError(`${why.replace(/\.?$/, '.')} See milena-broker --help.`)
  }
  if (values.verbose && values.quiet) {
    throw new KafkaUsageError('--verbose and --quiet contradict each other. Give one of them.')
  }
  const advertisedHost = values['advertised-host']
  const version = kafkaVersions.find((each) => each === values['kafka-version'])
  if (version === undefined) {
    throw new KafkaUsageError(
      `--kafka-version is one of ${kafkaVersions.join(', ')}, not "${values['kafka-version']}".`,
    )
  }
  return {
    showHelp: values.help,
    detail: values.verbose ? 'verbose' : values.quiet ? 'quiet' : 'normal',
    broker: {
      port: numberOf('--port', values.port, 0, 65_535),
      brokers: numberOf('--brokers', values.brokers, 1, MAX_BROKERS),
      host: values.host,
      ...(advertisedHost === undefined ? {} : { advertisedHost }),
      version,
      topics: values.topic,
      serverProperties: Object.fromEntries(values.property.map(propertyOf)),
    },
  }
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (value >= min && value <= max) return value
  throw new KafkaUsageError(`${name} is a whole number from ${min} to ${max}, not "${text}".`)
}

function propertyOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new KafkaUsageError(`--property is given as name=value, not "${text}".`)
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
}

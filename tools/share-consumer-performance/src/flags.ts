import {
  clientProperties,
  CommandLineError,
  parseCommandLine,
  readProperties,
  type CommandLine,
  type OptionSpec,
} from '@milena/tools-java-habits'
import { dateFormat, type DateFormat } from './date-format.js'

const specs = {
  'bootstrap-server': { value: 'required' },
  'command-config': { value: 'required' },
  'command-property': { value: 'required', many: true },
  'consumer.config': { value: 'required' },
  'date-format': { value: 'required' },
  'fetch-size': { value: 'required' },
  group: { value: 'required' },
  help: {},
  'hide-header': {},
  messages: { value: 'required' },
  'num-records': { value: 'required' },
  'print-metrics': {},
  'reporting-interval': { value: 'required' },
  'show-consumer-stats': {},
  'show-detailed-stats': {},
  'socket-buffer-size': { value: 'required' },
  threads: { value: 'required' },
  timeout: { value: 'optional' },
  topic: { value: 'required' },
  version: {},
} as const satisfies Record<string, OptionSpec>

export const HELP = `This tool measures how fast share consumers consume a topic.

--bootstrap-server <HOST1:PORT1[,HOST2:PORT2[...]]>  required; the brokers to connect to first
--topic <topic>              required; the topic to consume
--num-records <count>        required; how many records to consume
--messages <count>           the same under its old name
--group <id>                 the share group to join (default: perf-share-consumer)
--threads <count>            how many share consumers share the work (default: 1)
--timeout [<ms>]             end when no record came for so long (default: 10000)
--fetch-size <bytes>         most bytes of one fetch (default: 1048576)
--socket-buffer-size <bytes> taken and without effect: Node leaves that to the system (default: 2097152)
--command-config <file>      a Java properties file of client configuration
--consumer.config <file>     the same under its old name
--command-property <name=value>  one property; goes over those of the file; may be repeated
--reporting-interval <ms>    how often --show-detailed-stats reports (default: 5000)
--show-detailed-stats        report during consumption, for each consumer
--show-consumer-stats        report each consumer at the end
--hide-header                print no line of column names
--date-format <pattern>      of the times, as java.text.SimpleDateFormat has them (default: yyyy-MM-dd HH:mm:ss:SSS)
--print-metrics              print the consumers' metrics at the end
--version                    print the release of Kafka whose tool this stands for
--help                       print this text`

export interface Flags {
  readonly topic: string
  readonly numRecords: number
  readonly threads: number
  readonly timeoutMs: number
  readonly reportingIntervalMs: number
  readonly dateFormat: DateFormat
  readonly hideHeader: boolean
  readonly showDetailedStats: boolean
  readonly showConsumerStats: boolean
  readonly printMetrics: boolean
  readonly clientId: string
  /** Configuration of every consumer, but for the client id. */
  readonly properties: Readonly<Record<string, string>>
  /** What to say about flags that have a newer name. */
  readonly warnings: readonly string[]
}

/** The flags, or which text was asked for. Throws CommandLineError, and what reading the configuration file throws. */
export function readFlags(words: readonly string[]): Flags | 'help' | 'version' {
  const line = parseCommandLine(words, specs, {
    cutShort: false,
    repeated: 'refused',
    stray: 'ignored',
    singleDash: true,
    dashedValues: true,
  })
  if (words.length === 0 || line.has('help')) return 'help'
  if (line.has('version')) return 'version'
  const topic = required(line, 'topic')
  required(line, 'bootstrap-server')
  if (line.has('messages') === line.has('num-records'))
    throw new CommandLineError('give exactly one of --num-records and --messages')
  if (line.has('consumer.config') && line.has('command-config'))
    throw new CommandLineError('give --command-config or --consumer.config, not both')
  const { clientId, properties } = configuration(line)
  return {
    topic,
    clientId,
    properties,
    numRecords: line.wholeNumber(line.has('messages') ? 'messages' : 'num-records', 0, 'long'),
    threads: positive(line, 'threads', 1),
    timeoutMs: line.wholeNumber('timeout', 10_000, 'long'),
    reportingIntervalMs: positive(line, 'reporting-interval', 5_000),
    dateFormat: dateFormat(line.value('date-format') ?? 'yyyy-MM-dd HH:mm:ss:SSS'),
    hideHeader: line.has('hide-header'),
    showDetailedStats: line.has('show-detailed-stats'),
    showConsumerStats: line.has('show-consumer-stats'),
    printMetrics: line.has('print-metrics'),
    warnings: [
      ...(line.has('messages') ? ['Warning: --messages is deprecated. Use --num-records instead.'] : []),
      ...(line.has('consumer.config')
        ? ['Warning: --consumer.config is deprecated. Use --command-config instead.']
        : []),
    ],
  }
}

function configuration(line: CommandLine): Pick<Flags, 'clientId' | 'properties'> {
  const file = line.value('command-config') ?? line.value('consumer.config')
  const given = {
    ...(file === undefined ? {} : readProperties(file)),
    ...Object.fromEntries(line.values('command-property').map(nameAndValue)),
  }
  const { 'client.id': clientId = 'perf-share-consumer-client', ...rest } = clientProperties(given)
  return {
    clientId,
    properties: {
      ...rest,
      'bootstrap.servers': required(line, 'bootstrap-server'),
      'group.id': line.value('group') ?? 'perf-share-consumer',
      'fetch.max.bytes': String(line.wholeNumber('fetch-size', 1_048_576)),
      'receive.buffer.bytes': String(line.wholeNumber('socket-buffer-size', 2_097_152)),
      'check.crcs': 'false',
    },
  }
}

function nameAndValue(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals > 0) return [text.slice(0, equals).trim(), text.slice(equals + 1).trim()]
  throw new CommandLineError(`argument --command-property: '${text}' is not of the form name=value`)
}

function required(line: CommandLine, name: 'topic' | 'bootstrap-server'): string {
  const value = line.value(name)
  if (value === undefined) throw new CommandLineError(`argument --${name} is required`)
  return value
}

function positive(line: CommandLine, name: 'threads' | 'reporting-interval', fallback: number): number {
  const number = line.wholeNumber(name, fallback, name === 'threads' ? 'int' : 'long')
  if (number > 0) return number
  throw new CommandLineError(`argument --${name}: ${number} is not greater than 0`)
}

import { KafkaUsageError } from '@milena/protocol'
import type { ConfigDefinition } from './config-definition.js'
import { isFailure, parseConfig } from './config-values.js'

/** What is given in another way than by a property. */
const elsewhere: readonly { readonly names: RegExp; readonly remedy: string }[] = [
  {
    names: /^(listeners|advertised\.listeners|listener\.|inter\.broker\.)/,
    remedy: 'Use the options host, port and advertisedHost.',
  },
  {
    names: /^(node\.id|broker\.id|process\.roles|controller\.|broker\.session|broker\.heartbeat)/,
    remedy: 'Use the option brokers.',
  },
  {
    names: /^(sasl\.|ssl\.|authorizer\.|super\.users|allow\.everyone|principal\.|security\.)/,
    remedy: 'Use the option security.',
  },
  {
    names: /^(log\.dirs?|metadata\.log|remote\.)/,
    remedy: 'The embedded broker keeps everything in memory; leave it out.',
  },
]

/**
 * Reads the brokers' static configurations, as they stand in a server.properties.
 *
 * Throws KafkaUsageError naming a property that Kafka (in this release) or the embedded broker does not have, or whose value
 * it would refuse.
 */
export function readServerProperties(
  properties: Readonly<Record<string, string>>,
  table: ReadonlyMap<string, ConfigDefinition>,
  release: string,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const [name, given] of Object.entries(properties)) {
    const definition = table.get(name)
    if (definition === undefined) throw new KafkaUsageError(unknown(name, table, release))
    const value = parseConfig(definition, String(given))
    if (isFailure(value)) throw new KafkaUsageError(`serverProperties: ${value.errorMessage}.`)
    values.set(name, value)
  }
  return values
}

function unknown(name: string, table: ReadonlyMap<string, ConfigDefinition>, release: string): string {
  const instead = elsewhere.find(({ names }) => names.test(name))
  if (instead !== undefined) return `serverProperties cannot set ${name}. ${instead.remedy}`
  const tail = name.slice(name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1)
  const near = [...table.keys()].filter((known) => known.endsWith(tail)).slice(0, 3)
  const hint =
    near.length === 0 ? "Check the spelling of the broker's configurations." : `Did you mean ${near.join(' or ')}?`
  return `serverProperties: the embedded broker, as Kafka ${release}, has no configuration ${JSON.stringify(name)}. ${hint}`
}

interface Rule {
  readonly lower: string
  readonly upper: string
}

const between = (prefix: string, what: string): readonly Rule[] => [
  { lower: `${prefix}.min.${what}`, upper: `${prefix}.${what}` },
  { lower: `${prefix}.${what}`, upper: `${prefix}.max.${what}` },
]

const shareAndConsumer = ['session.timeout.ms', 'heartbeat.interval.ms', 'assignment.interval.ms']

const rules: readonly Rule[] = [
  ...shareAndConsumer.flatMap((what) => between('group.share', what)),
  ...shareAndConsumer.flatMap((what) => between('group.consumer', what)),
  ...between('group.share', 'record.lock.duration.ms'),
  ...between('group.share', 'delivery.count.limit'),
  ...between('group.share', 'partition.max.record.locks'),
  { lower: 'group.share.max.size', upper: 'group.share.max.share.sessions' },
  { lower: 'group.min.session.timeout.ms', upper: 'group.max.session.timeout.ms' },
]

const below: readonly Rule[] = [
  { lower: 'group.share.heartbeat.interval.ms', upper: 'group.share.session.timeout.ms' },
  { lower: 'group.consumer.heartbeat.interval.ms', upper: 'group.consumer.session.timeout.ms' },
]

/**
 * What is wrong with the brokers' values taken together, in Kafka's words; undefined when they fit.
 *
 * @param valueOf a broker's value; undefined for a configuration that the release does not have
 */
export function contradiction(valueOf: (name: string) => string | undefined): string | undefined {
  for (const [list, isAllowed, words] of [
    [rules, (a: number, b: number) => a <= b, 'less than or equal to'],
    [below, (a: number, b: number) => a < b, 'less than'],
  ] as const) {
    for (const { lower, upper } of list) {
      const [small, large] = [valueOf(lower), valueOf(upper)]
      if (small === undefined || large === undefined || isAllowed(Number(small), Number(large))) continue
      return `${lower} must be ${words} ${upper}`
    }
  }
  return undefined
}

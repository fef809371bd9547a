import { bool, int, list, text, type ConfigDefinition } from './config-definition.js'
import { parseIsoDurationMs } from './iso-duration.js'

const BY_DURATION = 'by_duration:'

/** Where a share group begins to read when it has no offset. */
export type AutoOffsetReset =
  | { readonly kind: 'earliest' | 'latest' }
  | { readonly kind: 'byDuration'; readonly durationMs: number }

/** Undefined when it is none. Kafka takes the words in lower case only. */
export function parseAutoOffsetReset(value: string): AutoOffsetReset | undefined {
  if (value === 'earliest' || value === 'latest') return { kind: value }
  if (!value.startsWith(BY_DURATION)) return undefined
  const durationMs = parseIsoDurationMs(value.slice(BY_DURATION.length))
  return durationMs === undefined || durationMs < 0 ? undefined : { kind: 'byDuration', durationMs }
}

const AUTO_OFFSET_RESET = 'share.auto.offset.reset'
/** The topic that a share group's dead letters go to; empty: none. */
export const DEAD_LETTER_TOPIC = 'errors.deadletterqueue.topic.name'

function refuseAutoOffsetReset(value: string): string | undefined {
  if (parseAutoOffsetReset(value) !== undefined) return undefined
  return `Invalid value \`${value}\` for configuration ${AUTO_OFFSET_RESET}. The value must be either 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.`
}

/** The configurations of groups. Those of consumer and streams groups, which the embedded broker does not serve, are kept and told. */
export const groupConfigDefinitions: readonly ConfigDefinition[] = [
  int('consumer.assignment.interval.ms', 1000, {
    min: 0,
    since: '4.3',
    broker: ['group.consumer.assignment.interval.ms'],
  }),
  int('consumer.heartbeat.interval.ms', 5000, { min: 1, broker: ['group.consumer.heartbeat.interval.ms'] }),
  int('consumer.session.timeout.ms', 45_000, { min: 1, broker: ['group.consumer.session.timeout.ms'] }),
  bool('errors.deadletterqueue.copy.record.enable', false, { since: '4.4' }),
  text(DEAD_LETTER_TOPIC, '', { since: '4.4' }),
  int('share.assignment.interval.ms', 1000, { min: 0, since: '4.3', broker: ['group.share.assignment.interval.ms'] }),
  text(AUTO_OFFSET_RESET, 'latest', { refuse: refuseAutoOffsetReset }),
  int('share.delivery.count.limit', 5, { min: 2, since: '4.3', broker: ['group.share.delivery.count.limit'] }),
  int('share.heartbeat.interval.ms', 5000, { min: 1, broker: ['group.share.heartbeat.interval.ms'] }),
  text('share.isolation.level', 'read_uncommitted', { oneOf: ['read_committed', 'read_uncommitted'] }),
  int('share.partition.max.record.locks', 2000, {
    min: 100,
    since: '4.3',
    broker: ['group.share.partition.max.record.locks'],
  }),
  int('share.record.lock.duration.ms', 30_000, { min: 1000, broker: ['group.share.record.lock.duration.ms'] }),
  bool('share.renew.acknowledge.enable', true, { since: '4.3' }),
  int('share.session.timeout.ms', 45_000, { min: 1, broker: ['group.share.session.timeout.ms'] }),
  int('streams.assignment.interval.ms', 1000, { min: 0, since: '4.3' }),
  text('streams.assignor.name', 'sticky', { oneOf: ['sticky'], since: '4.4' }),
  int('streams.heartbeat.interval.ms', 5000, { min: 1 }),
  int('streams.initial.rebalance.delay.ms', 3000, { min: 0, since: '4.2' }),
  int('streams.num.standby.replicas', 0, { min: 0 }),
  list('streams.rack.aware.assignment.tags', '', { since: '4.4' }),
  int('streams.session.timeout.ms', 45_000, { min: 1 }),
]

/** A group's number that has to lie between two of the broker's, both included. */
export interface BrokerBounds {
  readonly name: string
  readonly lowest: string
  readonly highest: string
}

const bounded = (kind: 'share' | 'consumer', what: string): BrokerBounds => ({
  name: `${kind}.${what}`,
  lowest: `group.${kind}.min.${what}`,
  highest: `group.${kind}.max.${what}`,
})

/** In the order in which Kafka looks at them. */
export const groupConfigBounds: readonly BrokerBounds[] = [
  bounded('consumer', 'heartbeat.interval.ms'),
  bounded('consumer', 'session.timeout.ms'),
  bounded('consumer', 'assignment.interval.ms'),
  bounded('share', 'heartbeat.interval.ms'),
  bounded('share', 'session.timeout.ms'),
  bounded('share', 'record.lock.duration.ms'),
  bounded('share', 'delivery.count.limit'),
  bounded('share', 'partition.max.record.locks'),
  bounded('share', 'assignment.interval.ms'),
]

import { GROUP_CONFIGS, nearestName } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'

/**
 * Settings of the share group, which the brokers keep and which hold for all of its members. By Kafka's dotted names, or in
 * camelCase (`shareAutoOffsetReset`). A name that only a newer Kafka knows is given dotted, as a text; one that the broker does
 * not know is refused by it. Durations are in milliseconds.
 */
export interface GroupConfigs {
  /** Where a group that has no offset yet begins. Kafka's default `latest`; `by_duration:` is followed by an ISO-8601 duration. */
  readonly 'share.auto.offset.reset'?: 'earliest' | 'latest' | `by_duration:${string}` | undefined
  /** Whether records of open and of aborted transactions are delivered. Kafka's default `read_uncommitted`. */
  readonly 'share.isolation.level'?: 'read_committed' | 'read_uncommitted' | undefined
  /** How long an acquired record stays locked. Kafka's default 30000. */
  readonly 'share.record.lock.duration.ms'?: number | undefined
  /** How long a member may be silent before it is taken for gone. Kafka's default 45000. */
  readonly 'share.session.timeout.ms'?: number | undefined
  /** How often a member tells that it is there. Kafka's default 5000. */
  readonly 'share.heartbeat.interval.ms'?: number | undefined
  /** After so many deliveries a record is archived. Kafka's default 5. Kafka 4.3. */
  readonly 'share.delivery.count.limit'?: number | undefined
  /** How many records of one partition may be locked at once. Kafka's default 2000. Kafka 4.3. */
  readonly 'share.partition.max.record.locks'?: number | undefined
  /** Whether members may renew locks. Kafka's default true. Kafka 4.3. */
  readonly 'share.renew.acknowledge.enable'?: boolean | undefined
  /** How long the group gathers changes of its members before it deals partitions out anew. Kafka's default 1000. Kafka 4.3. */
  readonly 'share.assignment.interval.ms'?: number | undefined
  /** The topic that archived records are copied to; empty: none. Kafka 4.4. */
  readonly 'errors.deadletterqueue.topic.name'?: string | undefined
  /** Whether the copies carry key, value and headers of the record. Kafka's default false. Kafka 4.4. */
  readonly 'errors.deadletterqueue.copy.record.enable'?: boolean | undefined
  readonly shareAutoOffsetReset?: GroupConfigs['share.auto.offset.reset']
  readonly shareIsolationLevel?: GroupConfigs['share.isolation.level']
  readonly shareRecordLockDurationMs?: number | undefined
  readonly shareSessionTimeoutMs?: number | undefined
  readonly shareHeartbeatIntervalMs?: number | undefined
  readonly shareDeliveryCountLimit?: number | undefined
  readonly sharePartitionMaxRecordLocks?: number | undefined
  readonly shareRenewAcknowledgeEnable?: boolean | undefined
  readonly shareAssignmentIntervalMs?: number | undefined
  readonly errorsDeadletterqueueTopicName?: string | undefined
  readonly errorsDeadletterqueueCopyRecordEnable?: boolean | undefined
  readonly [dotted: `${string}.${string}`]: string | number | boolean | undefined
}

/** Group settings as the brokers take them: dotted names and texts. */
export type ResolvedGroupConfigs = Readonly<Record<string, string>>

const dottedNames: ReadonlyMap<string, string> = new Map(
  GROUP_CONFIGS.map((name) => [name.replaceAll(/\.([a-z])/g, (_dot, letter: string) => letter.toUpperCase()), name]),
)

/**
 * Brings group settings into the form that brokers take. Values are checked by the broker.
 * @throws KafkaUsageError for names that no group setting has, values that are none, and two values for one setting
 */
export function resolveGroupConfigs(given: unknown, where: string): ResolvedGroupConfigs {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new KafkaUsageError(
      `${where}: groupConfigs must be an object of group settings, such as { 'share.auto.offset.reset': 'earliest' }.`,
    )
  }
  const resolved: Record<string, string> = {}
  const problems: string[] = []
  for (const [name, value] of Object.entries(given as Readonly<Record<string, unknown>>)) {
    if (value === undefined) continue
    const dotted = dottedNames.get(name) ?? (name.includes('.') ? name : undefined)
    if (dotted === undefined) {
      const nearest = nearestName(name, [...dottedNames.keys(), ...GROUP_CONFIGS])
      problems.push(`'${name}' is no group setting${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`)
    } else if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      problems.push(`'${name}' must be a text, a number, or true or false`)
    } else if (resolved[dotted] !== undefined && resolved[dotted] !== String(value)) {
      problems.push(`'${dotted}' is given twice, with different values`)
    } else {
      resolved[dotted] = String(value)
    }
  }
  if (problems.length > 0) throw new KafkaUsageError(`${where}: groupConfigs: ${problems.join('; ')}.`)
  return Object.freeze(resolved)
}

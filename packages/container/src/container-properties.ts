import { nearestName } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import { z } from 'zod'
import { requireSupportedAckMode, ShareAckMode } from './ack-modes.js'
import { REJECTING, type AnyShareConsumerRecordRecoverer, type ShareConsumerRecordRecoverer } from './recoverers.js'

/**
 * What happens after a member died of an error that is not fatal.
 *
 * - `replace` (default): a new one takes its place after a pause of 1 s, which doubles up to 30 s while it keeps dying.
 * - `never`: its place stays empty; a container whose last member is gone has failed. (Spring's way.)
 */
export type RestartPolicy = 'replace' | 'never'

/** How a container works. Everything but the topics has a default. */
export interface ContainerProperties {
  /** The container's name in logs and events, and the base of its members' client ids. Default `share-container`. */
  readonly id?: string | undefined
  /** The topics to consume: one name or several. Share groups know no patterns and no partitions of one's own choice. */
  readonly topics?: string | readonly string[] | undefined
  /** The share group. Default: that of the consumer factory; absent there too, start() fails. */
  readonly groupId?: string | undefined
  /** The base of the members' client ids, which are `base-0`, `base-1` … Default: clientIdPrefix, else the container's id. */
  readonly clientId?: string | undefined
  /** The base of the client ids where no clientId is given. */
  readonly clientIdPrefix?: string | undefined
  /** How many members of the group the container runs, each with its own connections; records are shared out by the broker. Default 1. */
  readonly concurrency?: number | undefined
  /** Who acknowledges. Default EXPLICIT. */
  readonly shareAckMode?: ShareAckMode | undefined
  /**
   * True (default): the next batch is delivered only after the broker has confirmed the answers of this one. False: answers are
   * sent all the same, but nothing waits for the broker's word.
   */
  readonly syncShareCommits?: boolean | undefined
  /**
   * How many records a member may have delivered and not answered, running at once. Default: that of the consumer factory; unset
   * there too, it is Spring's batch rule: one record after another, and nothing of the next batch before all of this one are
   * answered.
   */
  readonly maxInFlight?: number | undefined
  /**
   * For how long the lock of one record is renewed while its listener works on it, or it waits for its listener; in milliseconds
   * from its acquisition. 0: locks are not renewed. Default: that of the consumer factory, which is 300000.
   */
  readonly maxLockExtensionMs?: number | undefined
  /** How long start() waits for all members to join, in milliseconds. Default 30000. */
  readonly consumerStartTimeoutMs?: number | undefined
  /** How long stop() takes at most where it is not told, in milliseconds. Default 10000. */
  readonly shutdownTimeoutMs?: number | undefined
  /** What happens when a member dies. Default `replace`. */
  readonly restartPolicy?: RestartPolicy | undefined
  /** Decides what becomes of a record whose listener threw. Default REJECTING. */
  readonly shareConsumerRecordRecoverer?: AnyShareConsumerRecordRecoverer | undefined
  /** Further consumer settings for this container, by the client's names or Kafka's dotted ones. They beat the consumer factory's. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
}

/** Container properties as running code sees them. */
export interface ResolvedContainerProperties {
  readonly id: string
  readonly topics: readonly string[]
  readonly groupId: string | undefined
  readonly clientIdBase: string
  readonly concurrency: number
  readonly syncShareCommits: boolean
  /** Undefined: as the consumer is made. */
  readonly maxInFlight: number | undefined
  readonly maxLockExtensionMs: number | undefined
  readonly consumerStartTimeoutMs: number
  readonly shutdownTimeoutMs: number
  readonly restartPolicy: RestartPolicy
  readonly recoverer: ShareConsumerRecordRecoverer
  readonly properties: Readonly<Record<string, unknown>>
}

const defaults = {
  id: 'share-container',
  concurrency: 1,
  syncShareCommits: true,
  consumerStartTimeoutMs: 30_000,
  shutdownTimeoutMs: 10_000,
  restartPolicy: 'replace' as RestartPolicy,
}

const name = z.string('must be a text').trim().min(1, 'must not be empty')
const count = z.int('must be a whole number').min(1, 'must be 1 or more')
const milliseconds = z.number('must be a number of milliseconds').min(0, 'must not be negative')

const shape = {
  id: name,
  topics: z.union(
    [name, z.array(name).min(1, 'must name at least one topic')],
    'must be a topic name or a list of them',
  ),
  groupId: name,
  clientId: name,
  clientIdPrefix: name,
  concurrency: count,
  shareAckMode: z.enum(ShareAckMode, `must be one of ${Object.keys(ShareAckMode).join(', ')}`),
  syncShareCommits: z.boolean('must be true or false'),
  maxInFlight: count,
  maxLockExtensionMs: milliseconds,
  consumerStartTimeoutMs: milliseconds.min(1, 'must be 1 or more'),
  shutdownTimeoutMs: milliseconds,
  restartPolicy: z.enum(['replace', 'never'], "must be 'replace' or 'never'"),
  shareConsumerRecordRecoverer: z.custom<ShareConsumerRecordRecoverer>(
    (value) => typeof value === 'function',
    'must be a function (record, error) => answer, as REJECTING or RELEASING',
  ),
  properties: z.record(z.string(), z.unknown(), 'must be an object of consumer settings'),
}
const givenProperties = z.strictObject(shape).partial()

/** What Spring's regular containers know and share groups cannot have, with the reason. */
const refusals: Readonly<Record<string, string>> = {
  topicPattern: 'a share group subscribes to topics by name; list them in topics',
  topicPartitions: 'a share group deals records out itself; a member cannot choose partitions',
  ackMode: 'records are acknowledged one by one and no offset is committed; use shareAckMode',
  pollTimeout: 'the container waits for records without polling; there is nothing to set',
  commonErrorHandler: 'there is no seek and no offset to go back to; use shareConsumerRecordRecoverer',
  errorHandler: 'there is no seek and no offset to go back to; use shareConsumerRecordRecoverer',
  batchListener: 'records of a share group are delivered and answered one by one',
  explicitShareAcknowledgment: 'it is the old form of shareAckMode, which is EXPLICIT in this version',
}

/** Checks what a user gave. @throws KafkaUsageError that names every wrong property, with what it may be */
export function checkContainerProperties(given: ContainerProperties, where: string): void {
  const refused = Object.keys(given).filter((key) => !(key in shape))
  if (refused.length > 0) {
    const told = refused.map((key) => {
      const reason = refusals[key]
      if (reason !== undefined) return `'${key}' cannot be set: ${reason}.`
      const nearest = nearestName(key, Object.keys(shape))
      return `'${key}' is not a container property${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`
    })
    throw new KafkaUsageError(`${where}: ${told.join(' ')} The properties are: ${Object.keys(shape).join(', ')}.`)
  }
  if (Object.values([given.topics].flat()).some((topic) => (topic as unknown) instanceof RegExp)) {
    throw new KafkaUsageError(`${where}: topics cannot be a pattern: ${refusals['topicPattern']}.`)
  }
  const checked = givenProperties.safeParse(withoutUndefined(given))
  if (!checked.success) {
    const told = checked.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
    throw new KafkaUsageError(`${where}: ${told.join('; ')}.`)
  }
  if (given.shareAckMode !== undefined) requireSupportedAckMode(given.shareAckMode, where)
}

/** Lays properties over others: what `over` sets wins, consumer settings are merged by name. Both are left as they are. */
export function layContainerProperties(base: ContainerProperties, over: ContainerProperties): ContainerProperties {
  return {
    ...base,
    ...withoutUndefined(over),
    properties: { ...base.properties, ...over.properties },
  }
}

/** Checks the given properties, fills in the defaults and brings them into the form that running code uses. */
export function resolveContainerProperties(given: ContainerProperties): ResolvedContainerProperties {
  if (typeof given !== 'object' || given === null) {
    throw new KafkaUsageError(
      "A container takes an object of properties, at least its topics: { topics: 'orders', groupId: 'order-workers' }.",
    )
  }
  checkContainerProperties(given, `Container '${given.id ?? defaults.id}'`)
  const filled = { ...given, ...defaultsFor(given) }
  const { id, topics, properties } = filled
  return {
    id,
    topics: topics === undefined ? [] : [...new Set([topics].flat())],
    groupId: filled.groupId ?? textOf(properties?.['group.id']) ?? textOf(properties?.['groupId']),
    clientIdBase:
      filled.clientId ??
      textOf(properties?.['client.id']) ??
      textOf(properties?.['clientId']) ??
      filled.clientIdPrefix ??
      id,
    concurrency: filled.concurrency,
    syncShareCommits: filled.syncShareCommits,
    maxInFlight: filled.maxInFlight,
    maxLockExtensionMs: filled.maxLockExtensionMs,
    consumerStartTimeoutMs: filled.consumerStartTimeoutMs,
    shutdownTimeoutMs: filled.shutdownTimeoutMs,
    restartPolicy: filled.restartPolicy,
    recoverer: filled.shareConsumerRecordRecoverer ?? REJECTING,
    properties: { ...properties },
  }
}

/** The value of each property that has a default: the given one, else that. */
function defaultsFor(given: ContainerProperties): Required<typeof defaults> {
  return {
    id: given.id ?? defaults.id,
    concurrency: given.concurrency ?? defaults.concurrency,
    syncShareCommits: given.syncShareCommits ?? defaults.syncShareCommits,
    consumerStartTimeoutMs: given.consumerStartTimeoutMs ?? defaults.consumerStartTimeoutMs,
    shutdownTimeoutMs: given.shutdownTimeoutMs ?? defaults.shutdownTimeoutMs,
    restartPolicy: given.restartPolicy ?? defaults.restartPolicy,
  }
}

/** A consumer setting that is a text; what else it may be, the client refuses by name. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** A property that is there but undefined counts as not given. */
function withoutUndefined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T
}

import type { AcknowledgementCommitCallback } from '@milena/client'
import { checkTopicName, dottedName } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import { z } from 'zod'
import { ShareAckMode } from './ack-mode.js'
import type { ContainerProperties } from './container-properties.js'
import { resolveGroupConfigs, type GroupConfigs } from './group-configs.js'
import { requireKnown } from './known-names.js'
import type { ListenerErrorHandler } from './listener-error-handler.js'
import type { RecordFilter } from './record-filter.js'
import type { ShareConsumerRecordRecoverer } from './recoverers.js'

// What a user may give as container properties: checked here, and brought to one spelling.

/** Container properties of one spelling: nothing in them stands for something else. Durations and counts are numbers. */
export interface ReadContainerProperties extends Omit<
  ContainerProperties,
  'concurrency' | 'maxInFlight' | 'explicitShareAcknowledgment' | 'kafkaConsumerProperties'
> {
  readonly concurrency?: number | undefined
  readonly maxInFlight?: number | undefined
}

const name = z.string('must be a text').trim().min(1, 'must not be empty')
// An environment variable is a text.
const count = z.preprocess(
  (value) => (typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value),
  z.int('must be a whole number').min(1, 'must be 1 or more'),
)
const truth = z.boolean('must be true or false')
const milliseconds = z.number('must be a number of milliseconds').min(0, 'must not be negative')
const duration = z.number('must be a number of milliseconds').min(1, 'must be 1 or more')
const settings = z.record(z.string(), z.unknown(), 'must be an object of consumer settings')

function callable<T>(form: string): z.ZodType<T> {
  return z.custom<T>((value) => typeof value === 'function', `must be a function ${form}`)
}

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
  shareAcknowledgmentTimeoutMs: duration,
  explicitShareAcknowledgment: truth,
  processingDeadlineMs: duration,
  syncShareCommits: truth,
  acknowledgementCommitCallback: callable<AcknowledgementCommitCallback>('(verdict) => void'),
  maxInFlight: count,
  maxLockExtensionMs: milliseconds,
  pollTimeoutMs: duration,
  consumerStartTimeoutMs: duration,
  shutdownTimeoutMs: milliseconds,
  restartPolicy: z.enum(['replace', 'never'], "must be 'replace' or 'never'"),
  shareConsumerRecordRecoverer: callable<ShareConsumerRecordRecoverer>(
    '(record, error) => answer, as REJECTING or RELEASING',
  ),
  errorHandler: callable<ListenerErrorHandler>('(record, error, { logger, acknowledgment }) => answer or nothing'),
  filter: callable<RecordFilter>('(record) => true to deliver it'),
  recordContext: truth,
  phase: z.int('must be a whole number'),
  containerGroup: name,
  groupConfigs: z.custom<GroupConfigs>(),
  info: z.unknown(),
  properties: settings,
  kafkaConsumerProperties: settings,
}
const givenProperties = z.strictObject(shape).partial()

const NO_OFFSETS =
  'there is no seek and no offset to go back to; use shareConsumerRecordRecoverer, and errorHandler of a listener'
const NO_COMMITS = 'records are acknowledged one by one and no offset is committed; use shareAckMode'
const NO_CONVERTERS =
  'there are no message converters; a deserializer of the consumer factory makes the value, and a schema checks it (withPayload, @Payload)'
const NO_ASSIGNMENT =
  'a share group deals records out itself; a member has no partitions that could be assigned or revoked'

/** What Spring's regular containers know and share groups cannot have, or what is called otherwise here, with the reason. */
const refusals: Readonly<Record<string, string>> = {
  topicPattern: 'a share group subscribes to topics by name; list them in topics',
  topicPartitions: 'a share group deals records out itself; a member cannot choose partitions',
  consumerRebalanceListener: NO_ASSIGNMENT,
  assignmentCommitOption: NO_ASSIGNMENT,
  ackMode: NO_COMMITS,
  ackCount: NO_COMMITS,
  ackTime: NO_COMMITS,
  asyncAcks: NO_COMMITS,
  syncCommits: 'no offset is committed; whether verdicts on answers are waited for is syncShareCommits',
  commitCallback: 'no offset is committed; verdicts on answers are told to acknowledgementCommitCallback',
  offsetCommitCallback: 'no offset is committed; verdicts on answers are told to acknowledgementCommitCallback',
  pollTimeout: 'write pollTimeoutMs, in milliseconds',
  shutdownTimeout: 'write shutdownTimeoutMs, in milliseconds',
  consumerStartTimeout: 'write consumerStartTimeoutMs, in milliseconds',
  shareAcknowledgmentTimeout: 'write shareAcknowledgmentTimeoutMs, in milliseconds',
  commonErrorHandler: NO_OFFSETS,
  batchErrorHandler: NO_OFFSETS,
  genericErrorHandler: NO_OFFSETS,
  afterRollbackProcessor: NO_OFFSETS,
  batchListener: 'records of a share group are delivered and answered one by one',
  messageConverter: NO_CONVERTERS,
  recordMessageConverter: NO_CONVERTERS,
  batchMessageConverter: NO_CONVERTERS,
  recordFilterStrategy: 'write filter; it answers the opposite question, true delivers the record',
  transactionManager: 'acknowledgements of share groups are no part of transactions',
  kafkaAwareTransactionManager: 'acknowledgements of share groups are no part of transactions',
  eosMode: 'acknowledgements of share groups are no part of transactions',
  messageListener: 'the listener is given to setupMessageListener()',
}

/** Spring's modes of committing offsets, which somebody may look for under shareAckMode. */
const offsetModes = new Set(['RECORD', 'BATCH', 'TIME', 'COUNT', 'COUNT_TIME', 'MANUAL_IMMEDIATE'])

/** Consumer settings that are container properties as well: said among the settings, they count as said here. */
const ownSettings: Readonly<Record<string, 'groupId' | 'clientId' | 'maxInFlight' | 'maxLockExtensionMs'>> = {
  'group.id': 'groupId',
  'client.id': 'clientId',
  maxInFlight: 'maxInFlight',
  maxLockExtensionMs: 'maxLockExtensionMs',
}

/**
 * Checks what a user gave, and brings it to one spelling; a copy comes back.
 * @throws KafkaUsageError that names every wrong property, with what it may be
 */
export function readContainerProperties(given: ContainerProperties, where: string): ReadContainerProperties {
  checkNames(given, where)
  const checked = givenProperties.safeParse(withoutUndefined(oneSpelling(given, where)))
  if (!checked.success) {
    const told = checked.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`)
    const reason = reasonAgainstAckMode(given.shareAckMode ?? '')
    if (reason !== undefined) told.push(reason)
    throw new KafkaUsageError(`${where}: ${told.join('; ')}.`)
  }
  const { groupConfigs, ...read } = checked.data
  for (const topic of [read.topics ?? []].flat()) checkTopic(topic, where)
  return groupConfigs === undefined ? read : { ...read, groupConfigs: resolveGroupConfigs(groupConfigs, where) }
}

/** What is to be said about properties that are still understood and should not be used any more. */
export function deprecationOf(given: ContainerProperties, where: string): string | undefined {
  const { explicitShareAcknowledgment: old } = given
  if (old === undefined) return undefined
  const mode = old ? 'MANUAL' : 'EXPLICIT'
  return `${where}: explicitShareAcknowledgment is deprecated. Replace it by shareAckMode: '${mode}', which ${String(old)} stands for.`
}

/** Why a name cannot be set that people look for among container properties. */
export function reasonAgainst(name: string): string | undefined {
  return Object.hasOwn(refusals, name) ? refusals[name] : undefined
}

/**
 * Why one of Spring's modes of offset commits is none here.
 * @internal
 */
export function reasonAgainstAckMode(mode: string): string | undefined {
  return offsetModes.has(mode) ? `${mode} is a mode of offset commits, and ${NO_COMMITS}` : undefined
}

/** The names of all container properties. */
export const containerPropertyNames: readonly string[] = Object.keys(shape)

function checkNames(given: ContainerProperties, where: string): void {
  const known = { noun: 'a container property', known: containerPropertyNames, reasonAgainst }
  requireKnown(Object.keys(given), known, where)
  if (Object.values([given.topics].flat()).some((topic) => (topic as unknown) instanceof RegExp)) {
    throw new KafkaUsageError(`${where}: topics cannot be a pattern: ${reasonAgainst('topicPattern')}.`)
  }
}

function checkTopic(topic: string, where: string): void {
  try {
    checkTopicName(topic)
  } catch (cause) {
    throw new KafkaUsageError(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** The properties without aliases. What is of a wrong type is left where it is, for the check to tell. */
function oneSpelling(given: ContainerProperties, where: string): ContainerProperties {
  const { explicitShareAcknowledgment: old, properties, kafkaConsumerProperties, ...rest } = given
  const plain: Record<string, unknown> = { ...rest }
  if (typeof old === 'boolean') {
    const mode = old ? 'MANUAL' : 'EXPLICIT'
    if (given.shareAckMode !== undefined && given.shareAckMode !== mode) {
      throw new KafkaUsageError(
        `${where}: explicitShareAcknowledgment: ${old} stands for shareAckMode ${mode}, but shareAckMode is ${given.shareAckMode}. Leave the old one away.`,
      )
    }
    plain['shareAckMode'] = mode
  } else if (old !== undefined) plain['explicitShareAcknowledgment'] = old
  if (!isObject(properties ?? {}) || !isObject(kafkaConsumerProperties ?? {})) {
    return { ...plain, properties, kafkaConsumerProperties }
  }
  const merged: Record<string, unknown> = {}
  const named = new Map<string, string>()
  for (const [key, value] of [...Object.entries(properties ?? {}), ...Object.entries(kafkaConsumerProperties ?? {})]) {
    if (value === undefined) continue
    const dotted = dottedName(key)
    const other = named.get(dotted)
    if (other !== undefined && merged[dotted] !== value) throw saidTwice(where, other, key)
    named.set(dotted, key)
    merged[dotted] = value
  }
  for (const [setting, own] of Object.entries(ownSettings)) {
    plain[own] ??= merged[setting]
    delete merged[setting]
  }
  return { ...plain, ...((properties ?? kafkaConsumerProperties) === undefined ? {} : { properties: merged }) }
}

function saidTwice(where: string, one: string, other: string): KafkaUsageError {
  return new KafkaUsageError(
    one === other
      ? `${where}: '${one}' is set in properties and in kafkaConsumerProperties, with different values. They are one thing: set it once.`
      : `${where}: '${one}' and '${other}' are two names of one setting, and have different values. Set it once.`,
  )
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A property that is there but undefined counts as not given. */
function withoutUndefined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T
}

import { ErrorCode, Fetch, type RequestOf, type ResponseInput } from '@milena/protocol'
import type { LogBatch } from '../log/partition-log.js'
import { defineHandler, type Answer } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { logKey, type PartitionEntry, type TopicEntry } from '../topics/topic-catalog.js'
import { LeaderHints, leadershipError } from './leader-hints.js'

/*
 * Behaviour
 * - Waits until minBytes are there, an error is, or maxWaitMs are over. Limits are soft: the first partition that has anything gives
 *   at least one batch.
 * - Isolation level 1 reads up to the last stable offset and lists the aborted transactions in what it gives.
 * - The log never loses what was read, so that an epoch diverges only for an offset behind the end.
 * Sessions
 * - No session is ever opened: the answer says session id 0, and clients go on naming all partitions each time (KIP-227). A request
 *   for a session gets FETCH_SESSION_ID_NOT_FOUND.
 * Versions
 * - 13 names topics by id. 12 and later name the leader beside NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH, 16 where it is.
 */

type FetchRequest = RequestOf<typeof Fetch>
type TopicRequest = FetchRequest['topics'][number]
type PartitionRequest = TopicRequest['partitions'][number]
type PartitionAnswer = ResponseInput<typeof Fetch>['responses'][number]['partitions'][number]

const READ_COMMITTED = 1
const FINAL_EPOCH = -1
const NO_RECORDS = Buffer.alloc(0)

/** One partition of the request, found or not. */
interface Asked {
  readonly request: PartitionRequest
  readonly partition: PartitionEntry | undefined
  /** Why the topic as a whole cannot be read; 0 when it can. */
  readonly topicError: number
}

interface AskedTopic {
  readonly head: { readonly topic?: string; readonly topicId?: string }
  readonly partitions: readonly Asked[]
}

export const fetchHandler = defineHandler(Fetch, (request, context) => {
  const { sessionEpoch } = request
  if (sessionEpoch !== 0 && sessionEpoch !== FINAL_EPOCH) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] }
  }
  const isFollower = Math.max(request.replicaId, request.replicaState.replicaId) >= 0
  const topics = request.topics.map((topic) => ask(topic, context, isFollower))
  const answer = (): Answer<typeof Fetch> => readAll(topics, request, context)
  if (request.maxWaitMs <= 0 || isReady(topics, request, context)) return answer()
  const keys = topics.flatMap((topic) =>
    topic.partitions.flatMap(({ partition }) =>
      partition === undefined ? [] : [logKey(partition.topic.id, partition.index)],
    ),
  )
  // What is there is read when the waiting ends, whatever ended it: the answer then holds all that came by then.
  return context.cluster.surroundings.delayed
    .wait({
      keys,
      delayMs: request.maxWaitMs,
      tryComplete: () => isReady(topics, request, context),
      signal: context.signal,
    })
    .then(answer)
})

function ask(data: TopicRequest, context: RequestContext, isFollower: boolean): AskedTopic {
  const byId = context.version >= 13
  const { topics } = context.cluster
  const topic = byId ? topics.byId(data.topicId) : topics.byName(data.topic)
  const found = errorOfTopic(topic, topic?.name ?? data.topic, context)
  // There are no replicas that fetch; who says to be one is none of this partition.
  const topicError = isFollower && found === ErrorCode.NONE ? ErrorCode.NOT_LEADER_OR_FOLLOWER : found
  // A partition that is named twice is answered once, for what was asked last.
  const wanted = new Map(data.partitions.map((each) => [each.partition, each]))
  return {
    head: byId ? { topicId: data.topicId } : { topic: data.topic },
    partitions: [...wanted.values()].map((request) => ({
      request,
      partition: topicError === ErrorCode.NONE ? topic?.partitions[request.partition] : undefined,
      topicError,
    })),
  }
}

function errorOfTopic(topic: TopicEntry | undefined, name: string, context: RequestContext): number {
  if (topic === undefined && context.version >= 13) return ErrorCode.UNKNOWN_TOPIC_ID
  if (!context.allows('Read', 'Topic', name)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return topic === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.NONE
}

/** Enough bytes, or something that is to be told at once. */
function isReady(topics: readonly AskedTopic[], request: FetchRequest, context: RequestContext): boolean {
  let bytes = 0
  let isEmpty = true
  for (const topic of topics) {
    for (const asked of topic.partitions) {
      isEmpty = false
      const { partition } = asked
      if (partition === undefined || faultOf(asked, partition, context) !== undefined) return true
      bytes += partition.log.bytesAvailable({
        fromOffset: asked.request.fetchOffset,
        upTo: endFor(partition, request),
        enough: Math.min(asked.request.partitionMaxBytes, request.minBytes - bytes),
      })
      if (bytes >= request.minBytes) return true
    }
  }
  return isEmpty || bytes >= request.minBytes
}

function endFor(partition: PartitionEntry, { isolationLevel }: FetchRequest): number {
  return isolationLevel === READ_COMMITTED ? partition.log.lastStableOffset : partition.log.endOffset
}

/** What is answered instead of records; undefined when the partition can be read. */
function faultOf(asked: Asked, partition: PartitionEntry, context: RequestContext): PartitionFault | undefined {
  const { fetchOffset, currentLeaderEpoch, lastFetchedEpoch } = asked.request
  const { log } = partition
  if (context.cluster.topics.partition(partition.topic.id, partition.index) === undefined) {
    return { errorCode: context.version >= 13 ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
  }
  const leadership = leadershipError(partition, context, currentLeaderEpoch)
  if (leadership !== ErrorCode.NONE) return { errorCode: leadership }
  if (lastFetchedEpoch >= 0) {
    const { leaderEpoch, endOffset } = log.endOfEpoch(lastFetchedEpoch, partition.leaderEpoch)
    if (endOffset < 0) return { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }
    if (leaderEpoch < lastFetchedEpoch || endOffset < fetchOffset) {
      return { errorCode: ErrorCode.NONE, divergingEpoch: { epoch: leaderEpoch, endOffset } }
    }
  }
  if (fetchOffset < log.startOffset || fetchOffset > log.endOffset) return { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }
  return undefined
}

interface PartitionFault {
  readonly errorCode: number
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number }
}

function readAll(topics: readonly AskedTopic[], request: FetchRequest, context: RequestContext): Answer<typeof Fetch> {
  const hints = new LeaderHints(context.cluster, { leader: context.version >= 12, endpoints: context.version >= 16 })
  let left = Math.min(request.maxBytes, context.cluster.configs.brokerNumber('fetch.max.bytes'))
  let isFirst = true
  const isCommitted = request.isolationLevel === READ_COMMITTED
  const responses = topics.map(({ head, partitions }) => ({
    ...head,
    partitions: partitions.map((asked): PartitionAnswer => {
      const { partition } = asked
      const { partition: partitionIndex, fetchOffset, partitionMaxBytes } = asked.request
      if (partition === undefined) {
        const errorCode = asked.topicError === ErrorCode.NONE ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : asked.topicError
        const isUnknown = errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER
        return { ...failed(partitionIndex, errorCode), abortedTransactions: isUnknown ? [] : null }
      }
      const fault = faultOf(asked, partition, context)
      if (fault !== undefined && fault.errorCode !== ErrorCode.NONE) {
        return { ...failed(partitionIndex, fault.errorCode), ...hints.hint(fault.errorCode, partition) }
      }
      const { log } = partition
      const upTo = endFor(partition, request)
      const maxBytes = Math.min(left, partitionMaxBytes)
      const batches =
        fault === undefined ? withinLimit(log.read({ fromOffset: fetchOffset, maxBytes, upTo }), maxBytes, isFirst) : []
      const records = joined(batches)
      left = Math.max(0, left - records.length)
      if (records.length > 0) isFirst = false
      return {
        partitionIndex,
        errorCode: ErrorCode.NONE,
        highWatermark: log.endOffset,
        lastStableOffset: log.lastStableOffset,
        logStartOffset: log.startOffset,
        ...(fault?.divergingEpoch === undefined ? {} : { divergingEpoch: fault.divergingEpoch }),
        abortedTransactions: isCommitted && fault === undefined ? abortedIn(partition, fetchOffset, batches) : null,
        records,
      }
    }),
  }))
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    sessionId: 0,
    responses,
    nodeEndpoints: hints.nodeEndpoints,
  }
}

/** Only the first partition that has anything may exceed its limit. */
function withinLimit(batches: readonly LogBatch[], maxBytes: number, isFirst: boolean): readonly LogBatch[] {
  const [first] = batches
  return first === undefined || isFirst || first.sizeInBytes <= maxBytes ? batches : []
}

function abortedIn(
  { log }: PartitionEntry,
  fetchOffset: number,
  batches: readonly LogBatch[],
): { readonly producerId: number; readonly firstOffset: number }[] {
  const last = batches.at(-1)
  if (last === undefined) return []
  return log
    .abortedTransactions(fetchOffset, last.lastOffset + 1)
    .map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
}

function joined(batches: readonly LogBatch[]): Buffer {
  const [first] = batches
  if (first === undefined) return NO_RECORDS
  return batches.length === 1 ? first.bytes : Buffer.concat(batches.map((batch) => batch.bytes))
}

function failed(partitionIndex: number, errorCode: number): PartitionAnswer {
  return {
    partitionIndex,
    errorCode,
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: null,
    records: NO_RECORDS,
  }
}

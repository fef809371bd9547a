import { ErrorCode, ShareFetch, type RequestOf, type ResponseInput } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import { AcquireMode } from '../share/records/acquire-request.js'
import type { LedSharePartition } from '../share/leader/led-share-partition.js'
import type { ShareFetch as ShareFetchRun } from '../share/leader/share-fetch.js'
import {
  nextSessionEpoch,
  partitionKey,
  SessionEpoch,
  type NamedPartition,
  type ShareSession,
} from '../share/leader/share-session.js'
import {
  beginAcknowledgements,
  noAcknowledgements,
  sortAcknowledgements,
  type PartitionAcknowledged,
  type SortedAcknowledgements,
} from './share-acknowledgements.js'
import { fetchAnswer, type PartitionFetched } from './share-fetch-answer.js'
import { checkPartitions, ledPartitions } from './share-fetch-partitions.js'
import { groupFault } from './share-request-checks.js'

// Behaviour
// - Opens a session (epoch 0), goes on with it, or ends it (-1). The right epoch is used up before the work is done.
// - Carries acknowledgements: they are judged by what the records were before this fetch, and what they set free is seen by it
//   only when something wakes it (Kafka's write to its coordinator ends after the fetch has looked). With isRenewAck
//   nothing is fetched.
// - Waits up to MaxWaitMs for MinBytes of what can be acquired. A partition that cannot begin is told only at the end of the
//   wait, unless all fail at once.
// - A connection that closes is not noticed before its fetch is over: the fetch may acquire for a member that is gone,
//   and what it got is released with the session, its delivery counted.
// Session
// - An incremental answer leaves out what has nothing to tell. If another request has used the next epoch meanwhile, the answer
//   is INVALID_SHARE_SESSION_EPOCH, and the records stay locked.
// Versions
// - 1: Kafka 4.1. 2: Kafka 4.2 has the acquire mode and isRenewAck.

type Request = RequestOf<typeof ShareFetch>
type Answer = ResponseInput<typeof ShareFetch>

/** A request that was let in. */
interface Admitted {
  readonly request: Request
  readonly context: RequestContext
  readonly groupId: string
  readonly memberId: string
  /** Undefined: the request closes it. */
  readonly session: ShareSession | undefined
}

export const shareFetchHandler = defineHandler(ShareFetch, (request, context): Answer | Promise<Answer> => {
  const fault = groupFault(request, context)
  const { groupId, memberId, shareSessionEpoch: epoch } = request
  if (fault !== ErrorCode.NONE || groupId === null || memberId === null) return refusal(fault)
  if (request.isRenewAck && asksForRecords(request)) return refusal(ErrorCode.INVALID_REQUEST)

  const { sessions } = context.node.share
  const wanted = namedPartitions(request, context)
  if (epoch === SessionEpoch.INITIAL) {
    if (carriesAcknowledgements(request)) return refusal(ErrorCode.INVALID_REQUEST)
    const isTwice = new Set(wanted.map((each) => partitionKey(each.topicId, each.partition))).size < wanted.length
    if (isTwice) {
      sessions.discard(groupId, memberId)
      return refusal(ErrorCode.UNKNOWN_SERVER_ERROR)
    }
    const session = sessions.open({ groupId, memberId, partitions: wanted, connection: context.connection })
    if (session === undefined) return sessionLimitReached(request, context)
    return serve({ request, context, groupId, memberId, session })
  }
  const forgotten = request.forgottenTopicsData.flatMap(({ topicId, partitions }) =>
    partitions.map((partition) => ({ topicId, partition })),
  )
  const { errorCode, session } = sessions.fetch({ groupId, memberId, epoch }, { wanted, forgotten })
  if (session === undefined) return refusal(errorCode)
  if (epoch !== SessionEpoch.FINAL) return serve({ request, context, groupId, memberId, session })
  const answer = serve({ request, context, groupId, memberId, session: undefined })
  // Where Kafka fails at an acknowledgement it does not come to the end of the session.
  const hasFailed = 'errorCode' in answer && answer.errorCode !== ErrorCode.NONE
  if (!hasFailed) context.node.share.closeSession(session)
  return answer
})

/** Nothing was done, not even the lock's duration is told. */
function refusal(errorCode: number): Answer {
  return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs: 0, responses: [], nodeEndpoints: [] }
}

function asksForRecords({ maxBytes, minBytes, maxRecords, maxWaitMs }: Request): boolean {
  return maxBytes !== 0 || minBytes !== 0 || maxRecords !== 0 || maxWaitMs !== 0
}

function carriesAcknowledgements({ topics }: Request): boolean {
  return topics.some(({ partitions }) => partitions.some((each) => each.acknowledgementBatches.length > 0))
}

function namedPartitions({ topics }: Request, { cluster }: RequestContext): readonly NamedPartition[] {
  return topics.flatMap(({ topicId, partitions }) => {
    const topic = cluster.topics.byId(topicId)?.name
    return partitions.map(({ partitionIndex: partition }) => ({ topicId, topic, partition }))
  })
}

/** Held back, so that who is refused does not ask again at once. */
async function sessionLimitReached({ maxWaitMs }: Request, context: RequestContext): Promise<Answer> {
  await context.cluster.surroundings.delayed.wait({
    keys: [],
    delayMs: maxWaitMs,
    tryComplete: () => false,
    signal: context.signal,
  })
  return refusal(ErrorCode.SHARE_SESSION_LIMIT_REACHED)
}

function serve(admitted: Admitted): Answer | Promise<Answer> {
  const { request, context, groupId, session } = admitted
  const acks = carriesAcknowledgements(request)
    ? sortAcknowledgements(request.topics, { groupId, isRenewAck: request.isRenewAck }, context)
    : noAcknowledgements
  // Fetches that wait see what was released before, and not yet what becomes free now.
  for (const { led } of acks.addressed) context.cluster.surroundings.delayed.touch(led.waitKey)
  if (session === undefined || request.isRenewAck) return answerWithout(admitted, [], acks)

  const { profile } = context.cluster.surroundings
  const isLost =
    profile.unknownTopicIdFailsShareFetch && session.partitions.some(({ topicId }) => !isKnown(topicId, context))
  if (!isLost) return serveSession(admitted, session, acks)
  // All is done as it would be otherwise: acknowledgements have taken effect, records are acquired. Nobody is told of it.
  const answered = serveSession(admitted, session, acks)
  return answered instanceof Promise ? answered.then(withoutResults) : withoutResults(answered)
}

/** Fails an answer at its end; one that has failed before stays as it is. */
function withoutResults(answered: Answer): Answer {
  return answered.errorCode === ErrorCode.NONE ? refusal(ErrorCode.UNKNOWN_SERVER_ERROR) : answered
}

function serveSession(
  admitted: Admitted,
  session: ShareSession,
  acks: SortedAcknowledgements,
): Answer | Promise<Answer> {
  const { request, context, groupId, memberId } = admitted
  const { failed, known } = checkPartitions(session, context)
  if (request.maxRecords === 0 || request.maxBytes === 0) return answerWithout(admitted, failed, acks)
  const own = ledPartitions(known, { groupId, epoch: request.shareSessionEpoch }, context)
  const allFailed = [...failed, ...own.failed]
  if (own.led.length === 0) return answerWithout(admitted, allFailed, acks)

  const fetch = context.node.share.fetch({
    groupId,
    memberId,
    minBytes: request.minBytes,
    maxBytes: Math.min(request.maxBytes, context.cluster.configs.brokerNumber('fetch.max.bytes')),
    maxRecords: request.maxRecords,
    batchSize: request.batchSize,
    mode:
      request.shareAcquireMode === AcquireMode.RECORD_LIMIT ? AcquireMode.RECORD_LIMIT : AcquireMode.BATCH_OPTIMIZED,
    partitions: own.led,
  })
  return fetchWith(admitted, fetch, { failed: allFailed, led: own.led, acks })
}

/** Nothing is fetched. */
function answerWithout(admitted: Admitted, failed: readonly PartitionFetched[], acks: SortedAcknowledgements): Answer {
  const acknowledged = beginAcknowledgements(acks, admitted.memberId, admitted.context)?.complete()
  return acknowledged === undefined ? refusal(ErrorCode.UNKNOWN_SERVER_ERROR) : answer(admitted, failed, acknowledged)
}

/** The acknowledgements are judged, the fetch looks, they take effect, and if that was not enough the fetch waits. */
function fetchWith(
  admitted: Admitted,
  fetch: ShareFetchRun,
  given: {
    readonly failed: readonly PartitionFetched[]
    readonly led: readonly LedSharePartition[]
    readonly acks: SortedAcknowledgements
  },
): Answer | Promise<Answer> {
  const { request, context, memberId } = admitted
  const { led, failed, acks } = given
  const begun = beginAcknowledgements(acks, memberId, context)
  if (begun === undefined) return refusal(ErrorCode.UNKNOWN_SERVER_ERROR)
  const isOver = fetch.attempt() || (request.maxWaitMs <= 0 && fetch.end())
  const wakeUpsBefore = wakeUps(led)
  const acknowledged = begun.complete()
  const finish = (): Answer => {
    const errorCode = fetch.hasFailed ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.NONE
    const results = [...fetch.results].map(([{ key }, fetched]) => fetchedFrom(key, fetched, errorCode))
    const answered = answer(admitted, [...results, ...failed, ...faults(led)], acknowledged)
    fetch.passOn()
    return answered
  }
  if (isOver) return finish()

  const { share } = context.node
  share.sessions.busy(context.connection.id)
  return fetch
    .wait(request.maxWaitMs, wakeUps(led) !== wakeUpsBefore, share.life)
    .then(finish)
    .finally(() => share.sessions.idle(context.connection.id))
}

function isKnown(topicId: string, context: RequestContext): boolean {
  return context.cluster.topics.byId(topicId) !== undefined
}

function wakeUps(led: readonly LedSharePartition[]): number {
  return led.reduce((sum, each) => sum + each.wakeUps, 0)
}

function fetchedFrom(
  { topicId, partition }: LedSharePartition['key'],
  { records, acquired }: Pick<PartitionFetched, 'records' | 'acquired'>,
  errorCode: number,
): PartitionFetched {
  return { topicId, partition, errorCode, errorMessage: null, records, acquired }
}

/** Those that could not begin: never initialised, or no position to be found. */
function faults(led: readonly LedSharePartition[]): readonly PartitionFetched[] {
  return led.flatMap(({ fault, key: { topicId, partition } }) =>
    fault === undefined
      ? []
      : [{ topicId, partition, errorCode: fault, errorMessage: null, records: Buffer.alloc(0), acquired: [] }],
  )
}

function answer(
  { request, context, groupId, session }: Admitted,
  fetched: readonly PartitionFetched[],
  acknowledged: readonly PartitionAcknowledged[],
): Answer {
  const acquisitionLockTimeoutMs = context.node.share.settings(groupId).recordLockDurationMs
  const isIncremental = request.shareSessionEpoch > SessionEpoch.INITIAL
  const isSuperseded =
    isIncremental && session !== undefined && session.nextEpoch !== nextSessionEpoch(request.shareSessionEpoch)
  if (isSuperseded) {
    return {
      ...refusal(ErrorCode.INVALID_SHARE_SESSION_EPOCH),
      acquisitionLockTimeoutMs,
      ...fetchAnswer(context, [], acknowledged),
    }
  }
  const told =
    isIncremental && session !== undefined
      ? fetched.filter((each) =>
          session.admit(partitionKey(each.topicId, each.partition), {
            hasRecords: each.records.length > 0,
            hasError: each.errorCode !== ErrorCode.NONE,
          }),
        )
      : fetched
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    acquisitionLockTimeoutMs,
    ...fetchAnswer(context, told, acknowledged),
  }
}

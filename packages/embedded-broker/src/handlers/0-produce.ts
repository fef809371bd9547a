import { ErrorCode, errorName, Produce, type RequestOf, type ResponseInput } from '@milena/protocol'
import { peekProducer, type PeekedProducer } from '../log/batch-header.js'
import type { AppendResult } from '../log/partition-log.js'
import { defineHandler, type Answer } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import type { PartitionEntry, TopicEntry } from '../topics/topic-catalog.js'
import { LeaderHints, leadershipError } from './leader-hints.js'

/*
 * Behaviour
 * - Partitions succeed and fail one by one; a transactional batch without the right to its transactional id fails the request.
 * - A transactional batch for a partition that its transaction does not have yet: from version 12 on the partition is added
 *   (KIP-890); before, the batch is refused: TRANSACTION_ABORTABLE, or INVALID_TXN_STATE below version 11.
 * - acks 0 is never answered; an error then closes the connection, which is all that the producer learns.
 * - All replicas share the log, so that acks 1 and -1 differ in nothing but min.insync.replicas.
 * Versions
 * - 13 names topics by id. 10 and later name the leader beside NOT_LEADER_OR_FOLLOWER.
 */

type ProduceRequest = RequestOf<typeof Produce>
type TopicRequest = ProduceRequest['topicData'][number]
type TopicAnswer = ResponseInput<typeof Produce>['responses'][number]
type PartitionAnswer = TopicAnswer['partitionResponses'][number]

/** What fails a whole topic, or undefined. */
type Located = { readonly topic: TopicEntry } | { readonly errorCode: number }

export const produceHandler = defineHandler(Produce, (request, context) => {
  const hints = new LeaderHints(context.cluster, { leader: context.version >= 10, endpoints: context.version >= 10 })
  const refusal = requestFault(request, context)
  const topics = request.topicData.map((topic) => produceToTopic(topic, { request, context, hints, refusal }))
  const isLater = topics.some((topic) => topic.partitions.some((each) => each instanceof Promise))
  return isLater
    ? Promise.all(
        topics.map(async ({ head, partitions }) => ({
          head,
          partitions: await Promise.all(partitions.map((each) => Promise.resolve(each))),
        })),
      ).then((all) => finish(request, context, all, hints))
    : finish(request, context, topics as readonly TopicOutcome[], hints)
})

interface TopicOutcome {
  readonly head: { readonly name?: string; readonly topicId?: string }
  readonly partitions: readonly PartitionAnswer[]
}

interface Whole {
  readonly request: ProduceRequest
  readonly context: RequestContext
  readonly hints: LeaderHints
  /** Fails every partition; 0 for none. */
  readonly refusal: number
}

function finish(
  request: ProduceRequest,
  context: RequestContext,
  topics: readonly TopicOutcome[],
  hints: LeaderHints,
): Answer<typeof Produce> {
  if (request.acks !== 0) {
    const responses = topics.map(({ head, partitions }) => ({ ...head, partitionResponses: [...partitions] }))
    return { responses, nodeEndpoints: hints.nodeEndpoints }
  }
  const failed = topics.flatMap((topic) => topic.partitions).find((each) => each.errorCode !== ErrorCode.NONE)
  if (failed !== undefined) {
    context.logger.warn(
      { clientId: context.clientId, errorCode: failed.errorCode },
      `Records sent with acks 0 were not written (${errorName(failed.errorCode)}): the connection is closed, as there is no answer to tell it`,
    )
    context.connection.close()
  }
  return undefined
}

function requestFault(request: ProduceRequest, context: RequestContext): number {
  const isTransactional = request.topicData.some((topic) =>
    topic.partitionData.some(({ records }) => peekProducer(records)?.isTransactional === true),
  )
  const { transactionalId, acks } = request
  if (isTransactional && (transactionalId === null || !context.allows('Write', 'TransactionalId', transactionalId))) {
    return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  }
  return acks < -1 || acks > 1 ? ErrorCode.INVALID_REQUIRED_ACKS : ErrorCode.NONE
}

function produceToTopic(
  data: TopicRequest,
  whole: Whole,
): {
  readonly head: TopicOutcome['head']
  readonly partitions: readonly (PartitionAnswer | Promise<PartitionAnswer>)[]
} {
  const { context } = whole
  const located = locate(data, context)
  return {
    head: context.version >= 13 ? { topicId: data.topicId } : { name: data.name },
    partitions: data.partitionData.map(({ index, records }) => {
      if (whole.refusal !== ErrorCode.NONE) return refused(index, whole.refusal)
      if ('errorCode' in located) return refused(index, located.errorCode)
      const partition = located.topic.partitions[index]
      if (partition === undefined) return refused(index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      return produceToPartition(partition, records, whole)
    }),
  }
}

function locate(data: TopicRequest, context: RequestContext): Located {
  const { topics } = context.cluster
  const byId = context.version >= 13
  const topic = byId ? topics.byId(data.topicId) : topics.byName(data.name)
  const name = topic?.name ?? data.name
  if (topic === undefined && byId) return { errorCode: ErrorCode.UNKNOWN_TOPIC_ID }
  if (!context.allows('Write', 'Topic', name)) return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }
  if (topic === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
  return { topic }
}

function produceToPartition(
  partition: PartitionEntry,
  records: Buffer | null,
  { request, context, hints }: Whole,
): PartitionAnswer | Promise<PartitionAnswer> {
  const { index } = partition
  const leadership = leadershipError(partition, context)
  if (leadership !== ErrorCode.NONE) return { ...refused(index, leadership), ...hints.hint(leadership, partition) }
  if (request.acks === -1 && partition.inSyncReplicas.length < leastInSync(partition, context)) {
    return refused(index, ErrorCode.NOT_ENOUGH_REPLICAS)
  }
  const producer = peekProducer(records)
  if (producer !== undefined) {
    const fault = transactionFault(partition, producer, request.transactionalId, context)
    if (fault !== undefined) return fault
  }
  const result = partition.log.append(records ?? Buffer.alloc(0), {
    leaderEpoch: partition.leaderEpoch,
    produceVersion: context.version,
  })
  return result instanceof Promise ? result.then((done) => answerOf(index, done)) : answerOf(index, result)
}

/** No more than there are replicas, as Kafka 4 counts it. */
function leastInSync(partition: PartitionEntry, context: RequestContext): number {
  const wanted = Number(context.cluster.configs.topicValue(partition.topic.name, 'min.insync.replicas'))
  return Math.min(wanted, partition.replicas.length)
}

/** What keeps a transactional batch from being written, beyond what the log itself checks. */
function transactionFault(
  partition: PartitionEntry,
  producer: PeekedProducer,
  transactionalId: string | null,
  context: RequestContext,
): PartitionAnswer | undefined {
  const { index, topic, log } = partition
  const { producerId, producerEpoch } = producer
  if (!producer.isTransactional || transactionalId === null) return undefined
  if (log.hasOpenTransaction(producerId, producerEpoch)) return undefined
  const { transactions } = context.cluster
  const identity = { transactionalId, producerId, producerEpoch }
  const place = { topicId: topic.id, partition: index }
  const adds = context.version >= 12
  const outcome = adds ? transactions.addPartitions(identity, [place]) : transactions.verifyPartition(identity, place)
  switch (outcome) {
    case ErrorCode.NONE:
      // A producer that numbers on where nothing of it is remembered has lost a batch (KIP-890).
      return adds && producer.baseSequence !== 0 && !log.knowsProducer(producerId)
        ? { ...refused(index, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER), logStartOffset: log.startOffset }
        : undefined
    case ErrorCode.PRODUCER_FENCED:
      return refused(index, ErrorCode.INVALID_PRODUCER_EPOCH)
    case ErrorCode.TRANSACTION_ABORTABLE:
      if (context.version >= 11) return refused(index, outcome)
      return {
        ...refused(index, ErrorCode.INVALID_TXN_STATE),
        errorMessage: 'Partition was not added to the transaction',
      }
    default:
      return refused(index, outcome)
  }
}

function answerOf(index: number, result: AppendResult): PartitionAnswer {
  const { errorCode, errorMessage, recordErrors, baseOffset, logAppendTimeMs, logStartOffset } = result
  return {
    index,
    errorCode,
    baseOffset,
    logAppendTimeMs,
    logStartOffset,
    // As in Kafka: what is wrong with a batch as a whole stands in the broker's log, not in the answer.
    ...(recordErrors === undefined ? {} : { recordErrors: [...recordErrors], errorMessage: errorMessage ?? null }),
  }
}

function refused(index: number, errorCode: number): PartitionAnswer {
  return { index, errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset: -1 }
}

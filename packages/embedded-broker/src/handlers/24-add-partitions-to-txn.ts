import { AddPartitionsToTxn, ErrorCode, type RequestOf, type ResponseInput } from '@milena/protocol'
import { defineHandler, type Answer } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'
import type { ProducerIdentity } from '../transactions/transaction-coordinator.js'
import type { TransactionPartition } from '../transactions/transaction.js'

/*
 * Behaviour
 * - All partitions or none: one that is unknown or denied fails with its own error, the others with OPERATION_NOT_ATTEMPTED.
 * - What is wrong with the transaction itself is told for each partition.
 * Versions
 * - 0 to 3 come from clients. 4 and 5 are for brokers: several transactions, also only to verify; they need ClusterAction.
 * - Below 2 PRODUCER_FENCED is told as INVALID_PRODUCER_EPOCH.
 */

type Topics = RequestOf<typeof AddPartitionsToTxn>['v3AndBelowTopics']
type TopicResults = NonNullable<ResponseInput<typeof AddPartitionsToTxn>['resultsByTopicV3AndBelow']>

export const addPartitionsToTxnHandler = defineHandler(AddPartitionsToTxn, (request, context) =>
  context.version >= 4 ? batched(request, context) : single(request, context),
)

function single(
  request: RequestOf<typeof AddPartitionsToTxn>,
  context: RequestContext,
): Answer<typeof AddPartitionsToTxn> {
  const producer: ProducerIdentity = {
    transactionalId: request.v3AndBelowTransactionalId,
    producerId: request.v3AndBelowProducerId,
    producerEpoch: request.v3AndBelowProducerEpoch,
  }
  return {
    throttleTimeMs: 0,
    resultsByTopicV3AndBelow: resultsOf(producer, request.v3AndBelowTopics, { context, verifyOnly: false }),
  }
}

function batched(
  request: RequestOf<typeof AddPartitionsToTxn>,
  context: RequestContext,
): Answer<typeof AddPartitionsToTxn> {
  if (!context.allows('ClusterAction', 'Cluster', 'kafka-cluster')) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED }
  }
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    resultsByTransaction: request.transactions.map(({ topics, verifyOnly, ...producer }) => ({
      transactionalId: producer.transactionalId,
      topicResults: resultsOf(producer, topics, { context, verifyOnly }),
    })),
  }
}

function resultsOf(
  producer: ProducerIdentity,
  topics: Topics,
  how: { readonly context: RequestContext; readonly verifyOnly: boolean },
): TopicResults {
  const { context, verifyOnly } = how
  const { cluster } = context
  const { transactionalId } = producer
  const same = (errorCode: number): TopicResults => eachPartition(topics, () => errorCode)
  if (!context.allows('Write', 'TransactionalId', transactionalId)) {
    return same(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  const located = topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ key: `${name}:${partition}`, ...locate(name, partition, context) })),
  )
  if (located.some(({ errorCode }) => errorCode !== ErrorCode.NONE)) {
    const errors = new Map(located.map(({ key, errorCode }) => [key, errorCode]))
    return eachPartition(topics, (name, partition) => {
      return errors.get(`${name}:${partition}`) || ErrorCode.OPERATION_NOT_ATTEMPTED
    })
  }
  if (transactionalId === '') return same(ErrorCode.INVALID_REQUEST)
  const elsewhere = cluster.coordinatorError(transactionalId, context.node)
  if (elsewhere !== ErrorCode.NONE) return same(elsewhere)
  const places = located.flatMap(({ place }) => (place === undefined ? [] : [place]))
  if (verifyOnly) {
    let i = 0
    return eachPartition(topics, () => {
      const place = places[i++]
      return place === undefined ? ErrorCode.NONE : cluster.transactions.verifyPartition(producer, place)
    })
  }
  const errorCode = cluster.transactions.addPartitions(producer, places)
  return same(
    errorCode === ErrorCode.PRODUCER_FENCED && context.version < 2 ? ErrorCode.INVALID_PRODUCER_EPOCH : errorCode,
  )
}

function locate(
  name: string,
  partition: number,
  context: RequestContext,
): { readonly errorCode: number; readonly place?: TransactionPartition } {
  if (!context.allows('Write', 'Topic', name)) return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }
  const topic = context.cluster.topics.byName(name)
  if (topic?.partitions[partition] === undefined) return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
  return { errorCode: ErrorCode.NONE, place: { topicId: topic.id, partition } }
}

function eachPartition(topics: Topics, errorOf: (name: string, partition: number) => number): TopicResults {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: errorOf(name, partitionIndex),
    })),
  }))
}

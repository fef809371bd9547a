import { ErrorCode, InitProducerId, type ResponseInput } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

/*
 * Behaviour
 * - Without a transactional id any broker gives a new id, whatever the request says of an id it had.
 * - With one, its coordinator raises the epoch; a transaction that is open is aborted first: CONCURRENT_TRANSACTIONS, ask again.
 * Versions
 * - 3 and later may name the id and epoch that the producer had; one without the other is INVALID_REQUEST.
 * - Below 4 PRODUCER_FENCED is told as INVALID_PRODUCER_EPOCH.
 */

const NONE_YET = -1

export const initProducerIdHandler = defineHandler(InitProducerId, (request, context) => {
  const { transactionalId, producerId, producerEpoch } = request
  const { transactions } = context.cluster
  const denied = deniedError(transactionalId, context)
  if (denied !== ErrorCode.NONE) return failed(denied)
  if ((producerId === NONE_YET) !== (producerEpoch === NONE_YET)) return failed(ErrorCode.INVALID_REQUEST)
  if (transactionalId === null) return { throttleTimeMs: 0, ...transactions.newProducerId() }
  if (transactionalId !== '') {
    const elsewhere = context.cluster.coordinatorError(transactionalId, context.node)
    if (elsewhere !== ErrorCode.NONE) return failed(elsewhere)
  }
  const result = transactions.initialise({
    transactionalId,
    timeoutMs: request.transactionTimeoutMs,
    ...(producerId === NONE_YET ? {} : { expected: { producerId, producerEpoch } }),
  })
  const isTooOld = result.errorCode === ErrorCode.PRODUCER_FENCED && context.version < 4
  return isTooOld ? failed(ErrorCode.INVALID_PRODUCER_EPOCH) : { throttleTimeMs: 0, ...result }
})

function deniedError(transactionalId: string | null, context: RequestContext): number {
  if (transactionalId !== null) {
    return context.allows('Write', 'TransactionalId', transactionalId)
      ? ErrorCode.NONE
      : ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  }
  const mayWrite =
    context.allows('IdempotentWrite', 'Cluster', 'kafka-cluster') ||
    context.cluster.topics.all().some((topic) => context.allows('Write', 'Topic', topic.name))
  return mayWrite ? ErrorCode.NONE : ErrorCode.CLUSTER_AUTHORIZATION_FAILED
}

function failed(errorCode: number): ResponseInput<typeof InitProducerId> {
  return { throttleTimeMs: 0, errorCode, producerId: -1, producerEpoch: -1 }
}

import { EndTxn, ErrorCode, type ResponseInput } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

/*
 * Behaviour
 * - The markers are in the logs when the answer goes out, so that read_committed sees the records at once.
 * - A repeated request gets the same answer; the other outcome than the one that was reached, INVALID_TXN_STATE.
 * Versions
 * - 5 and later raise the producer's epoch each time and tell it (KIP-890). Below 2 PRODUCER_FENCED is told as
 *   INVALID_PRODUCER_EPOCH.
 */

export const endTxnHandler = defineHandler(EndTxn, (request, context) => {
  const { transactionalId, producerId, producerEpoch, committed } = request
  const failed = (errorCode: number): ResponseInput<typeof EndTxn> => ({ throttleTimeMs: 0, errorCode })
  if (!context.allows('Write', 'TransactionalId', transactionalId)) {
    return failed(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  if (transactionalId !== '') {
    const elsewhere = context.cluster.coordinatorError(transactionalId, context.node)
    if (elsewhere !== ErrorCode.NONE) return failed(elsewhere)
  }
  const result = context.cluster.transactions.end(
    { transactionalId, producerId, producerEpoch },
    { committed, raisesEpoch: context.version >= 5 },
  )
  const isTooOld = result.errorCode === ErrorCode.PRODUCER_FENCED && context.version < 2
  return isTooOld ? failed(ErrorCode.INVALID_PRODUCER_EPOCH) : { throttleTimeMs: 0, ...result }
})

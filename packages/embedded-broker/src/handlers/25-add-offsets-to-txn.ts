import { AddOffsetsToTxn, ErrorCode, type RequestOf } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

/*
 * Behaviour
 * - The group's offsets become part of the transaction; TxnOffsetCommit brings them, and the transaction's end makes them valid.
 * Versions
 * - Below 2 PRODUCER_FENCED is told as INVALID_PRODUCER_EPOCH.
 */

export const addOffsetsToTxnHandler = defineHandler(AddOffsetsToTxn, (request, context) => {
  const errorCode = errorOf(request, context)
  const isTooOld = errorCode === ErrorCode.PRODUCER_FENCED && context.version < 2
  return { throttleTimeMs: 0, errorCode: isTooOld ? ErrorCode.INVALID_PRODUCER_EPOCH : errorCode }
})

function errorOf(request: RequestOf<typeof AddOffsetsToTxn>, context: RequestContext): number {
  const { transactionalId, groupId, producerId, producerEpoch } = request
  if (!context.allows('Write', 'TransactionalId', transactionalId)) {
    return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
  }
  if (!context.allows('Read', 'Group', groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED
  if (transactionalId === '') return ErrorCode.INVALID_REQUEST
  const elsewhere = context.cluster.coordinatorError(transactionalId, context.node)
  if (elsewhere !== ErrorCode.NONE) return elsewhere
  return context.cluster.transactions.addOffsets({ transactionalId, producerId, producerEpoch }, groupId)
}

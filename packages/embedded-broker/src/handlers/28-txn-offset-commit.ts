/**
 * Behaviour: positions that count once the producer's transaction commits, and until then are only seen as unstable ones. The
 * transaction has to include the group's offsets.
 *
 * Versions: up to 4 AddOffsetsToTxn has done that before; from 5 on the request itself does (KIP-890). Before 4 clients know no
 * TRANSACTION_ABORTABLE. 6 names topics by id.
 */
import { ErrorCode, TxnOffsetCommit } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { sortOffsets, type CommitAnswer } from './offset-topics.js'

const FIRST_VERSION_WITH_ABORTABLE = 4
const FIRST_VERSION_THAT_ADDS = 5

export const txnOffsetCommit = defineHandler(TxnOffsetCommit, (request, context) => {
  const { groupId, transactionalId, producerId, producerEpoch, topics } = request
  const { classicGroups, transactions } = context.cluster
  const sorted = sortOffsets(topics, context)
  const answer = ({ topics: committed }: CommitAnswer) => ({ throttleTimeMs: 0, topics: committed })
  if (!context.allows('Write', 'TransactionalId', transactionalId)) {
    return answer(sorted.allRefused(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED))
  }
  if (!context.allows('Read', 'Group', groupId)) {
    return answer(sorted.allRefused(ErrorCode.GROUP_AUTHORIZATION_FAILED))
  }
  if (sorted.offsets.length === 0) return answer(sorted.answer([]))
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return answer(sorted.answer(notHere))
  const producer = { transactionalId, producerId, producerEpoch }
  const refused =
    context.version >= FIRST_VERSION_THAT_ADDS
      ? transactions.addOffsets(producer, groupId)
      : transactions.verifyOffsets(producer, groupId)
  if (refused !== 0) return answer(sorted.answer(inWordsOf(context.version, refused)))
  return answer(
    sorted.answer(
      classicGroups.commitLater(groupId, {
        claim: {
          memberId: request.memberId,
          groupInstanceId: request.groupInstanceId,
          generationId: request.generationIdOrMemberEpoch,
        },
        offsets: sorted.offsets,
        producerId,
      }),
    ),
  )
})

/** The group coordinator hears of the transaction from its coordinator, and passes some errors on as others. */
function inWordsOf(version: number, errorCode: number): number {
  if (errorCode === ErrorCode.PRODUCER_FENCED) return ErrorCode.INVALID_PRODUCER_EPOCH
  const isAbortable = errorCode === ErrorCode.TRANSACTION_ABORTABLE
  return isAbortable && version < FIRST_VERSION_WITH_ABORTABLE ? ErrorCode.INVALID_TXN_STATE : errorCode
}

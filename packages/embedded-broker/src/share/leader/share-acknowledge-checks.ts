import { ErrorCode } from '@milena/protocol'

/** Acknowledgement types of the wire (KIP-932; RENEW by KIP-1222). */
const AckType = { GAP: 0, ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

/** A batch of acknowledgements as it came, nothing checked. */
export interface GivenAcknowledgements {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly acknowledgeTypes: readonly number[]
}

/**
 * What is wrong with the form of one partition's acknowledgements: INVALID_REQUEST, or 0. A batch may begin at the offset where
 * the one before it ends (what becomes of that is for the records to say), but not below it.
 */
export function checkAcknowledgements(
  batches: readonly GivenAcknowledgements[],
  request: { readonly version: number; readonly isRenewAck: boolean },
): number {
  const highestType = request.version >= 2 ? AckType.RENEW : AckType.REJECT
  let previousLast = -1
  for (const { firstOffset, lastOffset, acknowledgeTypes: types } of batches) {
    if (firstOffset > lastOffset || firstOffset < previousLast) return ErrorCode.INVALID_REQUEST
    if (types.length !== 1 && types.length !== lastOffset - firstOffset + 1) return ErrorCode.INVALID_REQUEST
    for (const type of types) {
      if (type < AckType.GAP || type > highestType) return ErrorCode.INVALID_REQUEST
      if (type === AckType.RENEW && !request.isRenewAck) return ErrorCode.INVALID_REQUEST
    }
    previousLast = lastOffset
  }
  return ErrorCode.NONE
}

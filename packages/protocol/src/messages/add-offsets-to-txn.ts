import { field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * AddOffsetsToTxn (25), to the transaction coordinator: a transaction is about to commit offsets of this group.
 *
 * - 0, 1: plain. 2: PRODUCER_FENCED may come back. 3: flexible. 4: TRANSACTION_ABORTABLE may (KIP-890).
 */
export const AddOffsetsToTxn = defineApi({
  key: 25,
  name: 'AddOffsetsToTxn',
  minVersion: 0,
  maxVersion: 4,
  flexible: '3+',
  request: {
    transactionalId: field('0+', 'string'),
    producerId: field('0+', 'int64'),
    producerEpoch: field('0+', 'int16'),
    groupId: field('0+', 'string'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
  },
})

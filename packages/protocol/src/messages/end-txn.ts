import { field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * EndTxn (26), to the transaction coordinator: commits or aborts. The markers are written after the answer.
 *
 * - 0, 1: plain. 2: PRODUCER_FENCED may come back. 3: flexible. 4: TRANSACTION_ABORTABLE may.
 * - 5: every transaction raises the producer's epoch, which the answer tells (KIP-890); -1 where it does not.
 */
export const EndTxn = defineApi({
  key: 26,
  name: 'EndTxn',
  minVersion: 0,
  maxVersion: 5,
  flexible: '3+',
  request: {
    transactionalId: field('0+', 'string'),
    producerId: field('0+', 'int64'),
    producerEpoch: field('0+', 'int16'),
    committed: field('0+', 'bool'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    producerId: field('5+', 'int64', { default: -1, ignorable: true }),
    producerEpoch: field('5+', 'int16', { default: -1, ignorable: true }),
  },
})

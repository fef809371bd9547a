import { field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * InitProducerId (22): the id and epoch under which an idempotent producer numbers its batches, so that a batch sent twice is
 * written once.
 *
 * - 0, 1: plain. 2: flexible. 3: a producer may go on with the id it had (KIP-360).
 * - 4: PRODUCER_FENCED may come back.
 * - 5: TRANSACTION_ABORTABLE may come back.
 * - 6 (two-phase commit, KIP-939) is not stable in Kafka 4.4, and not ours.
 */
export const InitProducerId = defineApi({
  key: 22,
  name: 'InitProducerId',
  minVersion: 0,
  maxVersion: 5,
  flexible: '2+',
  request: {
    transactionalId: field('0+', 'string', { nullable: '0+' }),
    transactionTimeoutMs: field('0+', 'int32'),
    producerId: field('3+', 'int64', { default: -1 }),
    producerEpoch: field('3+', 'int16', { default: -1 }),
  },
  response: {
    throttleTimeMs: field('0+', 'int32', { ignorable: true }),
    errorCode: field('0+', 'int16'),
    producerId: field('0+', 'int64', { default: -1 }),
    producerEpoch: field('0+', 'int16'),
  },
})

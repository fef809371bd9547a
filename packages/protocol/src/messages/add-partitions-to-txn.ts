import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

const addPartitionsToTxnTopic = {
  name: field('0+', 'string'),
  partitions: field('0+', array('int32')),
}

const addPartitionsToTxnTopicResult = {
  name: field('0+', 'string'),
  resultsByPartition: field(
    '0+',
    array({
      partitionIndex: field('0+', 'int32'),
      partitionErrorCode: field('0+', 'int16'),
    }),
  ),
}

/**
 * AddPartitionsToTxn (24), to the transaction coordinator: names the partitions that a transaction is about to write.
 *
 * - 0 to 3: one transaction, from a client (the fields whose names begin with v3AndBelow). 2: PRODUCER_FENCED. 3: flexible.
 * - 4, 5: several transactions, from brokers, also only to verify (KIP-890). 5: TRANSACTION_ABORTABLE.
 */
export const AddPartitionsToTxn = defineApi({
  key: 24,
  name: 'AddPartitionsToTxn',
  minVersion: 0,
  maxVersion: 5,
  flexible: '3+',
  request: {
    transactions: field(
      '4+',
      array({
        transactionalId: field('4+', 'string'),
        producerId: field('4+', 'int64'),
        producerEpoch: field('4+', 'int16'),
        verifyOnly: field('4+', 'bool', { default: false }),
        topics: field('4+', array(addPartitionsToTxnTopic)),
      }),
    ),
    v3AndBelowTransactionalId: field('0-3', 'string'),
    v3AndBelowProducerId: field('0-3', 'int64'),
    v3AndBelowProducerEpoch: field('0-3', 'int16'),
    v3AndBelowTopics: field('0-3', array(addPartitionsToTxnTopic)),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('4+', 'int16', { ignorable: true }),
    resultsByTransaction: field(
      '4+',
      array({
        transactionalId: field('4+', 'string'),
        topicResults: field('4+', array(addPartitionsToTxnTopicResult)),
      }),
    ),
    resultsByTopicV3AndBelow: field('0-3', array(addPartitionsToTxnTopicResult)),
  },
})

import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * CreateTopics (19). -1 partitions or replicas: the broker's default.
 *
 * - 2, 3: validateOnly, throttleTimeMs. 4: -1 is allowed without assignments (KIP-464).
 * - 5: flexible; the answer tells the topic's settings (KIP-525).
 * - 6: THROTTLING_QUOTA_EXCEEDED may come back (KIP-599).
 * - 7: the answer tells the new topic's id.
 */
export const CreateTopics = defineApi({
  key: 19,
  name: 'CreateTopics',
  minVersion: 2,
  maxVersion: 7,
  flexible: '5+',
  request: {
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        numPartitions: field('0+', 'int32'),
        replicationFactor: field('0+', 'int16'),
        assignments: field(
          '0+',
          array({
            partitionIndex: field('0+', 'int32'),
            brokerIds: field('0+', array('int32')),
          }),
        ),
        configs: field(
          '0+',
          array({
            name: field('0+', 'string'),
            value: field('0+', 'string', { nullable: '0+' }),
          }),
        ),
      }),
    ),
    timeoutMs: field('0+', 'int32', { default: 60000 }),
    validateOnly: field('1+', 'bool', { default: false }),
  },
  response: {
    throttleTimeMs: field('2+', 'int32', { ignorable: true }),
    topics: field(
      '0+',
      array({
        name: field('0+', 'string'),
        topicId: field('7+', 'uuid', { ignorable: true }),
        errorCode: field('0+', 'int16'),
        errorMessage: field('1+', 'string', { nullable: '0+', ignorable: true }),
        topicConfigErrorCode: field('5+', 'int16', { tag: 0, ignorable: true }),
        numPartitions: field('5+', 'int32', { default: -1, ignorable: true }),
        replicationFactor: field('5+', 'int16', { default: -1, ignorable: true }),
        configs: field(
          '5+',
          array({
            name: field('5+', 'string'),
            value: field('5+', 'string', { nullable: '5+' }),
            readOnly: field('5+', 'bool'),
            configSource: field('5+', 'int8', { default: -1, ignorable: true }),
            isSensitive: field('5+', 'bool'),
          }),
          { nullable: '5+', ignorable: true },
        ),
      }),
    ),
  },
})

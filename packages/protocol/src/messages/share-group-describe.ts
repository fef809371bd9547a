import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ShareGroupDescribe (77), to the group coordinator: state, epochs and members of share groups, with what each is assigned.
 *
 * - 1: Kafka 4.1 (KIP-932). Version 0 was the early access of 4.0 and is gone.
 */
export const ShareGroupDescribe = defineApi({
  key: 77,
  name: 'ShareGroupDescribe',
  minVersion: 1,
  maxVersion: 1,
  flexible: '0+',
  request: {
    groupIds: field('0+', array('string')),
    includeAuthorizedOperations: field('0+', 'bool'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    groups: field(
      '0+',
      array({
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+', default: null }),
        groupId: field('0+', 'string'),
        groupState: field('0+', 'string'),
        groupEpoch: field('0+', 'int32'),
        assignmentEpoch: field('0+', 'int32'),
        assignorName: field('0+', 'string'),
        members: field(
          '0+',
          array({
            memberId: field('0+', 'string'),
            rackId: field('0+', 'string', { nullable: '0+', default: null }),
            memberEpoch: field('0+', 'int32'),
            clientId: field('0+', 'string'),
            clientHost: field('0+', 'string'),
            subscribedTopicNames: field('0+', array('string')),
            assignment: field('0+', {
              topicPartitions: field(
                '0+',
                array({
                  topicId: field('0+', 'uuid'),
                  topicName: field('0+', 'string'),
                  partitions: field('0+', array('int32')),
                }),
              ),
            }),
          }),
        ),
        authorizedOperations: field('0+', 'int32', { default: -2147483648 }),
      }),
    ),
  },
})

import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DeleteTopics (20).
 *
 * - 1 to 5: topics by topicNames. 4: flexible. 5: error messages.
 * - 6: each topic by name, or by id with a null name.
 */
export const DeleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  minVersion: 1,
  maxVersion: 6,
  flexible: '4+',
  request: {
    topics: field(
      '6+',
      array({
        name: field('6+', 'string', { nullable: '6+', default: null }),
        topicId: field('6+', 'uuid'),
      }),
    ),
    topicNames: field('0-5', array('string'), { ignorable: true }),
    timeoutMs: field('0+', 'int32'),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    responses: field(
      '0+',
      array({
        name: field('0+', 'string', { nullable: '6+' }),
        topicId: field('6+', 'uuid', { ignorable: true }),
        errorCode: field('0+', 'int16'),
        errorMessage: field('5+', 'string', { nullable: '5+', default: null, ignorable: true }),
      }),
    ),
  },
})

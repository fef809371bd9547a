import { field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * Heartbeat (12), to the group coordinator: a member of a classic group lives; REBALANCE_IN_PROGRESS tells it to join again.
 *
 * - 1: throttleTimeMs. 3: static members (KIP-345). 4: flexible.
 */
export const Heartbeat = defineApi({
  key: 12,
  name: 'Heartbeat',
  minVersion: 0,
  maxVersion: 4,
  flexible: '4+',
  request: {
    groupId: field('0+', 'string'),
    generationId: field('0+', 'int32'),
    memberId: field('0+', 'string'),
    groupInstanceId: field('3+', 'string', { nullable: '3+', default: null }),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    errorCode: field('0+', 'int16'),
  },
})

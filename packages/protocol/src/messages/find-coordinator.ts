import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * FindCoordinator (10): which broker coordinates a group. Heartbeats, group descriptions and share-group offsets go there.
 * Key type 0 is a group (also a share group), 1 a transactional id, 2 a share partition (brokers among themselves).
 *
 * - 0: one group, as `key`. 1: key types. 3: flexible.
 * - 4: several keys in one request (KIP-699); the answer's errorCode, nodeId, host and port stand for one, before it.
 * - 5: the error TRANSACTION_ABORTABLE may come back.
 * - 6: key type 2 (KIP-932).
 */
export const FindCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  minVersion: 0,
  maxVersion: 6,
  flexible: '3+',
  request: {
    key: field('0-3', 'string'),
    keyType: field('1+', 'int8', { default: 0 }),
    coordinatorKeys: field('4+', array('string')),
  },
  response: {
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    errorCode: field('0-3', 'int16'),
    errorMessage: field('1-3', 'string', { nullable: '1-3', ignorable: true }),
    nodeId: field('0-3', 'int32'),
    host: field('0-3', 'string'),
    port: field('0-3', 'int32'),
    coordinators: field(
      '4+',
      array({
        key: field('4+', 'string'),
        nodeId: field('4+', 'int32'),
        host: field('4+', 'string'),
        port: field('4+', 'int32'),
        errorCode: field('4+', 'int16'),
        errorMessage: field('4+', 'string', { nullable: '4+', ignorable: true }),
      }),
    ),
  },
})

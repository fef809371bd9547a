import { field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * SaslAuthenticate (36): carries the mechanism's tokens, there and back, until the broker is satisfied or refuses.
 *
 * - 0: plain. 1: how long the session holds before the client has to authenticate anew, 0 for ever (KIP-368).
 * - 2: flexible.
 */
export const SaslAuthenticate = defineApi({
  key: 36,
  name: 'SaslAuthenticate',
  minVersion: 0,
  maxVersion: 2,
  flexible: '2+',
  request: {
    authBytes: field('0+', 'bytes'),
  },
  response: {
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+' }),
    authBytes: field('0+', 'bytes'),
    sessionLifetimeMs: field('1+', 'int64', { default: 0, ignorable: true }),
  },
})

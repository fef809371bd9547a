import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * SaslHandshake (17): chooses the SASL mechanism; the answer lists those that the broker has. Never flexible, in any
 * version, and so neither are its headers.
 *
 * - 0: the mechanism's tokens follow in frames without headers. Kafka's own clients no longer use it.
 * - 1: they follow in SaslAuthenticate.
 */
export const SaslHandshake = defineApi({
  key: 17,
  name: 'SaslHandshake',
  minVersion: 0,
  maxVersion: 1,
  request: {
    mechanism: field('0+', 'string'),
  },
  response: {
    errorCode: field('0+', 'int16'),
    mechanisms: field('0+', array('string')),
  },
})

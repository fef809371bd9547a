import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ListConfigResources (74): the names of resources that have settings. No types: every type that the broker lists.
 *
 * - 0: Kafka 3.7, then called ListClientMetricsResources, which is all it lists.
 * - 1: Kafka 4.1; resource types in question and answer (KIP-1142).
 */
export const ListConfigResources = defineApi({
  key: 74,
  name: 'ListConfigResources',
  minVersion: 0,
  maxVersion: 1,
  flexible: '0+',
  request: {
    resourceTypes: field('1+', array('int8')),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    configResources: field(
      '0+',
      array({
        resourceName: field('0+', 'string'),
        resourceType: field('1+', 'int8', { default: 16, ignorable: true }),
      }),
    ),
  },
})

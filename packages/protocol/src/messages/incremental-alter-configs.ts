import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * IncrementalAlterConfigs (44): changes single settings of topics (resource type 2), brokers (4) and groups (32). The
 * operation is 0 set, 1 delete, 2 append, 3 subtract.
 *
 * - 0: Kafka 2.3 (KIP-339).
 * - 1: flexible.
 */
export const IncrementalAlterConfigs = defineApi({
  key: 44,
  name: 'IncrementalAlterConfigs',
  minVersion: 0,
  maxVersion: 1,
  flexible: '1+',
  request: {
    resources: field(
      '0+',
      array({
        resourceType: field('0+', 'int8'),
        resourceName: field('0+', 'string'),
        configs: field(
          '0+',
          array({
            name: field('0+', 'string'),
            configOperation: field('0+', 'int8'),
            value: field('0+', 'string', { nullable: '0+' }),
          }),
        ),
      }),
    ),
    validateOnly: field('0+', 'bool'),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    responses: field(
      '0+',
      array({
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+' }),
        resourceType: field('0+', 'int8'),
        resourceName: field('0+', 'string'),
      }),
    ),
  },
})

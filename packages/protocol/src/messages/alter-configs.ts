import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * AlterConfigs (33): replaces all settings of a topic (resource type 2) or a broker (4) at once: what is not named goes
 * back to its default. IncrementalAlterConfigs is the one to prefer.
 *
 * - 0, 1: plain. 2: flexible.
 */
export const AlterConfigs = defineApi({
  key: 33,
  name: 'AlterConfigs',
  minVersion: 0,
  maxVersion: 2,
  flexible: '2+',
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

import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * DescribeConfigs (32): settings of topics (resource type 2), brokers (4) and groups (32). `configurationKeys: null` asks for
 * all; those of a broker go to that broker.
 *
 * - 1: where a value comes from, and its synonyms. 3: types and documentation (KIP-569).
 * - 4: flexible.
 */
export const DescribeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  minVersion: 1,
  maxVersion: 4,
  flexible: '4+',
  request: {
    resources: field(
      '0+',
      array({
        resourceType: field('0+', 'int8'),
        resourceName: field('0+', 'string'),
        configurationKeys: field('0+', array('string'), { nullable: '0+' }),
      }),
    ),
    includeSynonyms: field('1+', 'bool', { default: false }),
    includeDocumentation: field('3+', 'bool', { default: false }),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    results: field(
      '0+',
      array({
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+' }),
        resourceType: field('0+', 'int8'),
        resourceName: field('0+', 'string'),
        configs: field(
          '0+',
          array({
            name: field('0+', 'string'),
            value: field('0+', 'string', { nullable: '0+' }),
            readOnly: field('0+', 'bool'),
            configSource: field('1+', 'int8', { default: -1, ignorable: true }),
            isSensitive: field('0+', 'bool'),
            synonyms: field(
              '1+',
              array({
                name: field('1+', 'string'),
                value: field('1+', 'string', { nullable: '0+' }),
                source: field('1+', 'int8'),
              }),
              { ignorable: true },
            ),
            configType: field('3+', 'int8', { default: 0, ignorable: true }),
            documentation: field('3+', 'string', { nullable: '0+', ignorable: true }),
          }),
        ),
      }),
    ),
  },
})

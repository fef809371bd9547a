import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * UpdateFeatures (57): raises or lowers the cluster's finalised features; level 0 removes one.
 *
 * - 0: allowDowngrade; the answer has a result for each feature.
 * - 1: upgradeType (1 upgrade, 2 safe downgrade, 3 unsafe downgrade) and validateOnly (KIP-778).
 * - 2: one error for all features, no results.
 */
export const UpdateFeatures = defineApi({
  key: 57,
  name: 'UpdateFeatures',
  minVersion: 0,
  maxVersion: 2,
  flexible: '0+',
  request: {
    timeoutMs: field('0+', 'int32', { default: 60000 }),
    featureUpdates: field(
      '0+',
      array({
        feature: field('0+', 'string'),
        maxVersionLevel: field('0+', 'int16'),
        allowDowngrade: field('0', 'bool'),
        upgradeType: field('1+', 'int8', { default: 1 }),
      }),
    ),
    validateOnly: field('1+', 'bool', { default: false }),
  },
  response: {
    throttleTimeMs: field('0+', 'int32'),
    errorCode: field('0+', 'int16'),
    errorMessage: field('0+', 'string', { nullable: '0+' }),
    results: field(
      '0-1',
      array({
        feature: field('0+', 'string'),
        errorCode: field('0+', 'int16'),
        errorMessage: field('0+', 'string', { nullable: '0+' }),
      }),
      { ignorable: true },
    ),
  },
})

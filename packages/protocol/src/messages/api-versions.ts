import { array, field } from '../schema/schema.js'
import { defineApi } from '../schema/api.js'

/**
 * ApiVersions (18): the first request on every connection; tells which versions of which APIs the broker serves, and the
 * cluster's finalised features, of which share.version says whether share groups are on.
 *
 * - 0 to 2: 1 adds throttleTimeMs.
 * - 3: flexible; the client tells its software's name and version (KIP-511), the broker its features, as tagged fields.
 * - 4: a supported feature may begin at version 0 (brokers leave such out of version 3).
 * - 5 (Kafka 4.4: cluster and node id in the request) is not used: what it guards against, metadata shows as well, and older
 *   brokers would refuse the first attempt.
 *
 * A broker that does not know the version asked for answers UNSUPPORTED_VERSION in the form of version 0, with the range that
 * it does know. The answer's header never has tagged fields.
 */
export const ApiVersions = defineApi({
  key: 18,
  name: 'ApiVersions',
  minVersion: 0,
  maxVersion: 4,
  flexible: '3+',
  responseHeaderTags: false,
  request: {
    clientSoftwareName: field('3+', 'string', { ignorable: true }),
    clientSoftwareVersion: field('3+', 'string', { ignorable: true }),
  },
  response: {
    errorCode: field('0+', 'int16'),
    apiKeys: field(
      '0+',
      array({
        apiKey: field('0+', 'int16'),
        minVersion: field('0+', 'int16'),
        maxVersion: field('0+', 'int16'),
      }),
    ),
    throttleTimeMs: field('1+', 'int32', { ignorable: true }),
    supportedFeatures: field(
      '3+',
      array({
        name: field('3+', 'string'),
        minVersion: field('3+', 'int16'),
        maxVersion: field('3+', 'int16'),
      }),
      { tag: 0, ignorable: true },
    ),
    finalizedFeaturesEpoch: field('3+', 'int64', { tag: 1, default: -1, ignorable: true }),
    finalizedFeatures: field(
      '3+',
      array({
        name: field('3+', 'string'),
        maxVersionLevel: field('3+', 'int16'),
        minVersionLevel: field('3+', 'int16'),
      }),
      { tag: 2, ignorable: true },
    ),
    zkMigrationReady: field('3+', 'bool', { tag: 3, default: false, ignorable: true }),
  },
})

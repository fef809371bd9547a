import { ApiVersions, ErrorCode, Produce, type AnyApi } from '@milena/protocol'
import { apiRange } from '../api-versions-by-release.js'
import { defineHandler, type Handler } from '../server/handler.js'

/** Supported features that begin at level 0 are told from here on only; older clients do not expect them. */
const TELLS_FEATURES_FROM_ZERO = 4

const NAMES_SOFTWARE = 3
const softwareName = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?$/

/**
 * Behaviour: tells what the broker serves in the release that it plays, and the cluster's features. Served before
 * authentication; usually the first request of a connection.
 *
 * Versions: 3+ carry features (tagged) and name the client's software, in letters, digits, dots and hyphens: else
 * INVALID_REQUEST. A version above the newest never gets here: the
 * dispatcher answers it with UNSUPPORTED_VERSION in the form of version 0, from which clients choose again.
 */
export function apiVersionsHandler(others: readonly AnyApi[]): Handler {
  const apis = [...others, ApiVersions].toSorted((a, b) => a.key - b.key)
  return defineHandler(ApiVersions, (request, { cluster, version }) => {
    const { features, surroundings } = cluster
    const names = [request.clientSoftwareName, request.clientSoftwareVersion]
    if (version >= NAMES_SOFTWARE && !names.every((name) => softwareName.test(name))) {
      return { errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] }
    }
    return {
      errorCode: 0,
      apiKeys: apis.flatMap((api) => {
        const range = apiRange(surroundings.profile, api)
        if (range === undefined) return []
        // Kafka claims Produce from 0 on, which it does not serve: a wide-spread client decides by it what compression it may use.
        const minVersion = api === Produce ? 0 : range.minVersion
        return [{ apiKey: api.key, minVersion, maxVersion: range.maxVersion }]
      }),
      supportedFeatures: features.supported.filter(
        ({ minVersion }) => minVersion > 0 || version >= TELLS_FEATURES_FROM_ZERO,
      ),
      finalizedFeaturesEpoch: features.epoch,
      finalizedFeatures: features.finalized.map(({ name, level }) => ({
        name,
        maxVersionLevel: level,
        minVersionLevel: level,
      })),
    }
  })
}

import { ApiVersions, ErrorCode, decodeResponse, encodeRequest, errorName, KafkaBrokerError } from '@milena/protocol'
import type { ResponseOf } from '@milena/protocol'
import type { BrokerCapabilities, VersionRange } from './api-versions.js'

/** How we call ourselves to brokers (KIP-511); shown in their request logs and metrics. Letters, digits, '.' and '-' only. */
const SOFTWARE_NAME = 'milena'
const SOFTWARE_VERSION = '0.1.0'

/** Sends one whole frame and resolves with the answering frame (size stripped). */
export type Exchange = (frame: Buffer, correlationId: number) => Promise<Buffer>

/**
 * Learns what the broker can do. Begins with our newest ApiVersions; a broker that does not know that version answers
 * UNSUPPORTED_VERSION in the form of version 0, together with the range that it does know, and is asked once more.
 */
export async function handshake(
  exchange: Exchange,
  clientId: string,
  nextCorrelationId: () => number,
): Promise<BrokerCapabilities> {
  let version = ApiVersions.maxVersion
  let answer = await ask(exchange, clientId, version, nextCorrelationId())
  if (answer.errorCode === ErrorCode.UNSUPPORTED_VERSION) {
    const known = answer.apiKeys.find((api) => api.apiKey === ApiVersions.key)
    version = known === undefined ? 0 : Math.min(known.maxVersion, ApiVersions.maxVersion)
    answer = await ask(exchange, clientId, version, nextCorrelationId())
  }
  if (answer.errorCode !== ErrorCode.NONE) {
    throw new KafkaBrokerError(`The broker refused the ApiVersions handshake with ${errorName(answer.errorCode)}.`, {
      errorCode: answer.errorCode,
      api: ApiVersions.name,
    })
  }
  return capabilitiesOf(answer, version)
}

async function ask(
  exchange: Exchange,
  clientId: string,
  version: number,
  correlationId: number,
): Promise<ResponseOf<typeof ApiVersions>> {
  const frame = await exchange(
    encodeRequest(ApiVersions, {
      version,
      correlationId,
      clientId,
      body: { clientSoftwareName: SOFTWARE_NAME, clientSoftwareVersion: SOFTWARE_VERSION },
    }),
    correlationId,
  )
  // The header of this answer has no tags in any version, so the error code follows the correlation id.
  const refused = frame.length >= 6 && frame.readInt16BE(4) === ErrorCode.UNSUPPORTED_VERSION
  return decodeResponse(ApiVersions, refused ? 0 : version, frame)
}

function capabilitiesOf(answer: ResponseOf<typeof ApiVersions>, version: number): BrokerCapabilities {
  const apis = new Map<number, VersionRange>()
  for (const { apiKey, minVersion, maxVersion } of answer.apiKeys)
    apis.set(apiKey, { min: minVersion, max: maxVersion })
  const tellsFeatures = version >= 3 && answer.finalizedFeaturesEpoch >= 0
  return {
    apis,
    finalizedFeatures: tellsFeatures
      ? new Map(answer.finalizedFeatures.map((feature) => [feature.name, feature.maxVersionLevel]))
      : undefined,
  }
}

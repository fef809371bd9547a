import { KafkaUnsupportedVersionError, ShareAcknowledge, ShareFetch, ShareGroupHeartbeat } from '@milena/protocol'
import type { AnyApi } from '@milena/protocol'
import { formatAddress } from '../cluster/address.js'
import type { BrokerCapabilities } from './api-versions.js'
import type { Connection } from './connection.js'

const SHARE_APIS: readonly AnyApi[] = [ShareGroupHeartbeat, ShareFetch, ShareAcknowledge]

/** Throws one clear KafkaUnsupportedVersionError when the broker behind this connection does not serve share groups. */
export function requireShareGroups(connection: Connection): void {
  const reason = whyNoShareGroups(connection.capabilities)
  if (reason === undefined) return
  throw new KafkaUnsupportedVersionError(
    `Broker ${connection.brokerName} does not serve share groups: ${reason}. Apache Kafka 4.2 or newer with share.version>=1 is needed; on a new enough cluster run kafka-features.sh --bootstrap-server ${formatAddress(connection.address)} upgrade --feature share.version=1`,
  )
}

// A broker whose finalised share.version is 0 lists the share APIs all the same and refuses them when called, so the
// feature level is looked at too.
function whyNoShareGroups(capabilities: BrokerCapabilities): string | undefined {
  const missing = SHARE_APIS.filter((api) => {
    const offered = capabilities.apis.get(api.key)
    return offered === undefined || offered.max < api.minVersion || offered.min > api.maxVersion
  })
  if (missing.length > 0) {
    return `it does not offer ${missing.map((api) => `${api.name} v${api.minVersion}`).join(', ')}, so its Kafka is too old`
  }
  const { finalizedFeatures } = capabilities
  if (finalizedFeatures !== undefined && (finalizedFeatures.get('share.version') ?? 0) < 1)
    return 'the cluster has share.version=0'
  return undefined
}

import { KafkaUnsupportedVersionError } from '@milena/protocol'
import type { AnyApi } from '@milena/protocol'
import { oldestVersion } from './oldest-versions.js'

/** An inclusive range of versions of one API. */
export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** What a broker said about itself in its ApiVersions answer. */
export interface BrokerCapabilities {
  /** By API key. */
  readonly apis: ReadonlyMap<number, VersionRange>
  /** Cluster-wide finalised feature levels by name. Undefined when the broker does not tell (older than Kafka 2.7, or not yet known). */
  readonly finalizedFeatures: ReadonlyMap<string, number> | undefined
}

/**
 * The highest version of an API that both sides know, not below `atLeast` nor below the oldest that this client works with.
 * Throws KafkaUnsupportedVersionError naming API, broker and both ranges.
 */
export function negotiate(api: AnyApi, capabilities: BrokerCapabilities, broker: string, atLeast = 0): number {
  const offered = capabilities.apis.get(api.key)
  if (offered === undefined) {
    throw new KafkaUnsupportedVersionError(
      `Broker ${broker} does not serve ${api.name} (API key ${api.key}). It is too old, or this is not a broker's listener: connect to an Apache Kafka broker of 4.2 or newer.`,
    )
  }
  const oldest = oldestVersion(api)
  const version = Math.min(api.maxVersion, offered.max)
  if (version < Math.max(oldest, offered.min)) {
    throw new KafkaUnsupportedVersionError(
      `Broker ${broker} serves ${api.name} in versions ${offered.min} to ${offered.max}, this client in ${oldest} to ${api.maxVersion}: they have none in common. Use a broker of Apache Kafka 4.2 or newer.`,
    )
  }
  if (version < atLeast) {
    throw new KafkaUnsupportedVersionError(
      `Broker ${broker} serves ${api.name} up to version ${offered.max}, but version ${atLeast} is needed for this request. Upgrade the broker: renewing records and the acquire mode record_limit need Apache Kafka 4.2 or newer.`,
    )
  }
  return version
}

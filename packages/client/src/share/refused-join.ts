import {
  ErrorCode,
  KafkaBrokerError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
  type KafkaError,
} from '@milena/protocol'
import { formatAddress, type Address } from '../cluster/address.js'

/** A coordinator's refusal that does not heal by itself, in words that name the remedy. */
export function explainRefusedJoin(
  error: KafkaBrokerError,
  groupId: string,
  bootstrapServers: readonly Address[],
): KafkaError {
  switch (error.errorCode) {
    case ErrorCode.GROUP_ID_NOT_FOUND:
      return new KafkaUsageError(
        `Group '${groupId}' cannot be joined as a share group: it exists as a group of another type. Use another groupId, or delete that group.`,
        { code: error.code, cause: error },
      )
    case ErrorCode.GROUP_MAX_SIZE_REACHED:
      // Room comes by itself when another member leaves: whoever replaces members tries again.
      return new KafkaBrokerError(
        `Share group '${groupId}' is full: raise the broker's group.share.max.size, or start fewer members.`,
        { errorCode: error.errorCode, cause: error, ...(error.api !== undefined && { api: error.api }) },
      )
    case ErrorCode.UNSUPPORTED_VERSION:
      return switchedOff(error, bootstrapServers)
    default:
      return error
  }
}

/** No version of the heartbeat is known to both sides. */
export function clusterTooOld(cause: KafkaError): KafkaError {
  return new KafkaUnsupportedVersionError(
    `The cluster does not serve share groups, its Kafka is too old: Apache Kafka 4.2 or newer is needed. (${cause.message})`,
    { cause },
  )
}

// A broker whose finalised share.version is 0 lists the APIs of share groups all the same, and refuses them when called.
function switchedOff(cause: KafkaError, bootstrapServers: readonly Address[]): KafkaError {
  const servers = bootstrapServers.map((address) => formatAddress(address)).join(',')
  return new KafkaUnsupportedVersionError(
    'The cluster does not serve share groups, they are switched off (share.version=0). On Apache Kafka 4.2 or newer switch ' +
      `them on: kafka-features.sh --bootstrap-server ${servers} upgrade --feature share.version=1`,
    { cause },
  )
}

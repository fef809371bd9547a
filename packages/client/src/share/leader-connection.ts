import { KafkaUnsupportedVersionError, ShareAcknowledge, ShareFetch } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { Connection } from '../network/connection.js'
import { requireShareGroups } from '../network/share-support.js'
import type { ShareFetchSettings } from './share-requests.js'

/** The version of ShareAcknowledge that knows renewals (KIP-1222). */
const RENEW_VERSION = 2
/** The version of ShareFetch that knows acquire modes (KIP-1206). */
const ACQUIRE_MODE_VERSION = 2

/** A connection to a partition leader for share requests only, and what the broker at its end can do. */
export interface LeaderConnection {
  readonly connection: Connection
  /** The broker takes renewals. */
  readonly renews: boolean
  /** The broker can acquire exactly as many records as it is asked for. */
  readonly limitsRecords: boolean
}

export interface LeaderConnectionOptions {
  readonly nodeId: number
  readonly clientId: string
  readonly acquireMode: ShareFetchSettings['acquireMode']
  readonly signal: AbortSignal
}

/**
 * Connects to a broker and checks that it can serve a share session as this member wants it. Rejects with what connecting
 * rejects with, and with KafkaUnsupportedVersionError.
 */
export async function connectToLeader(
  context: KafkaClientContext,
  { nodeId, clientId, acquireMode, signal }: LeaderConnectionOptions,
): Promise<LeaderConnection> {
  const connection = await context.openConnection(nodeId, { clientId, signal })
  try {
    requireShareGroups(connection)
    const limitsRecords = connection.version(ShareFetch) >= ACQUIRE_MODE_VERSION
    // Left out where the broker does not know it, a limit that the application counts on would be no limit at all.
    if (acquireMode === 'record_limit' && !limitsRecords) {
      throw new KafkaUnsupportedVersionError(
        `Broker ${connection.brokerName} does not know acquireMode 'record_limit': Apache Kafka 4.2 or newer is needed. Use 'batch_optimized'.`,
      )
    }
    return { connection, renews: connection.version(ShareAcknowledge) >= RENEW_VERSION, limitsRecords }
  } catch (error) {
    connection.close()
    throw error
  }
}

import { KafkaError, KafkaUnsupportedVersionError, ShareAcknowledge, ShareFetch } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { Connection } from '../network/connection.js'
import { requireShareGroups } from '../network/share-support.js'
import { BrokerAbsence } from './broker-absence.js'
import type { RequestManagerHost } from './request-manager-host.js'

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

/** Connects a request manager to its broker, and tells whoever has to hear of it when that fails. */
export class LeaderConnector {
  readonly #nodeId: number
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #absence: BrokerAbsence

  constructor(nodeId: number, context: KafkaClientContext, host: RequestManagerHost) {
    this.#nodeId = nodeId
    this.#context = context
    this.#host = host
    this.#absence = new BrokerAbsence(nodeId, context.logger)
  }

  /** One attempt. Undefined: it failed, or the signal ended it. */
  async connect(signal: AbortSignal): Promise<LeaderConnection | undefined> {
    try {
      const made = await this.#open(signal)
      this.#absence.over()
      return made
    } catch (error) {
      if (signal.aborted) return undefined
      const failure = KafkaError.is(error) ? error : new KafkaError(String(error), { cause: error })
      if (!failure.retriable) this.#host.fatal(failure)
      else this.#absence.failed(failure)
      this.#host.leadersMoved()
      return undefined
    }
  }

  /** Checks that the broker can serve a share session as this member wants it. */
  async #open(signal: AbortSignal): Promise<LeaderConnection> {
    const { clientId, acquireMode } = this.#host.settings
    const connection = await this.#context.openConnection(this.#nodeId, { clientId, signal })
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
}

import { KafkaConnectionError, type KafkaError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { Connection } from '../network/connection.js'
import { sessionLost } from './ack-verdicts.js'
import { AckCode } from './acknowledge-type.js'
import { AcquiredRecords } from './acquired-records.js'
import { LeaderConnector } from './leader-connection.js'
import type { RequestManagerHost } from './request-manager-host.js'
import { ShareSession } from './share-session.js'

// What a member has at one broker: a connection, the share session on it, and the ledger of what was acquired in that. The three
// begin and end together: any doubt about one of them ends all, which makes the broker release what this member held.

/** What the owner of a session is told. */
export interface LeaderSessionEvents {
  /** Something was answered; `urgent`: it should go out by itself, and at once. */
  answered(urgent: boolean): void
  /** A new session begins, with an empty ledger. */
  startedOver(): void
  /** It ended, and nobody had wished it. */
  lost(): void
}

export class LeaderSession {
  readonly session = new ShareSession()
  readonly #nodeId: number
  readonly #host: RequestManagerHost
  readonly #events: LeaderSessionEvents
  readonly #connector: LeaderConnector
  #held: AcquiredRecords
  #connection: Connection | undefined
  #canLimitRecords = false
  #closing = false

  constructor(nodeId: number, context: KafkaClientContext, host: RequestManagerHost, events: LeaderSessionEvents) {
    this.#nodeId = nodeId
    this.#host = host
    this.#events = events
    this.#connector = new LeaderConnector(nodeId, context, host)
    this.#held = this.#newLedger()
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  /** The ledger: everything acquired that is not finished. */
  get held(): AcquiredRecords {
    return this.#held
  }

  /** The broker can acquire exactly as many records as it is asked for. */
  get canLimitRecords(): boolean {
    return this.#canLimitRecords
  }

  /** One attempt; whether it succeeded. */
  async connect(signal: AbortSignal): Promise<boolean> {
    const made = await this.#connector.connect(signal)
    if (made === undefined) return false
    const { connection, renews, limitsRecords } = made
    this.#connection = connection
    this.#held.renewable = renews
    this.#canLimitRecords = limitsRecords
    connection.onClose((error) => {
      if (this.#connection === connection) this.lose(error)
    })
    return true
  }

  /** From now on an end is what was wished for, and nobody is told. */
  closing(): void {
    this.#closing = true
  }

  /** Releases every record that is not answered; how many. */
  releaseOpen(): number {
    return this.#held.answerAllOpen(AckCode.RELEASE)
  }

  /** The session was closed at the broker; now the connection is. */
  end(connection: Connection): void {
    this.#connection = undefined
    connection.close()
    this.#startOver(new KafkaConnectionError(`The share session with broker ${this.#nodeId} was closed.`))
  }

  /** The session is over: every lock that it held is gone, or soon will be. */
  lose(error: KafkaError): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.close()
    const cause = sessionLost(this.#nodeId, error)
    const lost = this.#startOver(cause)
    if (this.#closing) return
    this.#host.lost(lost, cause)
    this.#host.leadersMoved()
    this.#events.lost()
  }

  /** A new session with a ledger of its own; how many unanswered records the old one held. */
  #startOver(cause: KafkaError): number {
    const lost = this.#held.lose(cause)
    this.#held = this.#newLedger()
    this.session.reset()
    this.#events.startedOver()
    return lost
  }

  #newLedger(): AcquiredRecords {
    const ledger: AcquiredRecords = new AcquiredRecords({
      answered: (urgent) => {
        if (ledger === this.#held) this.#events.answered(urgent)
      },
      verdict: (verdict) => this.#host.verdict(verdict),
      lost: (piece) => {
        if (!this.#closing) this.#host.lockLost(piece)
      },
    })
    return ledger
  }
}

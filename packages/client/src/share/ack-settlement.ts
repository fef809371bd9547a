import type { KafkaError } from '@milena/protocol'
import type { Connection } from '../network/connection.js'
import { AcknowledgementVerdicts } from './ack-verdicts.js'
import type { AcquiredRecords, SentByPartition } from './acquired-records.js'
import type { TopicIdPartition } from './share-partition.js'

/** A request on its way, and what its answer needs. */
export interface Outgoing {
  readonly api: string
  readonly connection: Connection
  /** The ledger of the session that it belongs to. */
  readonly held: AcquiredRecords
  readonly sent: SentByPartition
  readonly sentAt: number
}

/** The broker's word on what a request carried for one partition. */
export interface PartitionWord {
  readonly errorCode: number
  readonly detail: string | null
  /** How long the locks of renewed records last now. */
  readonly lockMs: number
  readonly now: number
}

/** Enters the broker's words on acknowledgements in the ledger, and remembers what of a request is to be sent again. */
export class AckSettlement {
  readonly #verdicts: AcknowledgementVerdicts
  /** Some answers of the last request are to be sent again. */
  again = false
  /** Some were refused for a reason that passes, so that a pause is due before they are. */
  refused = false

  /** @param retryForMs how long answers are sent again */
  constructor(retryForMs: number) {
    this.#verdicts = new AcknowledgementVerdicts(retryForMs)
  }

  /** A request goes out. */
  begin(): void {
    this.again = false
    this.refused = false
  }

  /** Enters the word on one partition. */
  settle({ held, sent, sentAt }: Outgoing, partition: TopicIdPartition, word: PartitionWord): void {
    const answers = sent.get(partition)
    if (answers === undefined) return
    const { errorCode, detail, lockMs, now } = word
    const verdict = this.#verdicts.of(partition, errorCode, detail, { now, lockDeadline: sentAt + lockMs })
    if (held.settle(partition, answers, verdict)) this.again = true
    if (verdict.outcome === 'again') this.refused = true
  }

  /** Partitions that the request named and its answer does not. */
  settleMissing({ held }: Outgoing, missing: SentByPartition): void {
    for (const [partition, answers] of missing) held.settle(partition, answers, this.#verdicts.missing(partition))
  }

  /** Everything that the request carried is lost. */
  fail({ held, sent }: Outgoing, error: KafkaError): void {
    for (const [partition, answers] of sent)
      held.settle(partition, answers, { outcome: 'failed', error, together: false })
  }

  /** A new session begins: nothing of the old one is sent again. */
  reset(): void {
    this.#verdicts.reset()
  }
}

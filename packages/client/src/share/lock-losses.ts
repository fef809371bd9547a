import type { KafkaError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type { LostPiece } from './acquired-records.js'
import type { ConsumerRecord } from './consumer-record.js'
import type { TopicIdPartition } from './share-partition.js'

/**
 * Why records lost their locks before they were answered.
 *
 * - `expired`: the lock ran out.
 * - `session`: the share session that had acquired them is gone, because its connection or broker is.
 * - `extension-ended`: their locks had been renewed for as long as allowed, and ran out then.
 */
export type LockLossCause = 'expired' | 'session' | 'extension-ended'

/** Consecutive records of one partition whose locks are gone: the group delivers them again. */
export interface LockLoss<K, V> {
  readonly partition: TopicIdPartition
  readonly firstOffset: number
  /** Inclusive. */
  readonly lastOffset: number
  readonly deliveryCount: number
  /** The application had them. Otherwise they were waiting to be handed out, and never will be. */
  readonly handedOut: boolean
  /** Those that were handed out; without those that could not be deserialised. */
  readonly records: readonly ConsumerRecord<K, V>[]
  readonly cause: LockLossCause
  /** What ended the session. */
  readonly error: KafkaError | undefined
}

/** Tells every lost lock to whoever asked; one listener that throws costs the others nothing. */
export class LockLosses {
  readonly #logger: Logger
  readonly #listeners = new Set<(loss: LockLoss<unknown, unknown>) => void>()

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Returns the function that ends it. */
  on(listener: (loss: LockLoss<unknown, unknown>) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** `cause`: why, where more is known than the ledger knows. */
  tell({ range, from, to, cause, error, records: given }: LostPiece, known: LockLossCause = cause): void {
    if (this.#listeners.size === 0) return
    const { partition, firstOffset, deliveryCount, handedTo } = range
    const common = { partition, deliveryCount, cause: known, error }
    const border = Math.min(Math.max(from, handedTo), to)
    if (from < border) {
      const records = (given ?? range.handedOutAmong(from, border)) as ConsumerRecord<unknown, unknown>[]
      this.#publish({
        ...common,
        firstOffset: firstOffset + from,
        lastOffset: firstOffset + border - 1,
        handedOut: true,
        records,
      })
    }
    if (border < to) {
      this.#publish({
        ...common,
        firstOffset: firstOffset + border,
        lastOffset: firstOffset + to - 1,
        handedOut: false,
        records: [],
      })
    }
  }

  #publish(loss: LockLoss<unknown, unknown>): void {
    for (const listener of this.#listeners) {
      try {
        listener(loss)
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener for lost locks threw')
      }
    }
  }
}

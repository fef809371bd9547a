import { AcknowledgeType } from './acknowledge-type.js'
import type { RecordOrFailure } from './read-failure.js'
import type { ShareEngine } from './share-engine.js'

// What an iteration over records had taken, and nobody had read when its loop was left.
//
// Rules kept here
// - It waits for the next iteration over records, which goes on with it: each time a record goes back costs it one of its group's
//   deliveries, and who leaves the loop with every record would use up those of all that was taken with it.
// - It goes back when nobody reads on for so long that the member stands still; and when something else than records is read.

export class UnreadRecords<K, V> {
  #engine: ShareEngine<K, V> | undefined
  #items: readonly RecordOrFailure<K, V>[] = []
  #forgetStanding: (() => void) | undefined

  /** Keeps what is left of an iteration, in the order in which it is read. */
  keep(engine: ShareEngine<K, V>, items: readonly RecordOrFailure<K, V>[]): void {
    if (items.length === 0) return
    this.#engine = engine
    this.#items = items
    this.#forgetStanding = engine.onStood(() => this.release())
  }

  /** What waits for the reader of this engine; it is his from now on. */
  take(engine: ShareEngine<K, V>): readonly RecordOrFailure<K, V>[] {
    const items = engine === this.#engine ? this.#items : []
    this.forget()
    return items
  }

  /** Gives it back. */
  release(): void {
    const engine = this.#engine
    if (engine !== undefined) releaseHeld(engine, this.#items)
    this.forget()
  }

  /** Its member has left its group, and has given it back. */
  forget(): void {
    this.#forgetStanding?.()
    this.#forgetStanding = undefined
    this.#engine = undefined
    this.#items = []
  }
}

/** RELEASEs those of the items that are held and unanswered. */
export function releaseHeld<K, V>(engine: ShareEngine<K, V>, items: readonly RecordOrFailure<K, V>[]): void {
  for (const item of items) if ('offset' in item && engine.holds(item)) engine.settle(item, AcknowledgeType.RELEASE)
}

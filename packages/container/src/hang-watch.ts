import type { ConsumerRecord } from '@milena/client'
import type { LockLoss } from '@milena/client/internal'
import { KafkaError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { placeOf } from './recoverers.js'

// Notices that a member can do nothing any more: each of its places is taken by a listener call whose record is lost, or answered.
//
// Rules kept here
// - Such a member is in trouble from the loss on, and hangs when the locks of its records had been renewed for as long as is allowed. Where
//   they were lost before that, by a broken connection say, or were answered, its calls may be as good as ever: they get that much time.
// - A call that ends, or a place that gets free, makes it well again.

const CODE = 'LISTENER_HANGS'

/** What the watch is told, and tells. */
export interface HangWatchOptions {
  readonly clock: Clock
  readonly listenerName: string
  readonly maxExtensionMs: number
  readonly lockMs: () => number
  /** No listener can be called, and nothing that a call comes up with would count. */
  readonly isStuck: () => boolean
  /** Another number whenever a listener was called meanwhile. */
  readonly calls: () => number
  /** The record with which a listener was called last. */
  readonly lastRecord: () => Place | undefined
  readonly onTrouble: (error: KafkaError) => void
  readonly onHung: (error: KafkaError) => void
}

type Place = Pick<ConsumerRecord<unknown, unknown>, 'topic' | 'partition' | 'offset'>

/** Whether this is what a member ended of that hung. */
export function isHang(error: unknown): boolean {
  return KafkaError.is(error) && error.code === CODE
}

export class HangWatch {
  readonly #options: HangWatchOptions
  /** Since when it has been stuck without a break, as far as was looked, and how many calls there had been. */
  #stuck: { readonly since: number; readonly calls: number } | undefined

  constructor(options: HangWatchOptions) {
    this.#options = options
  }

  lost({ records, cause }: Pick<LockLoss<unknown, unknown>, 'records' | 'cause'>): void {
    const { maxExtensionMs, lockMs, isStuck, onTrouble, onHung } = this.#options
    const record = records[0]
    if (record === undefined || !isStuck()) return
    const error = this.#error(record, 'whose lock is lost by now')
    onTrouble(error)
    if (cause === 'extension-ended' && maxExtensionMs >= lockMs()) onHung(error)
    else this.look()
  }

  /** To be called from time to time while a listener is at work. */
  look(): void {
    const { clock, maxExtensionMs, lockMs, isStuck, calls, lastRecord, onTrouble, onHung } = this.#options
    if (!isStuck()) {
      this.#stuck = undefined
      return
    }
    const now = clock.now()
    if (this.#stuck?.calls !== calls()) this.#stuck = { since: now, calls: calls() }
    if (now - this.#stuck.since < Math.max(lockMs(), maxExtensionMs)) return
    const error = this.#error(lastRecord(), 'which is answered, or lost')
    onTrouble(error)
    onHung(error)
  }

  #error(record: Place | undefined, which: string): KafkaError {
    const from = record === undefined ? '' : ` from ${placeOf(record)}, ${which},`
    return new KafkaError(
      `${this.#options.listenerName} does not come back${from} and its member has no place for other records. See what it waits for, or ` +
        'set processingDeadlineMs, which ends the wait for such a call.',
      { code: CODE },
    )
  }
}

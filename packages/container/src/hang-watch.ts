import type { LockLoss } from '@milena/client/internal'
import { KafkaError } from '@milena/protocol'
import type { Clock, Timer } from '@milena/protocol/runtime'
import { placeOf } from './recoverers.js'

// Notices that a member can do nothing any more: each of its places is taken by a listener call whose record is lost.
//
// Rules kept here
// - Such a member is in trouble from the loss on, and hangs when the locks of its records had been renewed for as long as is allowed. Where
//   they were lost before that, by a broken connection say, its calls may be as good as ever: they get that much time again.
// - A call that ends, or a place that gets free, makes it well again.

const CODE = 'LISTENER_HANGS'

/** What the watch is told, and tells. */
export interface HangWatchOptions {
  readonly clock: Clock
  readonly listenerName: string
  readonly maxExtensionMs: number
  readonly lockMs: () => number
  /** No listener can be called, and nothing that is answered would count. */
  readonly isStuck: () => boolean
  /** Another number whenever a listener was called meanwhile. */
  readonly calls: () => number
  readonly onTrouble: (error: KafkaError) => void
  readonly onHung: (error: KafkaError) => void
}

/** Whether this is what a member ended of that hung. */
export function isHang(error: unknown): boolean {
  return KafkaError.is(error) && error.code === CODE
}

export class HangWatch {
  readonly #options: HangWatchOptions
  #timer: Timer | undefined

  constructor(options: HangWatchOptions) {
    this.#options = options
  }

  lost({ records, cause }: Pick<LockLoss<unknown, unknown>, 'records' | 'cause'>): void {
    const { clock, maxExtensionMs, lockMs, isStuck, calls, onTrouble, onHung } = this.#options
    const record = records[0]
    if (record === undefined || !isStuck()) return
    const error = this.#error(placeOf(record))
    onTrouble(error)
    if (cause === 'extension-ended' && maxExtensionMs >= lockMs()) {
      onHung(error)
      return
    }
    const before = calls()
    this.#timer?.cancel()
    this.#timer = clock.setTimer(
      () => {
        if (isStuck() && calls() === before) onHung(error)
      },
      Math.max(lockMs(), maxExtensionMs),
      { unref: true },
    )
  }

  close(): void {
    this.#timer?.cancel()
  }

  #error(place: string): KafkaError {
    return new KafkaError(
      `${this.#options.listenerName} does not come back from ${place}, whose lock is lost by now, and its member has no place for other ` +
        'records. See what it waits for, or set processingDeadlineMs, which ends the wait for such a call.',
      { code: CODE },
    )
  }
}

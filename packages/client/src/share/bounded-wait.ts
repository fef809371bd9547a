import { setMaxListeners } from 'node:events'
import { KafkaError } from '@milena/protocol'
import type { Clock, Timer } from '@milena/protocol/runtime'
import { abortedError } from '../network/aborted.js'

/** What ended a wait before the thing that was waited for. */
export type WaitEnd = 'late' | 'aborted' | 'woken'

/** One wait of the application: it ends with its work, its time, its AbortSignal, or wakeup(). stop() it in any case. */
export class BoundedWait {
  /** Why the wait ended early; undefined: it did not. */
  end: WaitEnd | undefined
  readonly #ended = new AbortController()
  readonly #timer: Timer
  readonly #outer: AbortSignal | undefined
  readonly #abort = (): void => this.#finish('aborted')

  /** `timeoutMs` from now; Infinity: no bound. */
  constructor(clock: Clock, timeoutMs: number, signal: AbortSignal | undefined) {
    this.#timer = clock.setTimer(() => this.#finish('late'), timeoutMs)
    this.#outer = signal
    if (signal === undefined) return
    if (signal.aborted) this.#abort()
    else {
      expectMany(signal)
      signal.addEventListener('abort', this.#abort, { once: true })
    }
  }

  /** Fires when the wait ends early. */
  get signal(): AbortSignal {
    return this.#ended.signal
  }

  wake(): void {
    this.#finish('woken')
  }

  /** Resolves with true when `work` did, with false when the wait ended before. */
  until(work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const ended = (): void => resolve(false)
      if (this.signal.aborted) ended()
      else this.signal.addEventListener('abort', ended, { once: true })
      work.then(() => resolve(true), reject).finally(() => this.signal.removeEventListener('abort', ended))
    })
  }

  /** The error of a wait that ended early for another reason than its time. */
  error(): KafkaError | undefined {
    switch (this.end) {
      case 'aborted':
        return abortedError(this.#outer)
      case 'woken':
        return wakeupError()
      default:
        return undefined
    }
  }

  stop(): void {
    this.#timer.cancel()
    this.#outer?.removeEventListener('abort', this.#abort)
  }

  #finish(end: WaitEnd): void {
    if (this.end !== undefined) return
    this.end = end
    this.#ended.abort()
  }
}

// One signal may end the polls of many members, as that of a shutdown does. Node warns of a leak at the eleventh, where none is.
function expectMany(signal: AbortSignal): void {
  if (signal instanceof EventTarget) setMaxListeners(0, signal)
}

/** What wakeup() makes a poll or a commitSync reject with. */
export function wakeupError(): KafkaError {
  return new KafkaError('The call was ended by wakeup(). Nothing is lost: the next one goes on.', { code: 'WAKEUP' })
}

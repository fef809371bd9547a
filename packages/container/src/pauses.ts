import { KafkaError } from '@milena/protocol'
import type { Clock, Random } from '@milena/protocol/runtime'

const JITTER = 0.2

/** Pauses between attempts: each twice the one before, up to a bound, moved by up to 20 % either way. */
export class Backoff {
  #attempt = 0

  constructor(
    private readonly options: { readonly random: Random; readonly initialMs: number; readonly maxMs: number },
  ) {}

  /** The next pause in milliseconds. */
  next(): number {
    const { initialMs, maxMs, random } = this.options
    const plain = Math.min(initialMs * 2 ** Math.min(this.#attempt++, 62), maxMs)
    return Math.min(maxMs, plain * (1 - JITTER + 2 * JITTER * random.next()))
  }

  /** Begins again with the shortest pause; call it after a success. */
  reset(): void {
    this.#attempt = 0
  }
}

/** Resolves after `ms` milliseconds, or as soon as the signal fires. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      timer.cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimer(done, ms)
    signal.addEventListener('abort', done, { once: true })
  })
}

/** Whether a promise was rejected because its AbortSignal fired. */
export function isAborted(error: unknown): boolean {
  return KafkaError.is(error) && error.code === 'ABORTED'
}

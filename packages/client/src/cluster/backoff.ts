import type { Clock, Random } from '@milena/protocol/runtime'
import { abortedError } from '../network/aborted.js'

/** Where the pauses of a Backoff come from and how long they get. */
export interface BackoffOptions {
  readonly clock: Clock
  readonly random: Random
  /** The first pause, in milliseconds, before jitter. */
  readonly initialMs: number
  /** No pause is longer than this, jitter included. */
  readonly maxMs: number
}

const GROWTH = 2
const JITTER = 0.2

/** The pause after `attempt` earlier ones, in milliseconds. */
export function backoffDelay(options: Pick<BackoffOptions, 'random' | 'initialMs' | 'maxMs'>, attempt: number): number {
  const plain = Math.min(options.initialMs * GROWTH ** Math.min(attempt, 62), options.maxMs)
  return Math.min(options.maxMs, plain * (1 - JITTER + 2 * JITTER * options.random.next()))
}

/** Pauses between attempts: each twice the one before, up to a bound, moved by up to 20 % either way (KIP-580). */
export class Backoff {
  #attempt = 0

  constructor(private readonly options: BackoffOptions) {}

  /** How many pauses were drawn since the start or the last reset. */
  get attempts(): number {
    return this.#attempt
  }

  /** The next pause in milliseconds. */
  next(): number {
    return backoffDelay(this.options, this.#attempt++)
  }

  /** Begins again with the shortest pause; call it after a success. */
  reset(): void {
    this.#attempt = 0
  }

  /** Pauses once. Rejects with code ABORTED as soon as the signal fires. `atMostMs` cuts the pause short. */
  wait(signal?: AbortSignal, atMostMs = Infinity): Promise<void> {
    return pause(this.options.clock, Math.min(this.next(), atMostMs), signal)
  }
}

/** Resolves after `ms` milliseconds; rejects with code ABORTED as soon as the signal fires. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(abortedError(signal))
      return
    }
    const aborted = () => {
      timer.cancel()
      reject(abortedError(signal))
    }
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

import type { Clock } from '@milena/protocol/runtime'

export interface DelayedOperation {
  /** What may complete it; see the functions that make keys, beside the thing they name. */
  readonly keys: readonly string[]
  /** How long it waits at most. */
  readonly delayMs: number
  /** Whether what is waited for is there; it may take it, too, so that the next who waits does not see it any more. Asked at once, then after each touch of a key. */
  readonly tryComplete: () => boolean
  /** Ends the waiting early: the connection or the broker is gone. */
  readonly signal?: AbortSignal
}

/** `expired`: the time was over first. `aborted`: nobody waits for it any more. */
export type DelayedOutcome = 'complete' | 'expired' | 'aborted'

interface Waiting {
  readonly operation: DelayedOperation
  readonly end: (outcome: DelayedOutcome) => void
  readonly fail: (error: unknown) => void
}

/** Requests that wait until something happens or their time is over: what Kafka calls its purgatory. */
export class DelayedOperations {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<Waiting>>()
  #count = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many operations wait now. */
  get size(): number {
    return this.#count
  }

  /** Rejects with what tryComplete throws. */
  wait(operation: DelayedOperation): Promise<DelayedOutcome> {
    const { keys, delayMs, tryComplete, signal } = operation
    if (signal?.aborted === true) return Promise.resolve('aborted')
    if (tryComplete()) return Promise.resolve('complete')
    if (delayMs <= 0) return Promise.resolve('expired')
    return new Promise((resolve, reject) => {
      let isOver = false
      const leave = (): void => {
        // Completing may touch a key that it waits for itself, and so end it twice.
        if (isOver) return
        isOver = true
        timer.cancel()
        signal?.removeEventListener('abort', abort)
        for (const key of keys) {
          const others = this.#waiting.get(key)
          others?.delete(waiting)
          if (others?.size === 0) this.#waiting.delete(key)
        }
        this.#count--
      }
      const waiting: Waiting = {
        operation,
        end: (outcome) => {
          leave()
          resolve(outcome)
        },
        fail: (error) => {
          leave()
          reject(error instanceof Error ? error : new Error(String(error)))
        },
      }
      const abort = (): void => waiting.end('aborted')
      for (const key of new Set(keys)) {
        const others = this.#waiting.get(key)
        if (others === undefined) this.#waiting.set(key, new Set([waiting]))
        else others.add(waiting)
      }
      this.#count++
      const timer = this.#clock.setTimer(() => waiting.end('expired'), delayMs)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Something happened under this key: whoever waits for it looks again, in the order of their coming. */
  touch(key: string): void {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return
    for (const each of [...waiting]) {
      if (!waiting.has(each)) continue
      try {
        if (each.operation.tryComplete()) each.end('complete')
      } catch (error) {
        // The mistake of one who waits must not fail whoever has touched the key, nor the others.
        each.fail(error)
      }
    }
  }
}

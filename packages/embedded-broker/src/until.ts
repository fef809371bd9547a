import { KafkaTimeoutError, KafkaUsageError } from '@milena/protocol'
import { systemClock } from '@milena/protocol/runtime'

/** How often a condition is looked at that nothing of the broker has touched: it may ask about the test's own things. */
const LOOK_EVERY_MS = 10

/** Throws KafkaUsageError for the answer of an `async` predicate: a promise is always truthy. */
export function refusePromise(value: unknown): void {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function') return
  throw new KafkaUsageError(
    'A predicate answers at once, and this one returns a promise, which would always count as yes. Await what it needs beforehand.',
  )
}

interface Waiting {
  readonly look: () => void
  readonly giveUp: () => void
}

/** Conditions that somebody waits for; looked at again after each change, and now and then. */
export class Conditions {
  readonly #waiting = new Set<Waiting>()
  #isClosed = false
  #isLooking = false

  /** Something that a condition may ask about has changed. Several changes in a row are looked at once. */
  readonly changed = (): void => {
    if (this.#waiting.size === 0 || this.#isLooking) return
    this.#isLooking = true
    queueMicrotask(() => {
      this.#isLooking = false
      for (const { look } of [...this.#waiting]) look()
    })
  }

  /** Nothing changes any more: what holds now is met, all else is given up. */
  close(): void {
    this.#isClosed = true
    for (const { look, giveUp } of [...this.#waiting]) {
      look()
      giveUp()
    }
  }

  /**
   * Resolves with what the predicate returned as soon as that is truthy, and rejects with what it throws, or with a
   * KafkaUsageError when it is asynchronous or the broker is stopped. After `timeoutMs` of real time (also where the broker's
   * clock is virtual) it rejects with a KafkaTimeoutError that says how things stand.
   */
  until<T>(predicate: () => T, timeoutMs: number, howThingsStand: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#waiting.delete(waiting)
        timeout.cancel()
        again.cancel()
      }
      const look = (): void => {
        let value: T
        try {
          value = predicate()
          refusePromise(value)
        } catch (error) {
          end()
          reject(error instanceof Error ? error : new Error(String(error)))
          return
        }
        if (!value) return
        end()
        resolve(value)
      }
      const lookAgain = (): void => {
        again = systemClock.setTimer(lookAgain, LOOK_EVERY_MS)
        look()
      }
      let again = systemClock.setTimer(lookAgain, LOOK_EVERY_MS)
      const timeout = systemClock.setTimer(() => {
        end()
        reject(
          new KafkaTimeoutError(
            `What until() waited for did not come within ${timeoutMs} ms: ${String(predicate)}\nThe broker now: ${howThingsStand()}`,
          ),
        )
      }, timeoutMs)
      const giveUp = (): void => {
        end()
        reject(
          new KafkaUsageError(`The broker was stopped before what until() waits for had come: ${String(predicate)}`),
        )
      }
      const waiting: Waiting = { look, giveUp }
      this.#waiting.add(waiting)
      look()
      if (this.#isClosed) giveUp()
    })
  }
}

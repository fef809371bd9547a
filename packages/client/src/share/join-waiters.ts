import { abortedError } from '../network/aborted.js'

/** Those who wait until the coordinator has taken the member in. */
export class JoinWaiters {
  readonly #waiters = new Set<{ readonly resolve: () => void; readonly reject: (error: Error) => void }>()

  get someoneWaits(): boolean {
    return this.#waiters.size > 0
  }

  /** Resolves at joined(); rejects at failed(), and with code ABORTED on the signal. */
  add(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        this.#waiters.delete(waiter)
        reject(abortedError(signal))
      }
      const waiter = {
        resolve: () => {
          signal?.removeEventListener('abort', aborted)
          resolve()
        },
        reject: (error: Error) => {
          signal?.removeEventListener('abort', aborted)
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      if (signal?.aborted) aborted()
      else signal?.addEventListener('abort', aborted, { once: true })
    })
  }

  joined(): void {
    for (const { resolve } of this.#waiters) resolve()
    this.#waiters.clear()
  }

  failed(error: Error): void {
    for (const { reject } of this.#waiters) reject(error)
    this.#waiters.clear()
  }
}

import { KafkaUsageError } from '@milena/protocol'

// Who uses a share consumer at the moment. Java's consumer belongs to one thread and says so by an exception; here the
// same mistakes are calls that overlap.
//
// Rules kept here
// - One poll, commitSync or unsubscribe at a time; none of them, and no second iteration, while somebody iterates
//   (a commitSync may come between two records).
// - From inside the acknowledgement callback nothing of the consumer may be called that changes it.
// - After close() nothing may.

export class ConsumerTurns {
  #closed = false
  #inCallback = false
  #busy: string | undefined
  #reading: string | undefined
  readonly #misused: (error: unknown) => void

  /** `misused`: told of promises that a call from inside the callback rejects, which a callback seldom waits for. */
  constructor(misused: (error: unknown) => void) {
    this.#misused = misused
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The poll or commit that is running. */
  get busy(): string | undefined {
    return this.#busy
  }

  /** From now on every call is refused. */
  close(): void {
    this.#closed = true
  }

  /** Refuses what is after close(). */
  checkOpen(): void {
    if (this.#closed) throw closedError()
  }

  /** Refuses a call after close() and from inside the acknowledgement callback. */
  check(what: string): void {
    this.checkOpen()
    if (this.#inCallback) {
      throw new KafkaUsageError(
        `${what} was called from inside the acknowledgement callback, where only wakeup() may be: note what the callback is told, and act on it after poll() or commitSync() returned.`,
        { code: 'IN_CALLBACK' },
      )
    }
  }

  /** check(), and refuses a call while another one runs. `readers`: what an iteration means to it. */
  checkFree(what: string, readers: 'may read on' | 'must be gone' = 'must be gone'): void {
    this.check(what)
    const other = this.#busy ?? (readers === 'must be gone' ? this.#reading : undefined)
    if (other === undefined) return
    throw new KafkaUsageError(
      `${beginning(what)} while ${other} is running: a share consumer is used by one caller at a time. ${
        other === this.#reading ? 'Leave the loop' : 'Await the first'
      } before.`,
      { code: 'CONCURRENT_USE' },
    )
  }

  /** Does `work` with everybody else kept out. */
  async exclusively<T>(what: string, readers: 'may read on' | 'must be gone', work: () => Promise<T>): Promise<T> {
    this.checkFree(what, readers)
    this.#busy = what
    try {
      return await work()
    } finally {
      this.#busy = undefined
    }
  }

  /** An iteration keeps polls and other iterations out until endReading(). Whoever calls this has called checkFree(). */
  beginReading(what: string): void {
    this.#reading = what
  }

  endReading(): void {
    this.#reading = undefined
  }

  /** What `work` returns; where it is called from inside the callback, a rejection that nobody handles is logged, and ends no process. */
  guarded<T>(work: () => Promise<T>): Promise<T> {
    const made = work()
    if (this.#inCallback) made.catch(this.#misused)
    return made
  }

  /** Calls the application's acknowledgement callback. */
  inCallback(callback: () => unknown): unknown {
    const outer = this.#inCallback
    this.#inCallback = true
    try {
      return callback()
    } finally {
      this.#inCallback = outer
    }
  }
}

/** A method is called, an iteration begins. */
function beginning(what: string): string {
  return what.endsWith('()') ? `${what} was called` : `${what.charAt(0).toUpperCase()}${what.slice(1)} began`
}

function closedError(): KafkaUsageError {
  return new KafkaUsageError('This share consumer is closed: create a new one.', { code: 'CLOSED' })
}

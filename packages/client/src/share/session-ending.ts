import { KafkaConnectionError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { ClosingTime } from './closing-time.js'

// How long the ending of a share session waits for its broker. A broker that says nothing is not waited for, whatever time there
// would be: its connection ends, and the session with it.

/** A broker that owes an answer for so long is taken for gone. */
const SILENCE_MS = 2_000
/** What the ending takes at most, besides the wait of a fetch that is out. */
const ENDING_MS = 3_000

export interface SessionEndingOptions {
  readonly clock: Clock
  /** The time there is. */
  readonly time: ClosingTime
  /** When the request that is out is answered at the latest by a broker that is well; undefined: none is out. */
  readonly dueAt: number | undefined
  /** Ends the connection, and so whatever waits for it. */
  readonly giveUp: () => void
}

export class SessionEnding {
  readonly #clock: Clock
  readonly #time: ClosingTime
  readonly #startedAt: number
  readonly #dueAt: number
  readonly #giveUp: () => void

  constructor({ clock, time, dueAt, giveUp }: SessionEndingOptions) {
    this.#clock = clock
    this.#time = time
    this.#startedAt = clock.now()
    this.#dueAt = dueAt ?? this.#startedAt
    this.#giveUp = giveUp
  }

  /** Waits for the request that is out. Cut off, a fetch could still acquire records, for nobody. */
  waitFor(running: Promise<void>): Promise<void> {
    return this.#until(this.#dueAt + SILENCE_MS, () => running)
  }

  /** Sends the closing request. `mutedForMs`: the broker does not read it before (KIP-219). */
  finish(mutedForMs: number, closing: () => Promise<void>): Promise<void> {
    const soon = Math.min(this.#clock.now() + SILENCE_MS, Math.max(this.#startedAt, this.#dueAt) + ENDING_MS)
    return this.#until(soon + mutedForMs, closing)
  }

  async #until(soon: number, work: () => Promise<void>): Promise<void> {
    const { signal } = this.#time
    const timer = this.#clock.setTimer(this.#giveUp, Math.max(1, soon - this.#clock.now()))
    signal.addEventListener('abort', this.#giveUp, { once: true })
    if (signal.aborted) this.#giveUp()
    try {
      await work()
    } finally {
      timer.cancel()
      signal.removeEventListener('abort', this.#giveUp)
    }
  }
}

/** What ends a connection whose broker has not answered in the time there was for a close. */
export function silentBroker(nodeId: number): KafkaConnectionError {
  return new KafkaConnectionError(
    `Broker ${nodeId} did not answer in the time that close() had for it: what was acknowledged and not confirmed may be delivered again. ` +
      'Give close() more time (timeoutMs), or see what the broker is busy with.',
  )
}

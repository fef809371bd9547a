import type { Clock, Random } from '@milena/protocol/runtime'
import { backoffDelay } from '../cluster/backoff.js'

/** How attempts to connect are spread, in milliseconds; as Kafka's options of these names. */
export interface ReconnectOptions {
  readonly clock: Clock
  readonly random: Random
  readonly reconnectBackoffMs: number
  readonly reconnectBackoffMaxMs: number
  readonly socketConnectionSetupTimeoutMs: number
  readonly socketConnectionSetupTimeoutMaxMs: number
}

interface Failures {
  readonly inRow: number
  readonly lastAt: number
  readonly retryAt: number
}

/** More addresses than any cluster has; the longest untouched is forgotten. */
const MOST_ADDRESSES = 1_000

/**
 * Which addresses could not be connected to, and when to try them again: each failure in a row doubles the pause and the
 * time that the next attempt gets (KIP-144, KIP-601), moved by up to 20 % either way so that clients do not return together.
 */
export class Reconnects {
  readonly #options: ReconnectOptions
  readonly #failures = new Map<string, Failures>()

  constructor(options: ReconnectOptions) {
    this.#options = options
  }

  /** How long to wait before an address is tried; 0: not at all. */
  waitMs(address: string): number {
    const failures = this.#failures.get(address)
    return failures === undefined ? 0 : Math.max(0, failures.retryAt - this.#options.clock.now())
  }

  /** How long the next attempt may take. */
  setupTimeoutMs(address: string): number {
    const {
      random,
      socketConnectionSetupTimeoutMs: initialMs,
      socketConnectionSetupTimeoutMaxMs: maxMs,
    } = this.#options
    const inRow = this.#failures.get(address)?.inRow ?? 0
    return inRow === 0 ? initialMs : backoffDelay({ random, initialMs, maxMs }, inRow)
  }

  /** An attempt that began at `startedAt` failed. Several that ran at the same time count as one. */
  failed(address: string, startedAt: number): void {
    const { clock, random, reconnectBackoffMs: initialMs, reconnectBackoffMaxMs: maxMs } = this.#options
    const before = this.#failures.get(address)
    if (before !== undefined && startedAt < before.lastAt) return
    const inRow = (before?.inRow ?? 0) + 1
    const now = clock.now()
    this.#failures.delete(address)
    this.#failures.set(address, {
      inRow,
      lastAt: now,
      retryAt: now + backoffDelay({ random, initialMs, maxMs }, inRow - 1),
    })
    if (this.#failures.size <= MOST_ADDRESSES) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      return
    }
  }

  /** It served: what failed before says nothing any more. */
  succeeded(address: string): void {
    this.#failures.delete(address)
  }
}

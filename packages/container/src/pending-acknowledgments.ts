import type { Clock } from '@milena/protocol/runtime'
import type { AckTimeoutMonitor } from './ack-timeout-monitor.js'
import { AgedList, AgeLimit } from './aged-list.js'
import type { ManualAcknowledgment } from './manual-acknowledgment.js'

/** The open handles of one member, in the order in which they get overdue. */
export class PendingAcknowledgments<K, V> {
  readonly #clock: Clock
  readonly #fresh = new AgedList<ManualAcknowledgment<K, V>>()
  readonly #overdue = new AgedList<ManualAcknowledgment<K, V>>()
  readonly #limit: AgeLimit<ManualAcknowledgment<K, V>>
  #waiting = 0

  constructor({
    clock,
    monitor,
    onOverdue,
  }: {
    readonly clock: Clock
    readonly monitor: AckTimeoutMonitor
    /** Nobody needs to wait for it any more. */
    readonly onOverdue: () => void
  }) {
    this.#clock = clock
    this.#limit = new AgeLimit({
      clock,
      list: this.#fresh,
      limitMs: monitor.timeoutMs,
      onOverdue: (acknowledgment) => {
        const now = clock.now()
        this.#overdue.add(acknowledgment, now)
        monitor.overdue(acknowledgment, now)
        onOverdue()
      },
    })
  }

  /** All that are open. */
  get size(): number {
    return this.#fresh.size + this.#overdue.size
  }

  /** Those that are not overdue. */
  get fresh(): number {
    return this.#fresh.size
  }

  /** Those whose listener call is over. */
  get waiting(): number {
    return this.#waiting
  }

  add(acknowledgment: ManualAcknowledgment<K, V>): void {
    this.#fresh.add(acknowledgment, acknowledgment.since)
    this.#limit.added()
  }

  /** Its time begins anew. */
  restart(acknowledgment: ManualAcknowledgment<K, V>): void {
    this.#fresh.add(acknowledgment, this.#clock.now())
    this.#limit.added()
  }

  /** Error handler or recoverer decide: it may still be used, and nobody is told that it is not. */
  decides(acknowledgment: ManualAcknowledgment<K, V>): void {
    if (acknowledgment.list === undefined) return
    this.#overdue.add(acknowledgment, acknowledgment.since)
    if (acknowledgment.returned) this.#waiting--
    acknowledgment.returned = false
  }

  listenerReturned(acknowledgment: ManualAcknowledgment<K, V>): void {
    if (acknowledgment.list === undefined || acknowledgment.returned) return
    acknowledgment.returned = true
    this.#waiting++
  }

  /** It is open no more. */
  leave(acknowledgment: ManualAcknowledgment<K, V>): void {
    if (acknowledgment.list === undefined) return
    acknowledgment.list.remove(acknowledgment)
    if (acknowledgment.returned) this.#waiting--
    acknowledgment.onLeft?.settled()
    if (acknowledgment.frame !== undefined) acknowledgment.frame.runningCalls--
  }

  all(): ManualAcknowledgment<K, V>[] {
    return [...this.#overdue.all(), ...this.#fresh.all()]
  }

  /** Nothing is told of any more. */
  close(): void {
    this.#limit.close()
  }
}

import type { Clock, Logger, Timer } from '@milena/protocol/runtime'

/** What a log must offer to be kept within bounds. */
export interface RetainedLog {
  /** For log lines, e.g. `orders-0`. */
  readonly label: string
  readonly sizeInMemory: number
  /** The age of the oldest batch (a smaller number is older); undefined when there is none. */
  readonly oldestAge: number | undefined
  /** Lets the oldest batch go. */
  dropOldest(): void
  /** Tells that batches were let go; called once after the last of them. */
  droppedOldest(): void
  /** Applies the topic's own limits and forgets producers that were idle too long. */
  expire(nowMs: number): void
}

export interface LogRetentionOptions {
  /** The most that all logs together take in memory. Default 1 GiB. */
  readonly maxTotalBytes?: number
  /** The most that one partition takes. Default 256 MiB. */
  readonly maxPartitionBytes?: number
  /** How often time limits are looked at. Default 5 minutes, as Kafka's log.retention.check.interval.ms. */
  readonly checkIntervalMs?: number
}

const MIB = 2 ** 20
/** What is freed at once when memory runs out, so that not every append has to look for the oldest log. */
const FREED_SHARE = 1 / 64

/**
 * Keeps all logs of a cluster within a bound of memory, whatever their topics allow: the oldest batches are let go first, as if
 * their retention had passed. Only the newest batch of all is never let go for room.
 */
export class LogRetention {
  readonly maxPartitionBytes: number
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #maxTotalBytes: number
  readonly #checkIntervalMs: number
  readonly #logs = new Set<RetainedLog>()
  #totalBytes = 0
  #nextAge = 0
  #timer: Timer | undefined
  #hasWarned = false
  readonly #warnedOf = new WeakSet<RetainedLog>()

  constructor(surroundings: { readonly clock: Clock; readonly logger: Logger }, options: LogRetentionOptions = {}) {
    this.#clock = surroundings.clock
    this.#logger = surroundings.logger
    this.#maxTotalBytes = options.maxTotalBytes ?? 1024 * MIB
    this.maxPartitionBytes = options.maxPartitionBytes ?? 256 * MIB
    this.#checkIntervalMs = options.checkIntervalMs ?? 300_000
  }

  /** About what all logs take. */
  get totalBytes(): number {
    return this.#totalBytes
  }

  /** The age of the next batch. */
  nextAge(): number {
    return this.#nextAge++
  }

  add(log: RetainedLog): void {
    this.#logs.add(log)
    this.#timer ??= this.#arm()
  }

  /** The log is gone; what it took is free. */
  remove(log: RetainedLog): void {
    if (!this.#logs.delete(log)) return
    this.#totalBytes -= log.sizeInMemory
    if (this.#logs.size > 0) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The log takes so much more (or less) than before. */
  resized(byBytes: number): void {
    this.#totalBytes += byBytes
  }

  /** Makes room when there is too little. To be called after an append. */
  makeRoom(): void {
    if (this.#totalBytes <= this.#maxTotalBytes) return
    if (!this.#hasWarned) {
      this.#hasWarned = true
      this.#logger.warn(
        { maxTotalBytes: this.#maxTotalBytes },
        `The logs take more than ${describeBytes(this.#maxTotalBytes)} of memory: the oldest records are let go from now on. Give the broker more memory, or its topics less retention.`,
      )
    }
    const target = this.#maxTotalBytes * (1 - FREED_SHARE)
    while (this.#totalBytes > target) {
      const { oldest, nextAge } = this.#oldestLogs()
      if (oldest === undefined) return
      do oldest.dropOldest()
      while (this.#totalBytes > target && (oldest.oldestAge ?? Infinity) < Math.min(nextAge, this.#nextAge - 1))
      oldest.droppedOldest()
    }
  }

  /** Says once per log that it lost records to the bound of one partition. */
  warnOfPartition(log: RetainedLog): void {
    if (this.#warnedOf.has(log)) return
    this.#warnedOf.add(log)
    this.#logger.warn(
      { partition: log.label, maxPartitionBytes: this.maxPartitionBytes },
      `Partition ${log.label} takes more than ${describeBytes(this.maxPartitionBytes)} of memory: its oldest records are let go from now on.`,
    )
  }

  #oldestLogs(): { readonly oldest: RetainedLog | undefined; readonly nextAge: number } {
    let oldest: RetainedLog | undefined
    let age = Infinity
    let nextAge = Infinity
    const newest = this.#nextAge - 1
    for (const log of this.#logs) {
      const own = log.oldestAge ?? Infinity
      if (own === newest) continue
      if (own < age) {
        nextAge = age
        age = own
        oldest = log
      } else if (own < nextAge) nextAge = own
    }
    return { oldest, nextAge }
  }

  #arm(): Timer {
    return this.#clock.setTimer(
      () => {
        this.#timer = this.#arm()
        const nowMs = this.#clock.wallTime()
        for (const log of [...this.#logs]) log.expire(nowMs)
      },
      this.#checkIntervalMs,
      { unref: true },
    )
  }
}

function describeBytes(bytes: number): string {
  return bytes >= MIB ? `${Math.round(bytes / MIB)} MiB` : `${bytes} bytes`
}

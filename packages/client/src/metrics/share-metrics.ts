import type { Clock } from '@milena/protocol/runtime'
import { offsetsOfPieces } from '../share/ack-batches.js'
import type { SentByPartition } from '../share/acquired-records.js'
import type { AssignedPartitions } from '../share/routing.js'
import { ShareCounters } from '../share/share-counters.js'
import { Sensor } from './sensor.js'

/**
 * What one consumer has done, through all the members that it was: plain methods, called where things happen, once for a request or a
 * poll and never for a record.
 */
export class ShareMetrics {
  readonly counters = new ShareCounters()
  readonly #clock: Clock
  /** Milliseconds from a fetch to its answer. */
  readonly fetchLatency: Sensor
  readonly fetchThrottle: Sensor
  /** Bytes, and records, of the fetches that brought some. */
  readonly fetchedBytes: Sensor
  readonly fetchedRecords: Sensor
  readonly acknowledgementsSent: Sensor
  readonly acknowledgementsFailed: Sensor
  readonly heartbeats: Sensor
  /** Milliseconds from a heartbeat to its answer. */
  readonly heartbeatLatency: Sensor
  readonly rebalances: Sensor
  /** Milliseconds from the beginning of a poll to that of the next. */
  readonly timeBetweenPolls: Sensor
  /** Milliseconds inside of a poll, and from the end of the poll before to its end. */
  readonly #insidePolls: Sensor
  readonly #pollCycles: Sensor
  #pollBegan: number | undefined
  #pollEnded: number | undefined
  #heartbeatAt: number | undefined
  #assignment = ''

  constructor(clock: Clock) {
    this.#clock = clock
    this.fetchLatency = new Sensor(clock)
    this.fetchThrottle = new Sensor(clock)
    this.fetchedBytes = new Sensor(clock)
    this.fetchedRecords = new Sensor(clock)
    this.acknowledgementsSent = new Sensor(clock)
    this.acknowledgementsFailed = new Sensor(clock)
    this.heartbeats = new Sensor(clock)
    this.heartbeatLatency = new Sensor(clock)
    this.rebalances = new Sensor(clock)
    this.timeBetweenPolls = new Sensor(clock)
    this.#insidePolls = new Sensor(clock)
    this.#pollCycles = new Sensor(clock)
  }

  /** A ShareFetch was answered, whatever the answer says. Times are milliseconds. */
  fetchAnswered(latencyMs: number, throttleMs: number): void {
    this.fetchLatency.record(latencyMs)
    this.fetchThrottle.record(throttleMs)
  }

  /** What one answer brought. */
  fetched(bytes: number, records: number): void {
    if (bytes === 0 && records === 0) return
    this.fetchedBytes.record(bytes)
    this.fetchedRecords.record(records)
  }

  /** A request takes these along. */
  acknowledging(sent: SentByPartition): void {
    let offsets = 0
    for (const { pieces } of sent.values()) offsets += offsetsOfPieces(pieces)
    if (offsets > 0) this.acknowledgementsSent.record(offsets)
  }

  /** A heartbeat goes out. */
  heartbeat(): void {
    this.#heartbeatAt = this.#clock.now()
    this.heartbeats.record(1)
  }

  /** It was answered. */
  heartbeatAnswered(): void {
    if (this.#heartbeatAt !== undefined) this.heartbeatLatency.record(this.#clock.now() - this.#heartbeatAt)
  }

  /** The coordinator told what is assigned; null: nothing any more. The same again is no rebalance. */
  assigned(assignment: AssignedPartitions | null): void {
    const known = assignment === null ? '' : nameOf(assignment)
    if (known !== '' && known !== this.#assignment) this.rebalances.record(1)
    this.#assignment = known
  }

  pollBegins(): void {
    const now = this.#clock.now()
    if (this.#pollBegan !== undefined) this.timeBetweenPolls.record(now - this.#pollBegan)
    this.#pollBegan = now
  }

  pollEnds(): void {
    const now = this.#clock.now()
    const began = this.#pollBegan ?? now
    this.#insidePolls.record(now - began)
    this.#pollCycles.record(now - (this.#pollEnded ?? began))
    this.#pollEnded = now
  }

  /** The share of recent time that was spent inside of polls; NaN: there were none. */
  pollIdleRatio(): number {
    return this.#insidePolls.avg() / this.#pollCycles.avg()
  }

  secondsSincePoll(): number {
    return this.#secondsSince(this.#pollBegan)
  }

  secondsSinceHeartbeat(): number {
    return this.#secondsSince(this.#heartbeatAt)
  }

  #secondsSince(time: number | undefined): number {
    return time === undefined ? NaN : (this.#clock.now() - time) / 1000
  }
}

function nameOf(assignment: AssignedPartitions): string {
  return assignment
    .map(({ topicId, partitions }) => `${topicId}:${[...partitions].sort((a, b) => a - b).join(',')}`)
    .sort()
    .join(' ')
}

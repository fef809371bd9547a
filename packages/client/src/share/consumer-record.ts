import { inspect } from 'node:util'
import type { RecordHeaders } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { AcquiredRange } from './acquired-range.js'

/** Reads the headers of the record a cursor stood on, when asked. */
export type HeadersSource = () => RecordHeaders

const NO_HEADERS: RecordHeaders = Object.freeze([])

/** The headers of a record that has none. */
export const noHeaders: HeadersSource = () => NO_HEADERS

/**
 * A record that this member has acquired: it holds the record's lock until it acknowledges it or the lock runs out.
 *
 * Byte keys and values are views of the fetched response. Whoever keeps one beyond the batch copies it
 * (`Buffer.from(record.value)`), or the whole response stays in memory.
 */
export class ConsumerRecord<K = Buffer | null, V = Buffer | null> {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  /** Who set the timestamp: the producer (`create`) or the broker (`logAppend`). */
  readonly timestampType: 'create' | 'logAppend'
  readonly key: K
  readonly value: V
  /**
   * How many times the group has delivered this record, this time included: 1 the first time. Approximate: after a
   * leader change the broker may repeat a number (KIP-932).
   */
  readonly deliveryCount: number
  readonly leaderEpoch: number
  readonly #range: AcquiredRange
  readonly #clock: Clock
  #headers: RecordHeaders | HeadersSource

  /** Made by the share engine only. */
  constructor(fields: RecordFields, key: K, value: V, range: AcquiredRange, clock: Clock) {
    this.topic = range.partition.topic
    this.partition = range.partition.partition
    this.offset = fields.offset
    this.timestamp = fields.timestamp
    this.timestampType = fields.timestampType
    this.key = key
    this.value = value
    this.deliveryCount = range.deliveryCount
    this.leaderEpoch = fields.leaderEpoch
    this.#range = range
    this.#clock = clock
    this.#headers = fields.headers ?? NO_HEADERS
  }

  /** The record's headers, in the order they were written; a name may occur more than once. */
  get headers(): RecordHeaders {
    if (typeof this.#headers === 'function') this.#headers = this.#headers()
    return this.#headers
  }

  /** When the acquisition lock runs out, in whole milliseconds since the epoch; rather early than late, moved by a renewal. */
  get lockExpiresAt(): number {
    const deadline = this.#range.deadlineOf(this.offset - this.#range.firstOffset)
    return Math.floor(this.#clock.wallTime() + (deadline - this.#clock.now()))
  }

  /** Always undefined: tells a record from what else `for await (const record of consumer)` may bring, which has an error. */
  get error(): undefined {
    return undefined
  }

  toJSON(): object {
    return { ...this, headers: this.headers, lockExpiresAt: this.lockExpiresAt }
  }

  [inspect.custom](): object {
    return this.toJSON()
  }

  /** The place of a record in its member's ledger. @internal */
  static rangeOf(record: ConsumerRecord<unknown, unknown>): AcquiredRange {
    return record.#range
  }

  /** Whether `value` was made by this copy of the package. @internal */
  static isRecord(value: unknown): value is ConsumerRecord<unknown, unknown> {
    return typeof value === 'object' && value !== null && #range in value
  }
}

/** What a batch and its cursor say of a record; one object is filled anew for each record. */
export interface RecordFields {
  offset: number
  timestamp: number
  timestampType: 'create' | 'logAppend'
  leaderEpoch: number
  headers: HeadersSource | undefined
}

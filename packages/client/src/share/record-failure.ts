import type { KafkaError } from '@milena/protocol'
import type { AcquiredRange } from './acquired-range.js'

/**
 * A record whose key or value could not be deserialised. It is acquired and not answered: whoever takes it decides
 * (ShareConsumer: RELEASE unless told otherwise, as in Java; containers: REJECT).
 */
export class RecordDeserializationFailure {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly deliveryCount: number
  /** Says which of key and value it was, and why; its cause is what the deserialiser threw. */
  readonly error: KafkaError
  /** The bytes as they came; views of the fetched response. */
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
  readonly #range: AcquiredRange

  /** Made by the share engine only. */
  constructor(fields: FailureFields, range: AcquiredRange) {
    this.topic = range.partition.topic
    this.partition = range.partition.partition
    this.offset = fields.offset
    this.deliveryCount = range.deliveryCount
    this.error = fields.error
    this.rawKey = fields.rawKey
    this.rawValue = fields.rawValue
    this.#range = range
  }

  /** The place of the record in its member's ledger. @internal */
  static rangeOf(failure: RecordDeserializationFailure): AcquiredRange {
    return failure.#range
  }
}

export interface FailureFields {
  readonly offset: number
  readonly error: KafkaError
  readonly rawKey: Buffer | null
  readonly rawValue: Buffer | null
}

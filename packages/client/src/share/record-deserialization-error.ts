import { KafkaError } from '@milena/protocol'

const BRAND = Symbol.for('@milena/client/RecordDeserializationError')

/** Where the record stands; enough for `consumer.acknowledge(error, 'REJECT')`. */
export interface UndecodableRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * The key or value of a record could not be deserialised; `cause` is what the deserialiser threw. Thrown by poll(), after
 * the good records of the same fetch. It can be given to acknowledge() as the record's position. Code RECORD_DESERIALIZATION.
 */
export class RecordDeserializationError extends KafkaError implements UndecodableRecord {
  declare readonly name: 'RecordDeserializationError'
  readonly topic: string
  readonly partition: number
  readonly offset: number

  /** How many times the group has delivered the record, this time included: 1 the first time. Approximate (KIP-932). */
  readonly deliveryCount: number

  constructor(
    message: string,
    { topic, partition, offset, deliveryCount }: UndecodableRecord & { readonly deliveryCount: number },
    cause: unknown,
  ) {
    super(message, { code: 'RECORD_DESERIALIZATION', cause })
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.deliveryCount = deliveryCount
  }

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true })
    Object.defineProperty(this.prototype, 'name', {
      value: 'RecordDeserializationError',
      configurable: true,
      writable: true,
    })
  }

  /** Whether `value` is one, also when it comes from another copy of this package. */
  static override is(value: unknown): value is RecordDeserializationError {
    return typeof value === 'object' && value !== null && BRAND in value
  }
}

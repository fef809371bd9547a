import { KafkaUsageError } from '@milena/protocol'
import { ConsumerRecord } from './consumer-record.js'
import type { RecordOrFailure } from './read-failure.js'
import { RecordDeserializationFailure } from './record-failure.js'
import type { ShareEngine } from './share-engine.js'
import { release, StreamSource, type OpenStream, type StreamHost } from './stream-source.js'
import type { ReadOptions } from './consumer-arguments.js'
import { releaseHeld } from './unread-records.js'

// `for await (const record of consumer)`: one record, or one failure, at a time.
//
// Rules kept here
// - Implicit mode: a record is accepted when the next one is asked for, whether or not there is a next one. Leaving the
//   loop releases the current one: break and throw look alike from here, and nothing unfinished is ever accepted.
// - Explicit mode: the reader answers. What was taken and not read yet waits for the next iteration when the loop is left.
// - What was not read goes back when the loop's body stands still.
// - A record, or undecodable one, whose lock or session was lost while it waited here is not handed out.

/** A reader that never waits gives way to other work, heartbeats above all, after so long. */
const SLICE_MS = 20

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

type Item<K, V> = IteratorResult<RecordOrFailure<K, V>, undefined>

export class RecordStream<K, V> implements AsyncIterableIterator<RecordOrFailure<K, V>, undefined>, OpenStream {
  readonly name = 'an iteration over records'
  readonly #host: StreamHost<K, V>
  readonly #source: StreamSource<K, V>
  #items: readonly RecordOrFailure<K, V>[] = []
  #at = 0
  #current: ConsumerRecord<K, V> | undefined
  #engine: ShareEngine<K, V> | undefined
  #forgetStanding: (() => void) | undefined
  #waiting = false
  #done = false
  #sliceBegan = 0

  constructor(host: StreamHost<K, V>, options: ReadOptions) {
    this.#host = host
    this.#source = new StreamSource(host, options, { batches: false })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Item<K, V>> {
    if (this.#done) return Promise.resolve(DONE)
    if (this.#waiting) return Promise.reject(overlapping())
    try {
      this.#engine = this.#source.engine(this)
      if (this.#engine === undefined) return Promise.resolve(this.#finish())
      if (this.#forgetStanding === undefined) this.#begin(this.#engine)
      this.acceptCurrent()
    } catch (error) {
      this.#finish()
      return this.#host.refuse(error)
    }
    if (this.#host.clock.now() - this.#sliceBegan > SLICE_MS) return this.#afterPause()
    const item = this.#nextItem()
    return item === undefined ? this.#refill() : Promise.resolve({ done: false, value: item })
  }

  /** The loop was left. */
  return(): Promise<Item<K, V>> {
    return Promise.resolve(this.#finish())
  }

  acceptCurrent(): void {
    if (this.#engine !== undefined) this.#host.undecodable.releaseTold(this.#engine)
    const current = this.#current
    if (current === undefined) return
    this.#current = undefined
    if (this.#host.config.acknowledgementMode === 'implicit') this.#host.acceptRecord(current)
  }

  #begin(engine: ShareEngine<K, V>): void {
    this.#items = this.#host.unread.take(engine)
    this.#forgetStanding = engine.onStood(() => releaseHeld(engine, this.#items.slice(this.#at)))
  }

  async #afterPause(): Promise<Item<K, V>> {
    const { clock } = this.#host
    this.#waiting = true
    try {
      await new Promise<void>((resolve) => clock.immediate(resolve))
    } finally {
      this.#waiting = false
    }
    this.#sliceBegan = clock.now()
    if (this.#done) return DONE
    const item = this.#nextItem()
    return item === undefined ? this.#refill() : { done: false, value: item }
  }

  async #refill(): Promise<Item<K, V>> {
    this.#waiting = true
    try {
      for (;;) {
        const taken = await this.#source.take()
        if (taken === undefined) return this.#finish()
        if (this.#isOver()) {
          if (!('error' in taken)) release(taken)
          return DONE
        }
        if ('error' in taken) return { done: false, value: taken }
        this.#items = inOrder(taken.records, taken.failures)
        this.#at = 0
        const item = this.#nextItem()
        if (item !== undefined) return { done: false, value: item }
      }
    } catch (error) {
      this.#finish()
      throw error
    } finally {
      this.#waiting = false
      this.#sliceBegan = this.#host.clock.now()
    }
  }

  /** The loop was left while records were on their way from the engine to here. */
  #isOver(): boolean {
    return this.#done
  }

  #nextItem(): RecordOrFailure<K, V> | undefined {
    const items = this.#items
    while (this.#at < items.length) {
      const item = items[this.#at++]
      const isAcquired = item instanceof ConsumerRecord || item instanceof RecordDeserializationFailure
      if (isAcquired && this.#engine?.holds(item) !== true) {
        this.#engine?.giveUp(item)
        continue
      }
      if (item instanceof ConsumerRecord) this.#current = item
      else if (isAcquired) this.#host.undecodable.tell([item])
      return item
    }
    return undefined
  }

  #finish(): IteratorReturnResult<undefined> {
    if (this.#done) return DONE
    this.#done = true
    this.#forgetStanding?.()
    const engine = this.#engine
    if (engine !== undefined && !this.#host.isOver(engine)) {
      const { acknowledgementMode } = this.#host.config
      if (this.#current !== undefined && acknowledgementMode === 'implicit') releaseHeld(engine, [this.#current])
      this.#host.unread.keep(engine, this.#items.slice(this.#at))
      this.#host.undecodable.releaseTold(engine)
    }
    this.#items = []
    this.#current = undefined
    this.#source.end(this)
    return DONE
  }
}

/** Failures between the records of their partition. */
function inOrder<K, V>(
  records: readonly ConsumerRecord<K, V>[],
  failures: readonly RecordDeserializationFailure[],
): readonly RecordOrFailure<K, V>[] {
  if (failures.length === 0) return records
  const items: (ConsumerRecord<K, V> | RecordDeserializationFailure)[] = [...records]
  for (const failure of failures) {
    const { topic, partition, offset } = failure
    const isSame = (item: (typeof items)[number]): boolean => item.topic === topic && item.partition === partition
    const later = items.findIndex((item) => isSame(item) && item.offset > offset)
    const after = later < 0 ? items.findLastIndex(isSame) + 1 : later
    items.splice(later < 0 && after === 0 ? items.length : after, 0, failure)
  }
  return items
}

function overlapping(): KafkaUsageError {
  return new KafkaUsageError(
    'next() was called while an earlier next() of this iteration is running: await the first before.',
    {
      code: 'CONCURRENT_USE',
    },
  )
}

import { KafkaUsageError } from '@milena/protocol'
import { ConsumerRecords } from './consumer-records.js'
import type { TakenBatch } from './handout.js'
import type { ShareEngine } from './share-engine.js'
import { release, StreamSource, type OpenStream, type StreamHost } from './stream-source.js'
import type { ReadOptions } from './consumer-arguments.js'

// `for await (const batch of consumer.batches())`: what there is, at most so much at a time.
//
// Rules kept here
// - Implicit mode: a batch is accepted when the next one is asked for; leaving the loop releases it.
// - Explicit mode: the reader answers, in any order and also later: fetching goes on meanwhile, within maxInFlight.

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

type Item<K, V> = IteratorResult<ConsumerRecords<K, V>, undefined>

export class BatchStream<K, V> implements AsyncIterableIterator<ConsumerRecords<K, V>, undefined>, OpenStream {
  readonly name = 'an iteration over batches'
  readonly #host: StreamHost<K, V>
  readonly #source: StreamSource<K, V>
  #current: TakenBatch<K, V> | undefined
  #engine: ShareEngine<K, V> | undefined
  #waiting = false
  #done = false

  constructor(host: StreamHost<K, V>, options: ReadOptions) {
    this.#host = host
    this.#source = new StreamSource(host, options, { batches: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<Item<K, V>> {
    if (this.#done) return DONE
    if (this.#waiting) {
      throw new KafkaUsageError(
        'next() was called while an earlier next() of this iteration is running: await the first before.',
        {
          code: 'CONCURRENT_USE',
        },
      )
    }
    try {
      this.#engine = this.#source.engine(this)
      if (this.#engine === undefined) return this.#finish()
      this.#host.unread.release()
      this.acceptCurrent()
    } catch (error) {
      this.#finish()
      return this.#host.refuse(error)
    }
    this.#waiting = true
    try {
      // A reader that never waits must not keep heartbeats waiting.
      await new Promise<void>((resolve) => this.#host.clock.immediate(resolve))
      const taken = await this.#source.take()
      if (taken === undefined) return this.#finish()
      if (this.#isOver()) {
        if (!('error' in taken)) release(taken)
        return DONE
      }
      if ('error' in taken) return { done: false, value: new ConsumerRecords<K, V>([], [taken]) }
      this.#current = taken
      this.#host.undecodable.tell(taken.failures)
      return { done: false, value: new ConsumerRecords(taken.records, taken.failures) }
    } catch (error) {
      this.#finish()
      throw error
    } finally {
      this.#waiting = false
    }
  }

  /** The loop was left while records were on their way from the engine to here. */
  #isOver(): boolean {
    return this.#done
  }

  /** The loop was left. */
  return(): Promise<Item<K, V>> {
    return Promise.resolve(this.#finish())
  }

  acceptCurrent(): void {
    const current = this.#current
    this.#current = undefined
    if (this.#engine !== undefined) this.#host.undecodable.releaseTold(this.#engine)
    if (current !== undefined && this.#host.config.acknowledgementMode === 'implicit') this.#host.acceptBatch(current)
  }

  #finish(): IteratorReturnResult<undefined> {
    if (this.#done) return DONE
    this.#done = true
    const engine = this.#engine
    if (engine !== undefined && !this.#host.isOver(engine)) {
      if (this.#current !== undefined && this.#host.config.acknowledgementMode === 'implicit') release(this.#current)
      this.#host.undecodable.releaseTold(engine)
    }
    this.#current = undefined
    this.#source.end(this)
    return DONE
  }
}

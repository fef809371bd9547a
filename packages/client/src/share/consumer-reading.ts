import type { Clock } from '@milena/protocol/runtime'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import { AcknowledgeType } from './acknowledge-type.js'
import type { Commits } from './commits.js'
import type { ConsumerRecord } from './consumer-record.js'
import type { ConsumerTurns } from './consumer-turns.js'
import type { CurrentEngine } from './current-engine.js'
import type { TakenBatch } from './handout.js'
import type { PolledBatch } from './polled-batch.js'
import type { ShareEngine } from './share-engine.js'
import type { TakeOptions } from './take-options.js'
import type { PollPace } from './poll-pace.js'
import type { OpenStream, StreamHost } from './stream-source.js'
import type { UndecodableRecords } from './undecodable-records.js'
import { UnreadRecords } from './unread-records.js'

// The iteration of a share consumer that is going on: one at a time, and no poll beside it.
//
// Rules kept here
// - An iteration begins as a poll would: what the last poll returned is over, or it is refused.
// - Locks are looked after from its beginning on, and after its end: what was fetched ahead waits for the next iteration or poll, and
//   goes back when the member stands still. Going back costs it a delivery, and leaving a loop is no reason for that.

/** What the iterations of a consumer work on. */
export interface ConsumerReadingOptions<K, V> {
  readonly config: ResolvedShareConsumerConfig<K, V>
  readonly clock: Clock
  /** Shared with poll(). */
  readonly pace: PollPace
  readonly turns: ConsumerTurns
  readonly current: CurrentEngine<K, V>
  readonly polled: PolledBatch<K, V>
  readonly commits: Commits
  readonly undecodable: UndecodableRecords
  /** The subscription. Throws KafkaUsageError when there is none. */
  readonly topics: (what: string) => readonly string[]
  /** Puts a new member in the place of one that has left. */
  readonly startOver: () => void
  /** Nobody has to poll any more. */
  readonly endInterval: () => void
}

/** An iteration has no timeout, and waits for records. */
const UNHURRIED = { atMostMs: () => Infinity, hasty: () => false }

export class ConsumerReading<K, V> implements StreamHost<K, V> {
  readonly config: ResolvedShareConsumerConfig<K, V>
  readonly clock: Clock
  readonly undecodable: UndecodableRecords
  readonly unread = new UnreadRecords<K, V>()
  readonly #options: ConsumerReadingOptions<K, V>
  #stream: OpenStream | undefined

  constructor(options: ConsumerReadingOptions<K, V>) {
    this.config = options.config
    this.clock = options.clock
    this.undecodable = options.undecodable
    this.#options = options
  }

  /** An iteration is going on. */
  get isOpen(): boolean {
    return this.#stream !== undefined
  }

  /** In implicit mode, for a commit: what was handed out last, by an iteration or a poll, is processed. */
  acceptLast(): void {
    if (this.#stream === undefined) this.#options.polled.accept()
    else this.#stream.acceptCurrent()
  }

  /** An iteration finds out for itself that it is over; nobody has to wait for that. */
  drop(): void {
    this.#leave()
    this.unread.forget()
  }

  begin(stream: OpenStream): ShareEngine<K, V> {
    const { turns, current, polled, undecodable, topics, startOver, endInterval } = this.#options
    turns.checkFree(stream.name)
    current.refuseDriven(stream.name)
    const subscription = topics(stream.name)
    if (current.idle === undefined) {
      polled.finish()
      undecodable.releaseAll(current.engine)
    } else {
      startOver()
      current.engine.subscribe(subscription)
    }
    turns.beginReading(stream.name)
    current.keepLocks('begin')
    endInterval()
    this.#stream = stream
    return current.engine
  }

  end(stream: OpenStream): void {
    if (this.#stream !== stream) return
    this.#leave()
    if (!this.#options.turns.isClosed) this.#options.current.rest()
  }

  #leave(): void {
    this.#options.turns.endReading()
    this.#stream = undefined
  }

  isOver(engine: ShareEngine<K, V>): boolean {
    return this.#options.turns.isClosed || engine !== this.#options.current.engine
  }

  take(options: TakeOptions): Promise<TakenBatch<K, V>> {
    const { commits, current, pace } = this.#options
    commits.readOn()
    // An iteration that is begun again and again on a member that has failed for good rejects each time.
    return pace.keep(() => current.take(options), UNHURRIED)
  }

  refuse(error: unknown): Promise<never> {
    return this.#options.pace.keep(() => rejected(error), UNHURRIED)
  }

  acceptRecord(record: ConsumerRecord<K, V>): void {
    this.#options.polled.answerRead(record, AcknowledgeType.ACCEPT)
  }

  acceptBatch(batch: TakenBatch<K, V>): void {
    if (this.#options.current.engine.acceptRest(batch) > 0) this.#options.commits.notedAll(batch.spans)
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error
}

import { KafkaError, KafkaUsageError } from '@milena/protocol'
import type { Clock, Timer } from '@milena/protocol/runtime'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import { isAborted } from '../network/aborted.js'
import { AckCode } from './acknowledge-type.js'
import { BoundedWait } from './bounded-wait.js'
import { checkedReadOptions, type ReadOptions } from './consumer-arguments.js'
import type { ConsumerRecord } from './consumer-record.js'
import type { TakenBatch } from './handout.js'
import type { PassingFailure } from './read-failure.js'
import { RecordDeserializationFailure } from './record-failure.js'
import type { ShareEngine } from './share-engine.js'
import type { TakeOptions } from './take-options.js'
import type { UndecodableRecords } from './undecodable-records.js'
import type { UnreadRecords } from './unread-records.js'

// Where the iterations of a share consumer take from: the engine's take() without poll's barrier, bounded.
//
// Rules kept here
// - Implicit mode: one batch is out at a time. Explicit mode: at most maxInFlight records are out and unanswered; who set
//   it waits for answers, who did not is told at once that records were forgotten. Neither waits for ever, nor long in silence.
// - An error that heals by itself does not end an iteration.
// - The end of the consumer is the end of the iteration, not an error of it.

/** What an iteration needs of its consumer. */
export interface StreamHost<K, V> {
  readonly config: ResolvedShareConsumerConfig<K, V>
  readonly clock: Clock
  readonly undecodable: UndecodableRecords
  /** What an iteration over records has left. */
  readonly unread: UnreadRecords<K, V>
  /** Keeps polls and other iterations out. Throws KafkaUsageError where none may begin. */
  begin(stream: OpenStream): ShareEngine<K, V>
  end(stream: OpenStream): void
  /** The consumer was closed, or goes on as another member. */
  isOver(engine: ShareEngine<K, V>): boolean
  take(options: TakeOptions): Promise<TakenBatch<K, V>>
  /** Rejects with an error that ended an iteration before it took anything. */
  refuse(error: unknown): Promise<never>
  /** Implicit mode: this record is processed; or this batch. */
  acceptRecord(record: ConsumerRecord<K, V>): void
  acceptBatch(batch: TakenBatch<K, V>): void
}

/** An iteration that is going on. */
export interface OpenStream {
  /** As the usage errors call it. */
  readonly name: string
  /** In implicit mode, for a commit: what was handed out last is processed. */
  acceptCurrent(): void
}

export class StreamSource<K, V> {
  readonly #host: StreamHost<K, V>
  readonly #maxInFlight: number | undefined
  /** What is read at once is answered as a whole. */
  readonly #inBatches: boolean
  readonly #signal: AbortSignal | undefined
  #engine: ShareEngine<K, V> | undefined
  #wait: BoundedWait | undefined
  #ended = false
  #hasWarned = false

  /** `batches`: in implicit mode what is read at once is answered as a whole. */
  constructor(host: StreamHost<K, V>, options: ReadOptions, { batches }: { readonly batches: boolean }) {
    const { maxInFlight = host.config.maxInFlight, signal } = checkedReadOptions(options)
    if (maxInFlight !== undefined && !(Number.isSafeInteger(maxInFlight) && maxInFlight > 0)) {
      throw new KafkaUsageError(`maxInFlight must be a whole number above 0; it was given ${String(maxInFlight)}.`, {
        code: 'INVALID_CONFIG',
      })
    }
    this.#host = host
    this.#maxInFlight = maxInFlight
    this.#inBatches = batches && host.config.acknowledgementMode === 'implicit'
    this.#signal = signal
  }

  /** The engine that is read from; undefined when the iteration is over. Begins it when this is asked for the first time. */
  engine(stream: OpenStream): ShareEngine<K, V> | undefined {
    this.#engine ??= this.#host.begin(stream)
    return this.#ended || this.#host.isOver(this.#engine) ? undefined : this.#engine
  }

  /** The next records, or a failure that passes; undefined when the iteration is over. */
  async take(): Promise<TakenBatch<K, V> | PassingFailure | undefined> {
    const engine = this.#engine
    if (engine === undefined) return undefined
    for (;;) {
      if (this.#ended || this.#host.isOver(engine)) return undefined
      const { full, ...room } = this.#room(engine)
      const wait = new BoundedWait(this.#host.clock, full ? this.#patienceMs(engine) : Infinity, this.#signal)
      this.#wait = wait
      const warning = full ? this.#warnOnce(engine) : undefined
      try {
        const over = wait.error()
        if (over !== undefined) throw over
        const batch = await this.#host.take({ signal: wait.signal, ...room })
        if (!this.#ended) return batch
        release(batch)
        return undefined
      } catch (error) {
        if (this.#ended || this.#host.isOver(engine)) return undefined
        if (!KafkaError.is(error)) throw error
        if (isAborted(error)) {
          if (wait.end !== 'late') throw wait.error() ?? error
          if (this.#isFull(engine)) throw forgotten(engine.outstanding, this.#patienceMs(engine))
        } else if (KafkaUsageError.is(error) || error === engine.fatal) throw error
        else return { error }
      } finally {
        wait.stop()
        warning?.cancel()
        this.#wait = undefined
      }
    }
  }

  /** No more is taken; whoever waits is told that it is over. */
  end(stream: OpenStream): void {
    if (this.#ended) return
    this.#ended = true
    this.#wait?.wake()
    if (this.#engine !== undefined) this.#host.end(stream)
  }

  #room(engine: ShareEngine<K, V>): TakeOptions & { readonly full: boolean } {
    const { acknowledgementMode, maxPollRecords, fetchRecords } = this.#host.config
    const maxInFlight = this.#maxInFlight
    // Who set a size for batches means it, however long one takes.
    if (this.#inBatches) return { full: false, max: maxInFlight ?? fetchRecords, batch: true }
    // How much comes at once is otherwise left to the engine, which keeps back what cannot be started soon.
    if (acknowledgementMode === 'implicit') return { full: false, max: maxInFlight }
    if (maxInFlight !== undefined) return { full: this.#isFull(engine), maxInFlight }
    const { outstanding } = engine
    if (outstanding >= maxPollRecords) throw forgotten(outstanding)
    return { full: false }
  }

  #isFull(engine: ShareEngine<K, V>): boolean {
    return this.#maxInFlight !== undefined && engine.outstanding >= this.#maxInFlight
  }

  /** Says after a lock's time that nothing was answered: until the error it is a long silence. Once for an iteration. */
  #warnOnce(engine: ShareEngine<K, V>): Timer | undefined {
    const lockMs = engine.acquisitionLockTimeoutMs
    if (this.#hasWarned || lockMs === undefined || lockMs >= this.#patienceMs(engine)) return undefined
    return this.#host.clock.setTimer(() => {
      if (!this.#isFull(engine)) return
      this.#hasWarned = true
      const { client, groupId } = this.#host.config
      const { outstanding } = engine
      client.logger.warn(
        { groupId, outstanding, maxInFlight: this.#maxInFlight },
        `An iteration of group '${groupId}' has waited for ${seconds(lockMs)} for an answer to one of its ${records(outstanding)}, and reads nothing meanwhile. Answer each with acknowledge(record, type), or raise maxInFlight where they take long.`,
      )
    }, lockMs)
  }

  /** No lock is kept for longer, so that no answer can be worth waiting for any more. */
  #patienceMs(engine: ShareEngine<K, V>): number {
    return Math.max(this.#host.config.maxLockExtensionMs, engine.acquisitionLockTimeoutMs ?? 0)
  }
}

/** Gives back what is unanswered of a batch that nobody gets, undecodable records included. */
export function release({ spans, failures }: TakenBatch<unknown, unknown>): void {
  for (const { range, from, to } of spans) if (range.holder.live) range.answerOpen(AckCode.RELEASE, from, to)
  for (const failure of failures) {
    const range = RecordDeserializationFailure.rangeOf(failure)
    const index = failure.offset - range.firstOffset
    if (range.holder.live) range.answerOpen(AckCode.RELEASE, index, index + 1)
  }
}

/** `waitedMs`: for how long none of them was answered. */
function forgotten(outstanding: number, waitedMs?: number): KafkaUsageError {
  const remedy =
    waitedMs === undefined
      ? 'answer each with acknowledge(record, type) before the next one is asked for, or set maxInFlight to read on while so many are being worked on'
      : `none was answered for ${seconds(waitedMs)}, as long as a lock is kept. Answer each with acknowledge(record, type), or raise maxInFlight or maxLockExtensionMs`
  const are = outstanding === 1 ? 'is' : 'are'
  return new KafkaUsageError(`${records(outstanding)} of this iteration ${are} not acknowledged: ${remedy}.`, {
    code: 'NOT_ACKNOWLEDGED',
  })
}

function records(count: number): string {
  return count === 1 ? '1 record' : `${count} records`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}

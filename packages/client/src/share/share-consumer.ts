import { KafkaError, KafkaTimeoutError, KafkaUsageError } from '@milena/protocol'
import { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { checkTopicName } from '../cluster/topic-name.js'
import {
  resolveShareConsumerConfig,
  type ResolvedShareConsumerConfig,
  type ShareConsumerOptions,
} from '../config/share-consumer-config.js'
import { isAborted } from '../network/aborted.js'
import { ackCodeOf, AcknowledgeType } from './acknowledge-type.js'
import type { ConsumerRecord } from './consumer-record.js'
import { ConsumerRecords } from './consumer-records.js'
import type { TakenBatch } from './fetch-buffer.js'
import { RecordDeserializationFailure } from './record-failure.js'
import type { CounterName } from './share-counters.js'
import { NOTHING, ShareEngine, type Acquired } from './share-engine.js'
import type { TopicIdPartition } from './share-partition.js'
import type { AcknowledgementVerdict } from './verdict.js'

// Java's KafkaShareConsumer in TypeScript's habits: poll() is the engine's take() plus Java's contract.
//
// Rules kept here
// - Implicit mode: the next poll (or a commit) accepts what the last one returned. Explicit mode: every record of the
//   last poll is acknowledged before the next one. close() never accepts anything by itself.
// - A record that cannot be deserialised is RELEASEd unless the application says otherwise before the next poll or commit;
//   good records of the same fetch come first, the error with the poll after them.
// - Renewed records are handed out again by the next poll, before anything new.

/** How long a poll may take, and what may end it earlier. */
export interface PollOptions {
  /** Milliseconds; 0 takes what is there. */
  readonly timeoutMs?: number | undefined
  /** Ends the poll with an error of code ABORTED; nothing is lost by it. */
  readonly signal?: AbortSignal | undefined
}

/** A record by its place, for one that could not be deserialised. */
export interface RecordPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** The outcome of a commit by partition: undefined is success. Partitions with nothing to commit are not in it. */
export type CommitResult = ReadonlyMap<TopicIdPartition, KafkaError | undefined>

/** Told the broker's verdict on acknowledged offsets of one partition (gaps included), or why there is none. */
export type AcknowledgementCommitCallback = (verdict: AcknowledgementVerdict) => void

const DEFAULT_POLL_TIMEOUT_MS = 1_000
const DEFAULT_CLOSE_TIMEOUT_MS = 30_000

const engines = new WeakMap<object, ShareEngine<never, never>>()

/** The engine under a share consumer, for listener containers. @internal */
export function engineOf<K, V>(consumer: ShareConsumer<K, V>): ShareEngine<K, V> {
  const engine: ShareEngine<unknown, unknown> | undefined = engines.get(consumer)
  if (engine === undefined) throw new KafkaUsageError('This is not a ShareConsumer of @milena/client.')
  return engine as ShareEngine<K, V>
}

/** A member of a share group (KIP-932). Not for concurrent use: one poll, commit or close at a time. */
export class ShareConsumer<K = Buffer | null, V = Buffer | null> {
  readonly #config: ResolvedShareConsumerConfig<K, V>
  readonly #context: KafkaClientContext
  readonly #engine: ShareEngine<K, V>
  #subscription: readonly string[] = []
  #batch: TakenBatch<K, V> = NOTHING
  /** Records of the last poll that were renewed: the next poll returns them again. */
  #renewed = new Set<ConsumerRecord<K, V>>()
  /** Undecodable records: those that no poll has reported yet, and those that may be answered by position. */
  #untold: RecordDeserializationFailure[] = []
  #told: RecordDeserializationFailure[] = []
  /** The verdicts since the last batch was handed out or committed. */
  #verdicts = new Map<TopicIdPartition, KafkaError | undefined>()
  /** With onSecondAcknowledge 'lastWins': answers that may still change, by record. */
  readonly #changeable = new Map<Acquired<K, V>, AcknowledgeType>()
  #callback: AcknowledgementCommitCallback | undefined
  #busy: string | undefined
  #released: Promise<void> | undefined

  /**
   * Connects to nothing yet: subscribe() does. Throws KafkaUsageError for every wrong option.
   *
   * `context` lets several members of one application share control connections and metadata; without it the consumer
   * has its own.
   */
  constructor(options: ShareConsumerOptions<K, V>, context?: KafkaClientContext) {
    this.#config = resolveShareConsumerConfig(options)
    this.#context = context?.acquire() ?? KafkaClientContext.create(this.#config.client)
    this.#engine = new ShareEngine(this.#config, this.#context)
    this.#engine.onVerdict((verdict) => {
      const { partition, error } = verdict
      this.#verdicts.set(partition, this.#verdicts.get(partition) ?? error)
      this.#callback?.(verdict)
    })
    engines.set(this, this.#engine as ShareEngine<never, never>)
  }

  /** The id under which the group and the brokers know this member, for its whole life. */
  get memberId(): string {
    return this.#engine.memberId
  }

  get groupId(): string {
    return this.#config.groupId
  }

  get clientId(): string {
    return this.#config.clientId
  }

  /** The topics of the last subscribe(). */
  get subscription(): readonly string[] {
    return this.#subscription
  }

  /** The group's acquisition lock duration in milliseconds; undefined until a fetch was answered. */
  get acquisitionLockTimeoutMs(): number | undefined {
    return this.#engine.acquisitionLockTimeoutMs
  }

  /**
   * Subscribes to these topics, instead of those before, and joins the group in the background; fetching begins with
   * the first poll. A topic that does not exist is waited for, with one warning.
   */
  subscribe(topics: readonly string[]): void {
    this.#refuseWhenClosed()
    if (!Array.isArray(topics) || topics.length === 0) {
      throw new KafkaUsageError("subscribe() takes a list of at least one topic name: consumer.subscribe(['orders']).")
    }
    for (const topic of topics) checkTopicName(topic)
    this.#subscription = [...new Set(topics)]
    this.#engine.subscribe(this.#subscription)
  }

  /**
   * The next records: at once when some are there, otherwise as soon as some come, none after the timeout (default
   * 1,000 ms). Acknowledgements of the last batch go out with it.
   *
   * Throws KafkaUsageError without a subscription, when a record of the last batch is not acknowledged (explicit mode), and
   * for a second concurrent call; a RecordDeserializationError for an undecodable record, after the good
   * ones were returned; what the group or the brokers refuse as KafkaBrokerError. Failed acknowledgements are never thrown.
   */
  async poll(options: number | PollOptions = {}): Promise<ConsumerRecords<K, V>> {
    const { timeoutMs = DEFAULT_POLL_TIMEOUT_MS, signal } =
      typeof options === 'object' && options !== null ? options : { timeoutMs: options }
    requireDuration(timeoutMs)
    return this.#exclusively('poll()', async () => {
      if (this.#subscription.length === 0) {
        throw new KafkaUsageError('This consumer has no subscription: call subscribe([…topics]) before poll().')
      }
      this.#finishBatch()
      this.#throwUntold()
      const renewed = await this.#takeRenewed()
      if (renewed.length > 0) return new ConsumerRecords(renewed)
      this.#batch = await this.#take(timeoutMs, signal)
      const { records, failures } = this.#batch
      for (const failure of failures) this.#untold.push(failure)
      if (records.length === 0) this.#throwUntold()
      this.#verdicts.clear()
      return new ConsumerRecords(records)
    })
  }

  /**
   * Says what became of a record of the last poll (explicit mode); it reaches the broker with the next poll or commit,
   * or shortly after. By position for a record that poll() reported as undecodable.
   *
   * Throws KafkaUsageError in implicit mode, for a record that is not out, and for a second terminal answer (option
   * `onSecondAcknowledge: 'lastWins'` lets the last one count, as in Java). An answer that comes after the record's lock was
   * lost is not an error here; the commit callback tells it.
   */
  acknowledge(record: ConsumerRecord<K, V> | RecordPosition, type: AcknowledgeType = AcknowledgeType.ACCEPT): void {
    this.#refuseWhenClosed()
    const acquired = this.#acquired(record)
    if (this.#config.acknowledgementMode === 'implicit' && !(acquired instanceof RecordDeserializationFailure)) {
      throw new KafkaUsageError(
        "acknowledge() is for explicit mode, and this consumer is implicit: the next poll() accepts the batch. Set acknowledgementMode: 'explicit'.",
      )
    }
    if (this.#config.onSecondAcknowledge === 'lastWins' && type !== AcknowledgeType.RENEW) {
      ackCodeOf(type)
      if (!this.#changeable.has(acquired) && !this.#engine.holds(acquired)) this.#engine.settle(acquired, type)
      else this.#changeable.set(acquired, type)
      return
    }
    this.#engine.settle(acquired, type)
    if (acquired instanceof RecordDeserializationFailure) return
    if (type === AcknowledgeType.RENEW) this.#renewed.add(acquired)
    else this.#renewed.delete(acquired)
  }

  /**
   * Sends what is acknowledged (implicit mode: the whole last batch, as accepted) and waits for the brokers' verdicts:
   * one entry for each partition that had any. What has no verdict within `timeoutMs` (default: defaultApiTimeoutMs) is
   * reported as KafkaTimeoutError; it is not lost, and still on its way.
   */
  async commitSync({
    timeoutMs = this.#config.defaultApiTimeoutMs,
  }: { readonly timeoutMs?: number } = {}): Promise<CommitResult> {
    return this.#exclusively('commitSync()', () => this.#commit(timeoutMs))
  }

  /** Like commitSync(), without the need to await it: the promise never rejects. */
  commitAsync(): Promise<CommitResult> {
    this.#refuseWhenClosed()
    return this.#commit(this.#config.defaultApiTimeoutMs)
  }

  /** Is told every verdict of the brokers from now on; undefined ends that. What it throws is logged. */
  setAcknowledgementCommitCallback(callback: AcknowledgementCommitCallback | undefined): void {
    this.#callback = callback
  }

  /** Counts of records since the consumer was made. */
  metrics(): Readonly<Record<CounterName, number>> {
    return this.#engine.counters.snapshot()
  }

  /**
   * Sends what is acknowledged, releases everything else (in implicit mode the last batch too: it may not be finished),
   * closes the share sessions and leaves the group, within about `timeoutMs` (default 30,000). Idempotent.
   */
  async close({ timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS }: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (!this.#engine.isClosed) {
      this.#sendChangeable()
      this.#releaseFailures(this.#told, this.#untold)
    }
    try {
      await this.#engine.close({ timeoutMs })
    } finally {
      // The engine holds it for itself.
      await (this.#released ??= this.#context.release())
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // ---- the contract of poll

  /** What the last poll returned is over, or the poll is refused. */
  #finishBatch(): void {
    this.#sendChangeable()
    this.#releaseFailures(this.#told)
    if (this.#config.acknowledgementMode === 'implicit') {
      this.#engine.acceptRest(this.#batch)
      return
    }
    const renewed = [...this.#renewed].filter((record) => this.#engine.holds(record)).length
    const unanswered = this.#engine.unanswered(this.#batch) - renewed
    if (unanswered > 0) {
      throw new KafkaUsageError(
        `${unanswered} records of the last poll are not acknowledged: in explicit mode call acknowledge(record, type) for each of them before the next poll().`,
      )
    }
  }

  /** Renewals are waited for, and what they kept is handed out once more. */
  async #takeRenewed(): Promise<readonly ConsumerRecord<K, V>[]> {
    if (this.#renewed.size === 0) return []
    await this.#engine.whenSettled()
    const kept = [...this.#renewed].filter((record) => this.#engine.holds(record))
    this.#renewed.clear()
    return kept
  }

  async #take(timeoutMs: number, signal: AbortSignal | undefined): Promise<TakenBatch<K, V>> {
    const ready = await this.#engine.take({ max: this.#config.fetchRecords, atOnce: true })
    if (ready.spans.length > 0 || timeoutMs <= 0) return ready
    const { clock } = this.#context
    const ended = new AbortController()
    const abort = (): void => ended.abort(signal?.reason)
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort, { once: true })
    let timedOut = false
    const timer = clock.setTimer(() => {
      timedOut = true
      ended.abort()
    }, timeoutMs)
    try {
      return await this.#engine.take({ signal: ended.signal, max: this.#config.fetchRecords })
    } catch (error) {
      if (timedOut && isAborted(error)) return NOTHING
      throw error
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', abort)
    }
  }

  async #commit(timeoutMs: number): Promise<CommitResult> {
    this.#sendChangeable()
    this.#releaseFailures(this.#told, this.#untold)
    if (this.#config.acknowledgementMode === 'implicit') this.#engine.acceptRest(this.#batch)
    const { clock } = this.#context
    let expire: () => void = () => undefined
    const expired = new Promise<'late'>((resolve) => (expire = () => resolve('late')))
    const timer = clock.setTimer(expire, timeoutMs)
    const outcome = await Promise.race([this.#engine.whenSettled(), expired])
    timer.cancel()
    const result = this.#verdicts
    this.#verdicts = new Map()
    if (outcome !== 'late') return result
    for (const partition of this.#engine.pendingPartitions()) {
      if (result.has(partition)) continue
      const { topic, partition: index } = partition
      result.set(
        partition,
        new KafkaTimeoutError(`The acknowledgements for ${topic}-${index} have no verdict after ${timeoutMs} ms.`),
      )
    }
    return result
  }

  // ---- small ones

  #sendChangeable(): void {
    for (const [record, type] of this.#changeable) this.#engine.settle(record, type)
    this.#changeable.clear()
  }

  /** The next undecodable record that no poll has told of yet. */
  #throwUntold(): void {
    const failure = this.#untold.shift()
    if (failure === undefined) return
    this.#told.push(failure)
    throw failure.error
  }

  /** RELEASEs the undecodable records that were not answered otherwise, and forgets them. */
  #releaseFailures(...lists: RecordDeserializationFailure[][]): void {
    for (const failures of lists) {
      for (const failure of failures)
        if (this.#engine.holds(failure)) this.#engine.settle(failure, AcknowledgeType.RELEASE)
      failures.length = 0
    }
  }

  #acquired(record: ConsumerRecord<K, V> | RecordPosition): Acquired<K, V> {
    if (this.#engine.isRecord(record)) return record
    if (typeof record !== 'object' || record === null) {
      throw new KafkaUsageError('acknowledge() takes a record that poll() returned, and an acknowledge type.')
    }
    const { topic, partition, offset } = record
    const failure = [...this.#told, ...this.#untold].find(
      (f) => f.topic === topic && f.partition === partition && f.offset === offset,
    )
    if (failure !== undefined) return failure
    throw new KafkaUsageError(
      `Offset ${offset} of ${topic}-${partition} cannot be acknowledged by position: only a record that the last poll() reported as undecodable can. Pass the record itself.`,
    )
  }

  async #exclusively<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#refuseWhenClosed()
    if (this.#busy !== undefined) {
      throw new KafkaUsageError(
        `${what} was called while ${this.#busy} is running: a share consumer is used by one caller at a time; await the first.`,
      )
    }
    this.#busy = what
    try {
      return await work()
    } finally {
      this.#busy = undefined
    }
  }

  #refuseWhenClosed(): void {
    if (this.#engine.isClosed)
      throw new KafkaUsageError('This share consumer is closed: create a new one.', { code: 'CLOSED' })
  }
}

function requireDuration(timeoutMs: unknown): void {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0) return
  throw new KafkaUsageError(
    `poll() takes a number of milliseconds, 0 or more, or { timeoutMs, signal }; it was given ${String(timeoutMs)}.`,
  )
}

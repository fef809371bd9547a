import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { checkTopicName } from '../cluster/topic-name.js'
import {
  resolveShareConsumerConfig,
  type ResolvedShareConsumerConfig,
  type ShareConsumerOptions,
  type ShareConsumerOptionsInProperties,
} from '../config/share-consumer-config.js'
import { shareConsumerMetrics, type ShareConsumerMetrics } from '../metrics/share-consumer-metrics.js'
import { AcknowledgeType } from './acknowledge-type.js'
import { BatchStream } from './batch-stream.js'
import { Commits, type CommitResult } from './commits.js'
import {
  readCloseOptions,
  readCommitOptions,
  readPollOptions,
  type AcknowledgementCommitCallback,
  type CloseOptions,
  type CommitOptions,
  type PollOptions,
  type ReadOptions,
  type RecordPosition,
} from './consumer-arguments.js'
import type { ConsumerRecord } from './consumer-record.js'
import type { ConsumerRecords } from './consumer-records.js'
import { ConsumerReading } from './consumer-reading.js'
import { ConsumerTurns } from './consumer-turns.js'
import { CurrentEngine } from './current-engine.js'
import { PollContract } from './poll-contract.js'
import { PolledBatch } from './polled-batch.js'
import type { RecordOrFailure } from './read-failure.js'
import { RecordDeserializationFailure } from './record-failure.js'
import { RecordStream } from './record-stream.js'
import { acquiredOf } from './record-lookup.js'
import type { AcknowledgementResult } from './record-verdicts.js'
import { PollPace } from './poll-pace.js'
import type { ShareEngine } from './share-engine.js'
import { UndecodableRecords } from './undecodable-records.js'
import type { AcknowledgementVerdict } from './verdict.js'

// Java's KafkaShareConsumer in TypeScript's habits: poll() is the engine's take() plus Java's contract.
//
// Rules kept here
// - Implicit mode: the next poll (or a commit) accepts what the last one returned. Explicit mode: every record of the
//   last poll is acknowledged before the next one. close() never accepts anything by itself.
// - A record that cannot be deserialised is RELEASEd unless the application says otherwise before the next poll or commit;
//   good records of the same fetch come first, the error with the poll after them.
// - Nothing that is not finished is ever accepted, however an iteration or the consumer ends.
//
// Who may call what, and when: consumer-turns.ts. What poll() and the commits do: poll-contract.ts, polled-batch.ts and
// commits.ts. The iterations: stream-source.ts. What unsubscribe() does to the engine: current-engine.ts.

const DEFAULT_POLL_TIMEOUT_MS = 1_000
const DEFAULT_CLOSE_TIMEOUT_MS = 30_000

const engines = new WeakMap<object, { readonly engine: unknown }>()

/** The engine under a share consumer, for listener containers; unsubscribe() puts another in its place. @internal */
export function engineOf<K, V>(consumer: ShareConsumer<K, V>): ShareEngine<K, V> {
  const current = engines.get(consumer)
  if (current === undefined) throw new KafkaUsageError('This is not a ShareConsumer of @milena/client.')
  return current.engine as ShareEngine<K, V>
}

/** A member of a share group (KIP-932). Not for concurrent use: one poll, commit or iteration at a time. */
export class ShareConsumer<K = Buffer | null, V = Buffer | null> {
  readonly #config: ResolvedShareConsumerConfig<K, V>
  readonly #context: KafkaClientContext
  readonly #current: CurrentEngine<K, V>
  readonly #turns = new ConsumerTurns((error) =>
    this.#context.logger.error({ err: error }, 'a share consumer was misused inside its acknowledgement callback'),
  )
  readonly #pace: PollPace
  readonly #commits = new Commits()
  readonly #undecodable = new UndecodableRecords()
  readonly #polled: PolledBatch<K, V>
  readonly #contract: PollContract<K, V>
  readonly #reading: ConsumerReading<K, V>
  #subscription: readonly string[] = []
  #callback: AcknowledgementCommitCallback | undefined
  #closed: Promise<void> | undefined
  /** The first answer that was lost by close(). */
  #unsaved: KafkaError | undefined

  // The last signature is the one that the compiler tells of where an option is missing.

  /** The brokers or the group are named in `properties`. */
  constructor(options: ShareConsumerOptionsInProperties<K, V>, context?: KafkaClientContext)

  /**
   * Connects to nothing yet: subscribe() does. Throws KafkaUsageError for every wrong option.
   *
   * `context` lets several members of one application share control connections and metadata; without it the consumer
   * has its own.
   */
  constructor(options: ShareConsumerOptions<K, V>, context?: KafkaClientContext)
  constructor(
    options: ShareConsumerOptions<K, V> | ShareConsumerOptionsInProperties<K, V>,
    context?: KafkaClientContext,
  ) {
    this.#config = resolveShareConsumerConfig(options)
    this.#context = context?.acquire() ?? KafkaClientContext.create(this.#config.client)
    this.#pace = new PollPace(this.#context.clock, this.#config.retryBackoffMs)
    this.#current = new CurrentEngine(this.#config, this.#context, (verdict, isCurrent) =>
      this.#heard(verdict, isCurrent),
    )
    this.#polled = new PolledBatch(this.#config, this.#engine, this.#commits)
    this.#contract = new PollContract({
      config: this.#config,
      context: this.#context,
      current: this.#current,
      polled: this.#polled,
      commits: this.#commits,
      undecodable: this.#undecodable,
      topics: () => this.#topics('poll()'),
      acceptLast: () => this.#acceptLast(),
    })
    this.#reading = new ConsumerReading({
      config: this.#config,
      clock: this.#context.clock,
      pace: this.#pace,
      turns: this.#turns,
      current: this.#current,
      polled: this.#polled,
      commits: this.#commits,
      undecodable: this.#undecodable,
      topics: (what) => this.#topics(what),
      startOver: () => void this.#becomeAnother(),
      endInterval: () => this.#contract.endInterval(),
    })
    engines.set(this, this.#current)
  }

  /** The id under which the group and the brokers know this member; unsubscribe() makes a new one. */
  get memberId(): string {
    return this.#engine.memberId
  }

  get groupId(): string {
    return this.#config.groupId
  }

  get clientId(): string {
    return this.#config.clientId
  }

  /** The topics of the last subscribe(); none after unsubscribe(). */
  get subscription(): readonly string[] {
    return this.#subscription
  }

  /**
   * The group's acquisition lock duration in milliseconds, as it was when the last records were handed out; undefined until
   * the first were. What a renewal learns shows with the next poll (KIP-1222).
   */
  get acquisitionLockTimeoutMs(): number | undefined {
    return this.#current.lockMs
  }

  /**
   * Subscribes to these topics, instead of those before, and joins the group in the background; fetching begins with
   * the first poll or iteration. No topics at all is unsubscribe(), as in Java. A topic that does not exist is waited for, with
   * one warning. May be awaited, which takes no time. Throws KafkaUsageError for what is not a list of topic names.
   */
  subscribe(topics: readonly string[]): void {
    this.#turns.check('subscribe()')
    this.#current.refuseDriven('subscribe()', 'The topics are those of the container.')
    if (!Array.isArray(topics)) {
      throw new KafkaUsageError("subscribe() takes a list of topic names: consumer.subscribe(['orders']).")
    }
    for (const topic of topics) checkTopicName(topic)
    if (topics.length === 0) {
      void this.#leave('subscribe()')
      return
    }
    this.#turns.checkFree('subscribe()', 'may read on')
    this.#subscription = [...new Set(topics)]
    if (this.#current.idle === undefined) this.#engine.subscribe(this.#subscription)
  }

  /**
   * Ends the membership: acknowledgements given are sent, everything else is released, and the member leaves its group. Resolves
   * when the answers have their verdicts, within about 5 s; the rest goes on in the background, and what fails there is logged.
   * subscribe() joins again, as a new member with a new id; records of before cannot be acknowledged any more.
   */
  unsubscribe(): Promise<void> {
    return this.#turns.guarded(async () => this.#leave('unsubscribe()'))
  }

  /**
   * The next records: at once when some are there, otherwise as soon as some come, none after the timeout (default
   * 1,000 ms). About maxPollRecords of them; exactly so many at most with acquireMode 'record_limit'. Acknowledgements of the
   * last batch go out with it.
   *
   * Throws KafkaUsageError without a subscription (NO_SUBSCRIPTION), when a record of the last batch is not acknowledged
   * (explicit mode, NOT_ACKNOWLEDGED), after a commit without a verdict (explicit mode, COMMIT_PENDING), and for a second
   * concurrent call (CONCURRENT_USE); a RecordDeserializationError for an undecodable record, after the good ones were
   * returned; code WAKEUP and ABORTED; what the group or the brokers refuse as KafkaBrokerError. Failed acknowledgements are
   * never thrown. A poll that rejects again for the same takes retryBackoffMs for it, within its timeout; one of 0 ms that finds
   * nothing again takes 1 ms.
   */
  poll(options: number | PollOptions = {}): Promise<ConsumerRecords<K, V>> {
    let atMostMs = DEFAULT_POLL_TIMEOUT_MS
    const polling = async (): Promise<ConsumerRecords<K, V>> => {
      const { timeoutMs = DEFAULT_POLL_TIMEOUT_MS, signal } = readPollOptions(options)
      atMostMs = timeoutMs
      return this.#turns.exclusively('poll()', 'must be gone', async () => {
        this.#current.refuseDriven('poll()')
        this.#reading.unread.release()
        const records = await this.#contract.poll(timeoutMs, signal)
        // What came while close() had begun is given back by that.
        this.#turns.checkOpen()
        return records
      })
    }
    const hasty = ({ isEmpty }: ConsumerRecords<K, V>): boolean => isEmpty && atMostMs <= 0
    return this.#turns.guarded(() => this.#pace.keep(polling, { atMostMs: () => atMostMs, hasty }))
  }

  /**
   * Says what became of a record of the last poll (explicit mode); it reaches the broker with the next poll or commit,
   * or shortly after. By position for a record that was reported as undecodable.
   *
   * Throws KafkaUsageError in implicit mode, for a record that is not out (NOT_ACQUIRED), and for a second terminal answer
   * (ALREADY_ACKNOWLEDGED; option `onSecondAcknowledge: 'lastWins'` lets the last one count, as in Java). RENEW may be followed by
   * one terminal answer. An answer that comes after the record's lock was lost is not an error here; the commit callback tells it.
   */
  acknowledge(record: ConsumerRecord<K, V> | RecordPosition, type: AcknowledgeType = AcknowledgeType.ACCEPT): void {
    this.#turns.check('acknowledge()')
    this.#current.refuseDriven(
      'acknowledge()',
      'Use the acknowledgment that it gets in MANUAL mode; in the other modes the container answers for it.',
    )
    const acquired = acquiredOf(record, this.#engine, this.#undecodable)
    if (this.#config.acknowledgementMode === 'implicit' && !(acquired instanceof RecordDeserializationFailure)) {
      throw new KafkaUsageError(
        "acknowledge() is for explicit mode, and this consumer is implicit: the next poll() accepts the batch. Set acknowledgementMode: 'explicit'.",
      )
    }
    // What it held was released when it left, and its ledger takes that for the answer.
    if (this.#current.idle !== undefined) this.#heard(this.#polled.answerLate(acquired, type), true)
    else if (!this.#reading.isOpen) this.#polled.answer(acquired, type)
    else this.#polled.answerRead(acquired, type)
  }

  /**
   * The broker's verdict on one record: resolves once an acknowledgement of it was stored, or failed for good, or its lock was lost;
   * never rejects for that. One that nobody gives is RELEASE, by close() or unsubscribe(): see `type`. Ask for it where it
   * matters: a commit tells the same by partition and costs less.
   */
  verdictOf(record: ConsumerRecord<K, V>): Promise<AcknowledgementResult> {
    return this.#turns.guarded(async () => {
      this.#turns.check('verdictOf()')
      return this.#engine.verdictOf(record)
    })
  }

  /**
   * Sends what is acknowledged (implicit mode: the whole last batch, as accepted) and waits for the brokers' verdicts:
   * one entry for each partition that had any. Answers that went out with a poll and failed before that returned are told to the
   * acknowledgement callback and verdictOf() only, as in Java. What has no verdict within `timeoutMs` is reported as KafkaTimeoutError and
   * kept: it is sent again, and in explicit mode poll() refuses (COMMIT_PENDING) until a later commit has told of it.
   *
   * Rejects with code WAKEUP, ABORTED, or KafkaUsageError; never for what a broker says.
   */
  commitSync(options: CommitOptions = {}): Promise<CommitResult> {
    return this.#turns.guarded(async () => {
      const { timeoutMs = this.#config.defaultApiTimeoutMs, signal } = readCommitOptions(options)
      return this.#turns.exclusively('commitSync()', 'may read on', () => this.#contract.commitSync(timeoutMs, signal))
    })
  }

  /**
   * Like commitSync(), but returns before any broker has answered. The promise resolves to the final outcome of what was
   * acknowledged when this was called, within defaultApiTimeoutMs; it never rejects, so that nobody has to await it.
   */
  commitAsync(): Promise<CommitResult> {
    this.#turns.check('commitAsync()')
    if (this.#turns.busy === 'poll()') this.#turns.checkFree('commitAsync()')
    return this.#contract.commitAsync()
  }

  /**
   * Is told every verdict of the brokers from now on, as soon as it comes; undefined or null ends that. What it throws is
   * logged. From inside it nothing of the consumer may be called except wakeup() (KafkaUsageError, IN_CALLBACK).
   */
  setAcknowledgementCommitCallback(callback: AcknowledgementCommitCallback | undefined | null): void {
    this.#turns.check('setAcknowledgementCommitCallback()')
    if (callback !== undefined && callback !== null && typeof callback !== 'function') {
      throw new KafkaUsageError('setAcknowledgementCommitCallback() takes a function, undefined or null.')
    }
    this.#callback = callback ?? undefined
  }

  /**
   * Makes the running or the next poll() or commitSync() reject with an error of code WAKEUP, once. Nothing is lost by it.
   * May be called from everywhere. Iterations are ended by leaving them, or by their signal.
   */
  wakeup(): void {
    if (!this.#turns.isClosed) this.#contract.wakeup()
  }

  /** Records one by one; see records(). */
  [Symbol.asyncIterator](): AsyncIterableIterator<RecordOrFailure<K, V>, undefined> {
    return this.records()
  }

  /**
   * Reads record by record: `for await (const record of consumer)`. Locks are looked after for as long as maxLockExtensionMs.
   *
   * Implicit mode: a record is accepted when the next one is asked for. Leaving the loop, by break or by throwing, releases the
   * current one, since the two look alike from here; commitSync() before a break accepts it. Explicit mode: the loop
   * acknowledges; without maxInFlight it may be maxPollRecords records behind with that before it is refused (NOT_ACKNOWLEDGED).
   *
   * An undecodable record, or an error after which reading goes on, is an item with an `error`, and does not end the loop.
   * What does not heal by itself rejects. The loop ends with close() and unsubscribe().
   */
  records(options: ReadOptions = {}): AsyncIterableIterator<RecordOrFailure<K, V>, undefined> {
    this.#turns.check('records()')
    return new RecordStream(this.#reading, options)
  }

  /**
   * Reads batch by batch. Implicit mode: a batch is accepted when the next one is asked for; leaving the loop releases it.
   * Explicit mode: records may be acknowledged later and in any order, and reading goes on until maxInFlight of them are
   * unanswered; then the next batch waits for answers.
   *
   * Undecodable records, and errors after which reading goes on, are in the `failures` of a batch.
   */
  batches(options: ReadOptions = {}): AsyncIterableIterator<ConsumerRecords<K, V>, undefined> {
    this.#turns.check('batches()')
    return new BatchStream(this.#reading, options)
  }

  /** Asks the cluster for its metadata now, and replaces all that is known. Rejects when no broker answers in time. */
  refreshMetadata(): Promise<void> {
    return this.#turns.guarded(async () => {
      this.#turns.check('refreshMetadata()')
      await this.#context.metadata.refresh({ full: true })
    })
  }

  /**
   * What this consumer has done, by name: own counts, and Java's metrics under Java's names. `metricDescriptions` says what each one is.
   * A mean or maximum of recent values that has none is NaN. Figures of the network are those of the client context, which
   * members of one application may share. May be called at any time, also after close().
   */
  metrics(): ShareConsumerMetrics {
    return shareConsumerMetrics(this.#engine.metrics, this.#context.network)
  }

  /**
   * Sends what is acknowledged, releases everything else (in implicit mode the last batch too: it may not be finished),
   * closes the share sessions and leaves the group, within `timeoutMs` (default 30,000; 0: everything is sent where a connection
   * is open, and no answer waited for). A poll that runs ends with code CLOSED, an iteration just ends. Idempotent. Rejects, after
   * everything is closed, with the first thing that went wrong: an answer that was lost, a leave that nobody took (with 0 nobody
   * asks).
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closed !== undefined) return this.#closed
    let timeoutMs: number
    try {
      this.#turns.check('close()')
      timeoutMs = readCloseOptions(options).timeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS
    } catch (error) {
      return this.#turns.guarded(() => rejected(error))
    }
    this.#closed = this.#close(timeoutMs)
    return this.#closed
  }

  /** close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // ---- the inside

  get #engine(): ShareEngine<K, V> {
    return this.#current.engine
  }

  #heard(verdict: AcknowledgementVerdict, isCurrent: boolean): void {
    if (isCurrent) this.#commits.heard(verdict)
    else this.#commits.heardOfOld(verdict)
    const { counts, error } = verdict
    if (this.#turns.isClosed && error !== undefined && counts.accept + counts.reject > 0) this.#unsaved ??= error
    const callback = this.#callback
    if (callback === undefined) return
    const failed = (err: unknown): void =>
      this.#context.logger.error({ err }, 'the acknowledgement callback of a share consumer failed')
    try {
      const made = this.#turns.inCallback(() => callback(verdict))
      if (made instanceof Promise) made.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  /** In implicit mode: what was handed out last is processed. */
  #acceptLast(): void {
    if (this.#current.idle === undefined) this.#reading.acceptLast()
    // What it held was released when it left.
    else for (const verdict of this.#polled.acceptLate()) this.#heard(verdict, true)
  }

  // ---- the membership

  /** Throws what is wrong with the call; what is returned never rejects. */
  #leave(what: string): Promise<void> {
    this.#turns.checkFree(what, 'may read on')
    this.#current.refuseDriven(what)
    if (this.#subscription.length === 0) return Promise.resolve()
    this.#subscription = []
    this.#polled.fix()
    this.#undecodable.releaseAll(this.#engine)
    return this.#becomeAnother()
  }

  /** The member ends, and one with a new id stands ready. Resolves when the answers given have their verdicts. */
  #becomeAnother(): Promise<void> {
    const gone = this.#current.replace()
    this.#context.coordinators.forget(this.#config.groupId)
    this.#contract.endInterval()
    // An iteration finds out for itself that it is over; nobody has to wait for that.
    this.#reading.drop()
    this.#commits.clear()
    this.#polled.startOver(this.#engine)
    return gone
  }

  async #close(timeoutMs: number): Promise<void> {
    this.#polled.fix()
    this.#undecodable.releaseAll(this.#engine)
    this.#turns.close()
    this.#pace.end()
    this.#contract.endInterval()
    const left = await this.#current.close(timeoutMs).then(
      () => undefined,
      (error: Error) => error,
    )
    this.#context.coordinators.forget(this.#config.groupId)
    await this.#context.release()
    const failed = this.#unsaved ?? left
    if (failed !== undefined) throw failed
  }

  // ---- small ones

  /** The subscription, for `what`. */
  #topics(what: string): readonly string[] {
    if (this.#subscription.length > 0) return this.#subscription
    throw new KafkaUsageError(`This consumer has no subscription: call subscribe([…topics]) before ${what}.`, {
      code: 'NO_SUBSCRIPTION',
    })
  }
}

async function rejected(error: unknown): Promise<never> {
  throw error
}

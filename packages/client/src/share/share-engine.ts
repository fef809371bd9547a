import { type KafkaError, KafkaUsageError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import { ShareMetrics } from '../metrics/share-metrics.js'
import { abortedError } from '../network/aborted.js'
import { AcknowledgementNews } from './acknowledgement-news.js'
import { AckCode, type AcknowledgeType } from './acknowledge-type.js'
import { rangeOf, type Acquired } from './acquired-record.js'
import { BrokerManagers } from './broker-managers.js'
import { ClosingTime } from './closing-time.js'
import { ConsumerRecord } from './consumer-record.js'
import { farewell } from './farewell.js'
import { NOTHING, type TakenBatch } from './handout.js'
import { JoinWaiters } from './join-waiters.js'
import type { LockKeeper, LockKeeping } from './lock-keeper.js'
import { LockLosses, type LockLoss } from './lock-losses.js'
import { brokenError, closedError, MemberFailures, type FailureWatcher } from './member-failures.js'
import { Membership } from './membership.js'
import { PartitionRouter } from './partition-router.js'
import { RecordAnswers } from './record-answers.js'
import { waitForVerdict, type AcknowledgementResult } from './record-verdicts.js'
import type { ShareCounters } from './share-counters.js'
import { ShareEngineHost } from './share-engine-host.js'
import { keeperOf } from './share-engine-locks.js'
import { ShareIntake } from './share-intake.js'
import { SharePartitions, type TopicIdPartition } from './share-partition.js'
import type { ReceivedPartition } from './share-response.js'
import type { TakeOptions } from './take-options.js'
import type { AcknowledgementVerdict } from './verdict.js'
import { Wake } from './wake.js'

// One member of a share group, whole: membership, one request manager per broker, one buffer. Both poll() and the
// listener containers stand on it.
//
// Rules kept here
// - Callers never send: take(), settle(), releaseRest() and close() change the state and wake the request managers, which
//   alone decide what goes out next.
// - Nothing is fetched before the first take(), nor after endFetching(), releaseRest() or close().
// - An error that heals by itself is told to one take() and the engine goes on; a fatal one is told to all from then on.
// - Nothing that is not answered is ever accepted: what is left at close() is RELEASEd.

export class ShareEngine<K, V> {
  readonly memberId: string
  readonly metrics: ShareMetrics
  readonly counters: ShareCounters
  /** What the options say of continuous consumption; whoever takes and keeps locks may have another word. */
  readonly wishes: Pick<ResolvedShareConsumerConfig, 'maxInFlight' | 'maxLockExtensionMs'>
  readonly #context: KafkaClientContext
  readonly #membership: Membership
  readonly #router: PartitionRouter
  readonly #partitions = new SharePartitions()
  readonly #intake: ShareIntake<K, V>
  readonly #answers: RecordAnswers<K, V>
  readonly #arrived: Wake
  readonly #managers: BrokerManagers
  readonly #news: AcknowledgementNews
  readonly #losses: LockLosses
  readonly #stoodListeners = new Set<() => void>()
  readonly #joinWaiters = new JoinWaiters()
  readonly #failures: MemberFailures
  #membershipRunning: Promise<void> | undefined
  #state: 'new' | 'fetching' | 'resting' | 'paused' | 'ending' | 'released' | 'closed' = 'new'
  #taking = false
  #takes = 0
  readonly #keeper: LockKeeper
  readonly #mayRelease: boolean
  #closing: ClosingTime | undefined
  #closed: Promise<void> | undefined

  /** Holds the context until it is closed. `metrics`, `memberId`: those of an earlier engine, to go on with. */
  constructor(
    config: ResolvedShareConsumerConfig<K, V>,
    context: KafkaClientContext,
    {
      metrics = new ShareMetrics(context.clock),
      memberId,
    }: { readonly metrics?: ShareMetrics; readonly memberId?: string } = {},
  ) {
    this.#context = context.acquire()
    this.metrics = metrics
    const { counters } = metrics
    this.counters = counters
    this.wishes = config
    this.memberId = memberId ?? context.random.uuid().toString('base64url')
    const { clock, logger } = context
    this.#news = new AcknowledgementNews(logger)
    this.#losses = new LockLosses(logger)
    this.#failures = new MemberFailures(context, config.groupId)
    this.#arrived = new Wake(clock)
    // What comes back at once in whole batches, released, would only use up its deliveries.
    this.#mayRelease = config.acquireMode !== 'batch_optimized'
    const finished = (): void => this.#arrived.notify()
    this.#intake = new ShareIntake({ config, clock, logger, outstanding: () => this.outstanding, finished })
    const verdict = (verdict: AcknowledgementVerdict): void => this.#verdict(verdict)
    this.#answers = new RecordAnswers({ clock, counters, partitions: this.#partitions, verdict })
    const { groupId } = config
    const stood = (): void => this.#stoodListeners.forEach((tell) => tell())
    const managers = (): BrokerManagers => this.#managers
    this.#keeper = keeperOf({ context, groupId, counters, intake: this.#intake, managers, stood })
    this.#router = new PartitionRouter(context, this.#partitions, {
      routed: (byNode) => this.#managers.route(byNode),
      topicsAppeared: () => this.#membership.hurry(),
      failed: (error) => this.#fail(error),
    })
    this.#membership = new Membership({
      context,
      groupId: config.groupId,
      memberId: this.memberId,
      clientId: config.clientId,
      rack: config.clientRack,
      heartbeatIntervalMs: config.heartbeatIntervalMs,
      sessionTimeoutMs: config.sessionTimeoutMs,
      metrics,
      listener: {
        joined: () => this.#joined(),
        assigned: (assignment) => this.#router.assigned(assignment),
        failed: (error) => this.#fail(error),
        fatal: (error) => this.#failForGood(error),
      },
    })
    const host = new ShareEngineHost(config, this.memberId, {
      metrics,
      logger,
      partitions: this.#partitions,
      recordsToFetch: () => this.#recordsToFetch(),
      exactFetches: () => this.#intake.exact,
      applicationWaits: () => this.#intake.isAwaited,
      longestRange: () => this.#intake.longestRange,
      received: (received) => this.#received(received),
      verdict,
      lockTimeout: (ms) => {
        this.#intake.lockMs = ms
      },
      lockLost: (piece) => {
        this.#intake.lost()
        this.#losses.tell(piece, this.#keeper.hasEnded(piece.range) ? 'extension-ended' : piece.cause)
        // It makes room; and what waits in the buffer for its renewal does so in vain now.
        if (this.#taking) this.#arrived.notify()
      },
      renewalEnded: (pieces, outcome) => {
        this.#keeper.outcome(pieces, outcome)
        // What seemed to have run out may be handed out now.
        if (this.#taking) this.#arrived.notify()
      },
      renewalUnneeded: (piece) => this.#keeper.unneeded(piece),
      leadersMoved: () => this.#router.refresh(),
      lasting: (error) => this.#failures.lasting(error),
      failed: (error) => this.#fail(error),
      fatal: (error) => this.#failForGood(error),
    })
    this.#managers = new BrokerManagers(context, host, (loop) => this.#guarded(loop))
  }

  /** The group's acquisition lock duration in milliseconds, as the last fetch told it; undefined before the first. */
  get acquisitionLockTimeoutMs(): number | undefined {
    return this.#intake.lockMs
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** What ended this member for good; every take() rejects with it. */
  get fatal(): KafkaError | undefined {
    return this.#failures.fatal
  }

  /** Tells of failures as soon as there are some, also where nobody takes. Returns the function that ends it. */
  onFailure(watcher: FailureWatcher): () => void {
    return this.#failures.watch(watcher)
  }

  /** How often take() was called: who knows how often it did so itself knows whether somebody else takes, too. */
  get takes(): number {
    return this.#takes
  }

  /** Records handed out and not answered. */
  get outstanding(): number {
    return this.#managers.outstanding
  }

  /** Records acquired and not handed out yet. */
  get bufferedRecords(): number {
    return this.#intake.buffered
  }

  /** Joins the group for these topics, in the background; replaces the topics of before. */
  subscribe(topics: readonly string[]): void {
    this.#refuseWhenClosed()
    this.#router.subscribe(topics)
    this.#membership.subscribe(topics)
    this.#membershipRunning ??= this.#guarded(this.#membership.run())
  }

  /** The coordinator has taken the member in, and it has not lost its group since. */
  get isMember(): boolean {
    return this.#membership.isMember
  }

  /** Resolves once the coordinator has taken the member in. Rejects with the error that keeps it out, or ABORTED. */
  whenJoined(signal?: AbortSignal): Promise<void> {
    this.#refuseWhenClosed()
    if (this.#failures.fatal !== undefined) return Promise.reject(this.#failures.fatal)
    return this.#membership.isMember ? Promise.resolve() : this.#joinWaiters.add(signal)
  }

  /**
   * The next records, as soon as there are any; fetching begins with the first call. One take at a time.
   * Rejects with code ABORTED on the signal, with the error of the member or its group otherwise; what was acquired stays
   * for the next take.
   */
  async take({ signal, max, maxInFlight, atOnce = false, batch = false }: TakeOptions = {}): Promise<TakenBatch<K, V>> {
    this.#refuseWhenClosed()
    if (this.#taking)
      throw new KafkaUsageError('Records are being taken already: await one poll() or take() before the next.')
    this.#taking = true
    this.#takes++
    let emptyHanded = false
    const notify = (): void => this.#arrived.notify()
    signal?.addEventListener('abort', notify)
    try {
      if (this.#state === 'new') this.#state = 'fetching'
      for (;;) {
        if (signal?.aborted) throw abortedError(signal)
        this.throwFailure()
        const taken = this.#intake.take({ max, maxInFlight, batch })
        if (taken !== undefined) {
          this.#managers.wake()
          return taken
        }
        this.#intake.waits(true)
        emptyHanded = atOnce
        this.#managers.wake()
        if (atOnce) return NOTHING
        await this.#arrived.wait()
      }
    } finally {
      signal?.removeEventListener('abort', notify)
      this.#taking = false
      // Who found nothing and did not wait for it wants something to be there the next time.
      this.#intake.waits(emptyHanded)
    }
  }

  /** Throws what take() would reject with: an error that was not told yet, the fatal one, or that this member is closed. */
  throwFailure(): void {
    this.#refuseWhenClosed()
    const error = this.#failures.next()
    if (error !== undefined) throw error
  }

  /**
   * Notes what became of a record; it goes out with the next request to the broker that handed the record out.
   * False: its lock or session is gone, and the broker will deliver it again. Throws KafkaUsageError when the record
   * already has a terminal answer. `replace`: a terminal answer that is not sent yet may be changed.
   */
  settle(record: Acquired<K, V>, type: AcknowledgeType, replace = false): boolean {
    const noted = this.#answers.settle(record, type, replace)
    if (noted && this.#intake.isFull) this.#arrived.notify()
    return noted
  }

  /**
   * The broker's word on one record: resolves, never rejects, once its answer was stored or failed for good, or its lock was
   * lost. A promise is made only for those that are asked about.
   */
  verdictOf(record: Acquired<K, V>): Promise<AcknowledgementResult> {
    const range = rangeOf(record)
    return waitForVerdict(range, record.offset - range.firstOffset)
  }

  /** Accepts what is unanswered of a batch; how many records that were. */
  acceptRest(batch: TakenBatch<K, V>): number {
    return this.#answers.acceptRest(batch)
  }

  /**
   * From now on the locks of what is held are looked after: renewed for at most `maxExtensionMs` from the acquisition of a record
   * (0: not at all), and what cannot be started in time is given back. Undefined: not any more. `cautious`: the member before this
   * one stood still.
   */
  keepLocks(keeping: (Pick<LockKeeping, 'maxExtensionMs'> & { readonly cautious?: boolean }) | undefined): void {
    if (keeping?.cautious === true) this.#intake.beginCautiously()
    this.#intake.keepsLocks(keeping !== undefined)
    this.#keeper.keep(keeping && { ...keeping, mayRelease: this.#mayRelease })
  }

  /** How many records of a batch wait for their answer. */
  unanswered(batch: TakenBatch<K, V>): number {
    return this.#answers.unanswered(batch)
  }

  /** Whether this member acquired the record, be it answered or lost by now. */
  owns(record: Acquired<K, V>): boolean {
    return this.#answers.owns(record)
  }

  /** The record's lock has not run out, its session lives, and it is not answered: it may be worked on. */
  holds(record: Acquired<K, V>): boolean {
    return this.#answers.holds(record)
  }

  /**
   * Nobody will work on this record, since it is not held: if it is unanswered it is told as lost, and its lock, should the broker
   * still count it, is not renewed any more.
   */
  giveUp(record: Acquired<K, V>): void {
    this.#answers.giveUp(record)
  }

  /** Fetches nothing until resume(), and releases what is buffered; what is handed out stays with the application. */
  pause(): void {
    if (this.#state === 'new' || this.#state === 'fetching' || this.#state === 'resting') this.#state = 'paused'
    this.#intake.release()
  }

  /** Fetches nothing until resume(); what is buffered waits for that, as long as its locks are worth it. */
  rest(): void {
    if (this.#state === 'new' || this.#state === 'fetching') this.#state = 'resting'
    this.#intake.releaseLate()
  }

  /** Ends a pause() or rest(). */
  resume(): void {
    if (this.#state === 'paused' || this.#state === 'resting') this.#state = 'fetching'
    this.#managers.wake()
  }

  /** Fetches nothing any more; resolves when no fetch is out. What is acquired stays locked until pause() or releaseRest(). */
  async endFetching(): Promise<void> {
    if (this.#state !== 'released' && this.#state !== 'closed') this.#state = 'ending'
    await this.#managers.out()
  }

  /** Releases everything that is acquired and not answered, buffered or handed out, and fetches no more; how many. */
  releaseRest(): number {
    if (this.#state !== 'closed') this.#state = 'released'
    this.#intake.clear()
    return this.#managers.releaseOpen()
  }

  /** Resolves when every answer given so far has its verdict: stored by the broker, or failed for good. */
  whenSettled(): Promise<void> {
    return this.#managers.settled()
  }

  /** The partitions whose answers have no verdict yet. */
  pendingPartitions(): ReadonlySet<TopicIdPartition> {
    return this.#managers.pendingPartitions()
  }

  /** Whether `value` is a record that a ShareConsumer of this package handed out. */
  isRecord(value: unknown): value is ConsumerRecord<K, V> {
    return ConsumerRecord.isRecord(value)
  }

  /**
   * Tells of every lock that was lost before its record was answered, in runs of records of one partition. Returns the function
   * that ends it.
   */
  onLost(listener: (loss: LockLoss<K, V>) => void): () => void {
    return this.#losses.on(listener as (loss: LockLoss<unknown, unknown>) => void)
  }

  /**
   * Tells, where locks are looked after, that the application has begun and answered nothing for half a lock or more: nothing is
   * fetched before the next take(), and who has records that it has not begun should RELEASE them. Returns the function that ends it.
   */
  onStood(listener: () => void): () => void {
    this.#stoodListeners.add(listener)
    return () => this.#stoodListeners.delete(listener)
  }

  /** Tells every verdict of the broker, failed ones included. Returns the function that ends it. */
  onVerdict(listener: (verdict: AcknowledgementVerdict) => void): () => void {
    return this.#news.on(listener)
  }

  /**
   * Sends what is answered, RELEASEs the rest, closes the share sessions, leaves the group, and lets go of the
   * connections; within `timeoutMs`, however silent the brokers are. A second call may cut the first one short, and does nothing
   * else. Rejects, after all is closed, when the leave failed; but whoever gives no time at all asks for no word on that.
   */
  close({ timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    this.#closing?.shorten(timeoutMs)
    this.#closing ??= new ClosingTime(this.#context.clock, timeoutMs)
    this.#closed ??= this.#close(this.#closing, timeoutMs > 0)
    return this.#closed
  }

  async #close(time: ClosingTime, tell: boolean): Promise<void> {
    this.releaseRest()
    this.#state = 'closed'
    this.#keeper.close()
    this.#arrived.notify()
    this.#router.close()
    this.#joinWaiters.failed(closedError())
    const { clock, logger } = this.#context
    const left = await farewell(clock, time, this.#managers.close(time), () => this.#membership.leave(time))
    await this.#membershipRunning
    time.stop()
    await this.#context.release()
    if (left === undefined) return
    if (tell) throw left
    logger.debug({ err: left }, 'nobody waited for the answer to a leave')
  }

  #recordsToFetch(): number {
    if (this.#state !== 'fetching' || this.#failures.fatal !== undefined) return 0
    return this.#intake.recordsToFetch()
  }

  /** What one answer brought; the application gets it together. */
  #received(answer: readonly ReceivedPartition[]): void {
    for (const received of answer) this.counters.received(received)
    const isKept = this.#state === 'fetching' || this.#state === 'resting' || this.#state === 'ending'
    if (isKept) this.#intake.add(answer)
    else for (const { ranges } of answer) for (const range of ranges) range.answerOpen(AckCode.RELEASE)
    this.#keeper.acquired()
    this.#arrived.notify()
  }

  #verdict(verdict: AcknowledgementVerdict): void {
    this.counters.verdict(verdict)
    this.#news.tell(verdict)
    // A renewal that was refused has ended its record, which makes room.
    if (this.#taking && this.#intake.isFull) this.#arrived.notify()
  }

  #joined(): void {
    this.#router.joined()
    this.#joinWaiters.joined()
  }

  #fail(error: KafkaError): void {
    if (this.#state === 'closed' || !this.#failures.passing(error)) return
    if (this.#joinWaiters.someoneWaits) this.#failures.told(error)
    this.#joinWaiters.failed(error)
    this.#arrived.notify()
  }

  #failForGood(error: KafkaError): void {
    this.#failures.forGood(error)
    this.#fail(error)
  }

  /** The loops never reject; if one does all the same, that is a fault of ours, and the member says so instead of hanging. */
  #guarded(loop: Promise<void>): Promise<void> {
    return loop.catch((cause: unknown) => this.#failForGood(brokenError(cause)))
  }

  #refuseWhenClosed(): void {
    if (this.#state === 'closed') throw closedError()
  }
}

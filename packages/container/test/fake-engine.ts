import type {
  AcknowledgementResult,
  AcknowledgementVerdict,
  AcknowledgeType,
  ConsumerRecord,
  RecordDeserializationFailure,
  ShareConsumer,
} from '@milena/client'
import type { LockLoss, LockLossCause, TakenBatch } from '@milena/client/internal'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import type { ContainerEngine } from '../src/container-engine.js'
import type { ShareConsumerFactory, ShareConsumerFactoryListener, ShareConsumerRequest } from '../src/index.js'

export type TestRecord = ConsumerRecord<string, unknown>

interface RecordFields {
  readonly topic?: string
  readonly partition?: number
  readonly offset: number
  readonly value?: unknown
  readonly deliveryCount?: number
  /** How long its lock lasts from now on, in milliseconds. */
  readonly lockMs?: number
}

const wireTypes = { ACCEPT: 1, RELEASE: 2, REJECT: 3, RENEW: 4 } as const

/** An engine whose records, verdicts and faults a test decides on. It keeps the contract that containers rely on. */
export class FakeEngine implements ContainerEngine<string, unknown> {
  /** Every answer in the order given, as `ACCEPT orders-0@7`. */
  readonly answers: string[] = []
  readonly counters: ContainerEngine<string, unknown>['counters']
  /** Whether answers get their verdicts at once; false: when confirm() is called. */
  autoConfirm = true
  /** What whenJoined() does. */
  joining: 'at once' | 'never' | Error = 'at once'
  released: number | undefined
  isMember = true
  /** The end of the fetch that is out. */
  fetchOut: Promise<void> = Promise.resolve()
  takes = 0
  readonly #clock: Clock
  readonly #queue: TakenBatch<string, unknown>[] = []
  readonly #open = new Map<object, number>()
  /** Renewed, and without the broker's word on it. */
  readonly #renewing = new Set<object>()
  /** What terminal answers were given. */
  readonly #given = new Map<object, AcknowledgeType>()
  readonly #askers = new Map<object, (result: AcknowledgementResult) => void>()
  readonly #verdicts = new Set<(verdict: AcknowledgementVerdict) => void>()
  readonly #losses = new Set<(loss: LockLoss<string, unknown>) => void>()
  #unconfirmed: {
    readonly at: TestRecord
    readonly type: AcknowledgeType
  }[] = []
  #settledWaiters: (() => void)[] = []
  #failure: unknown
  #wake: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    const counts = {
      acquired: 0,
      redelivered: 0,
      accepted: 0,
      released: 0,
      rejected: 0,
      renewed: 0,
      lockRenewals: 0,
      gaps: 0,
      failed: 0,
      stale: 0,
      lost: 0,
    }
    this.counters = {
      ...counts,
      snapshot: () => ({ ...counts, accepted: this.#count('ACCEPT') }),
    } as typeof this.counters
  }

  /** Records that are acquired and not answered. */
  get unanswered(): number {
    return this.#open.size
  }

  /** Records that were handed out and are not answered. */
  get outstanding(): number {
    return this.#open.size - this.bufferedRecords
  }

  /** The options of its consumer. */
  readonly wishes = { maxInFlight: undefined, maxLockExtensionMs: 300_000 }

  /** The lock of the group, as containers are told it. */
  acquisitionLockTimeoutMs: number | undefined = 30_000

  /** For how long the container wants locks renewed. */
  maxExtensionMs: number | undefined

  keepLocks(keeping: { readonly maxExtensionMs: number } | undefined): void {
    this.maxExtensionMs = keeping?.maxExtensionMs
  }

  onLost(listener: (loss: LockLoss<string, unknown>) => void): () => void {
    this.#losses.add(listener)
    return () => this.#losses.delete(listener)
  }

  readonly #stood = new Set<() => void>()

  onStood(listener: () => void): () => void {
    this.#stood.add(listener)
    return () => this.#stood.delete(listener)
  }

  /** Its membership never ends. */
  onFailure(): () => void {
    return () => undefined
  }

  /** The engine finds that its application stands still. */
  stand(): void {
    for (const listener of this.#stood) listener()
  }

  giveUp(record: object): void {
    if (this.#open.has(record)) this.lose(record as TestRecord)
  }

  /** The record's lock is gone, and the engine tells it. */
  lose(record: TestRecord, cause: LockLossCause = 'expired', error?: KafkaError): void {
    this.#open.delete(record)
    const { topic, partition, offset, deliveryCount } = record
    for (const listener of this.#losses) {
      listener({
        partition: { topic, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition },
        firstOffset: offset,
        lastOffset: offset,
        deliveryCount,
        handedOut: true,
        records: [record],
        cause,
        error,
      })
    }
  }

  /** The record's lock lasts so long from now on. */
  renew(record: TestRecord, lockMs: number): void {
    this.#open.set(record, this.#clock.now() + lockMs)
    Object.assign(record, { lockExpiresAt: this.#clock.wallTime() + lockMs })
  }

  /** Who hears of verdicts. */
  get verdictListeners(): number {
    return this.#verdicts.size
  }

  /** Acquires records, as one batch for the next take. */
  feed(...fields: RecordFields[]): TestRecord[] {
    const records = fields.map((each) => this.#record(each))
    this.#enqueue({ records, failures: [], spans: [] })
    return records
  }

  /** Acquires `count` records with the offsets from `first` on. */
  feedMany(count: number, first = 0): TestRecord[] {
    return this.feed(...Array.from({ length: count }, (_, index) => ({ offset: first + index })))
  }

  /** Acquires a batch with a record that could not be deserialised, besides good ones. */
  feedWithFailure(failure: { readonly offset: number; readonly error: KafkaError }, ...good: RecordFields[]): void {
    const bad = { topic: 'orders', partition: 0, deliveryCount: 1, rawKey: null, rawValue: null, ...failure }
    this.#open.set(bad, Infinity)
    this.#enqueue({
      records: good.map((each) => this.#record(each)),
      failures: [bad as unknown as RecordDeserializationFailure],
      spans: [],
    })
  }

  /** The take that waits, or the next one, rejects. */
  failTake(error: unknown): void {
    this.#failure = error
    this.#wake?.()
  }

  /** The record's lock is gone. */
  expire(record: TestRecord): void {
    this.#open.delete(record)
  }

  /** Gives every answer without a verdict its verdict. */
  confirm(error?: KafkaError): void {
    const confirmed = this.#unconfirmed
    this.#unconfirmed = []
    for (const { at, type } of confirmed) {
      this.#renewing.delete(at)
      // A renewal that fails takes its record along.
      if (type === 'RENEW' && error !== undefined) this.#open.delete(at)
      this.#verdict(at, type, error)
      if (type !== 'RENEW') this.#askers.get(at)?.({ error, type: error === undefined ? type : undefined })
    }
    const waiters = this.#settledWaiters
    this.#settledWaiters = []
    for (const waiter of waiters) waiter()
  }

  get bufferedRecords(): number {
    return this.#queue.reduce((sum, { records }) => sum + records.length, 0)
  }

  endFetching(): Promise<void> {
    return this.fetchOut
  }

  async take({ signal }: { signal?: AbortSignal | undefined; maxInFlight?: number | undefined } = {}): Promise<
    TakenBatch<string, unknown>
  > {
    this.takes++
    for (;;) {
      if (signal?.aborted) throw new KafkaError('aborted', { code: 'ABORTED' })
      if (this.#failure !== undefined) {
        const failure = this.#failure
        this.#failure = undefined
        throw failure
      }
      const batch = this.#queue.shift()
      if (batch !== undefined) return batch
      const woken = await new Promise<() => void>((resolve) => {
        const wake = (): void => resolve(wake)
        this.#wake = wake
        signal?.addEventListener('abort', wake)
      })
      signal?.removeEventListener('abort', woken)
    }
  }

  settle(record: object, type: AcknowledgeType): boolean {
    const at = record as TestRecord
    const place = `${at.topic}-${at.partition}@${at.offset}`
    if (this.#given.has(record)) throw new KafkaUsageError('acknowledged already', { code: 'ALREADY_ACKNOWLEDGED' })
    if (!this.#open.has(record)) {
      this.answers.push(`stale ${type} ${place}`)
      this.#verdict(at, type, new KafkaError('the lock was gone', { code: 'INVALID_RECORD_STATE' }))
      return false
    }
    if (type === 'RENEW') this.#renewing.add(record)
    else {
      this.#open.delete(record)
      this.#given.set(record, type)
    }
    this.answers.push(`${type} ${place}`)
    this.#unconfirmed.push({ at, type })
    if (this.autoConfirm) this.confirm()
    return true
  }

  verdictOf(record: object): Promise<AcknowledgementResult> {
    return new Promise((resolve) => this.#askers.set(record, resolve))
  }

  holds(record: object): boolean {
    return !this.#renewing.has(record) && (this.#open.get(record) ?? -Infinity) > this.#clock.now()
  }

  pause(): void {
    for (const { records } of this.#queue.splice(0)) {
      for (const record of records) this.settle(record, 'RELEASE')
    }
  }

  resume(): void {
    this.#wake?.()
  }

  releaseRest(): number {
    this.released = this.#open.size
    for (const record of this.#open.keys()) this.#given.set(record, 'RELEASE')
    this.#open.clear()
    this.#queue.length = 0
    return this.released
  }

  whenSettled(): Promise<void> {
    if (this.#unconfirmed.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#settledWaiters.push(resolve))
  }

  whenJoined(signal?: AbortSignal): Promise<void> {
    if (this.joining === 'at once') return Promise.resolve()
    if (this.joining !== 'never') return Promise.reject(this.joining)
    return new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new KafkaError('aborted', { code: 'ABORTED' })), { once: true })
    })
  }

  onVerdict(listener: (verdict: AcknowledgementVerdict) => void): () => void {
    this.#verdicts.add(listener)
    return () => this.#verdicts.delete(listener)
  }

  #verdict(at: TestRecord, type: AcknowledgeType, error: KafkaError | undefined): void {
    const counts = { accept: 0, release: 0, reject: 0, renew: 0, gap: 0, [type.toLowerCase()]: 1 }
    const partition = { topic: at.topic, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: at.partition }
    const batches = [{ firstOffset: at.offset, lastOffset: at.offset, acknowledgeTypes: [wireTypes[type]] }]
    for (const listener of this.#verdicts)
      listener({ partition, batches, counts, error, records: error === undefined ? undefined : [at] })
  }

  #count(type: AcknowledgeType): number {
    return this.answers.filter((answer) => answer.startsWith(`${type} `)).length
  }

  #enqueue(batch: TakenBatch<string, unknown>): void {
    this.#queue.push(batch)
    this.#wake?.()
  }

  #record({
    topic = 'orders',
    partition = 0,
    offset,
    value = `v${offset}`,
    deliveryCount = 1,
    lockMs = 30_000,
  }: RecordFields): TestRecord {
    const record = {
      topic,
      partition,
      offset,
      value,
      key: `k${offset}`,
      deliveryCount,
      lockExpiresAt: this.#clock.wallTime() + lockMs,
    } as unknown as TestRecord
    this.#open.set(record, this.#clock.now() + lockMs)
    return record
  }
}

/** A consumer that only remembers what was asked of it. */
export class FakeConsumer {
  topics: readonly string[] = []
  closed: { timeoutMs: number } | undefined
  /** What close() does. */
  closing: 'at once' | 'never' | Error = 'at once'

  constructor(
    readonly request: ShareConsumerRequest,
    readonly engine: FakeEngine,
  ) {}

  get groupId(): string | undefined {
    return this.request.groupId
  }

  subscribe(topics: readonly string[]): void {
    this.topics = topics
  }

  setAcknowledgementCommitCallback(callback: (verdict: AcknowledgementVerdict) => unknown): void {
    this.engine.onVerdict((verdict) => void callback(verdict))
  }

  close(options: { timeoutMs: number }): Promise<void> {
    this.closed = options
    if (this.closing === 'at once') return Promise.resolve()
    return this.closing === 'never' ? new Promise(() => undefined) : Promise.reject(this.closing)
  }

  metrics(): object {
    return {}
  }
}

/** Makes fake consumers, and lets a test prepare each. */
export class FakeConsumerFactory implements ShareConsumerFactory<string, unknown> {
  readonly consumers: FakeConsumer[] = []
  /** Called with each new consumer before anybody else gets it; may throw. */
  prepare: (consumer: FakeConsumer, index: number) => void = () => undefined

  constructor(
    private readonly clock: Clock,
    readonly groupId: string | undefined = 'workers',
  ) {}

  createShareConsumer(request: ShareConsumerRequest): ShareConsumer<string, unknown> {
    const consumer = new FakeConsumer(request, new FakeEngine(this.clock))
    this.prepare(consumer, this.consumers.length)
    this.consumers.push(consumer)
    return consumer as unknown as ShareConsumer<string, unknown>
  }

  addListener(listener: ShareConsumerFactoryListener): void {
    void listener
  }

  removeListener(listener: ShareConsumerFactoryListener): boolean {
    void listener
    return false
  }

  /** The nth consumer made. */
  at(index: number): FakeConsumer {
    const consumer = this.consumers[index]
    if (consumer === undefined) throw new Error(`only ${this.consumers.length} consumers were made`)
    return consumer
  }
}

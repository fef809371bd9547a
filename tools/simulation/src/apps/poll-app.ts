import { RecordDeserializationError, ShareConsumer, type AcknowledgeType, type ConsumerRecord } from '@milena/client'
import type { KafkaError } from '@milena/protocol'
import type { Acquisition } from '../acquisitions.js'
import { AppBase, LONGEST_WORK_MS, type App, type AppSurroundings } from './app.js'
import { readValue } from './deserialiser.js'

type Value = Buffer | null
type Polled = ConsumerRecord<Value, string>

/** Refusals of poll() that a commit ends. */
const WANTS_COMMIT: ReadonlySet<string> = new Set(['COMMIT_PENDING', 'NOT_ACKNOWLEDGED'])

/** poll() in a loop, as in Java: implicit or explicit, with commits in between. */
export class PollApp extends AppBase implements App {
  readonly #mode: 'implicit' | 'explicit'
  #consumer: ShareConsumer<Value, string>
  /** The members that verdicts are about: unsubscribe() makes another one. */
  readonly #memberIds: string[] = []
  #running: Promise<void> = Promise.resolve()
  #batch: (Acquisition | undefined)[] = []
  readonly #commits = new Set<Promise<unknown>>()

  constructor(around: AppSurroundings, mode: 'implicit' | 'explicit') {
    super(around)
    this.#mode = mode
    this.#consumer = this.#open()
  }

  start(): void {
    this.#running = this.guard(this.#run())
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopping = true
    // Now and then in the middle of whatever the loop is doing.
    if (this.around.dice.chance(0.5)) await this.#running
    await this.#close(this.#consumer, timeoutMs)
    await this.bounded('the loop after close()', LONGEST_WORK_MS, this.#running)
    await this.bounded('commitAsync() after close()', 1_000, Promise.all(this.#commits))
  }

  #open(): ShareConsumer<Value, string> {
    const { dice, truth, topics } = this.around
    const consumer = new ShareConsumer<Value, string>({
      ...this.clientOptions,
      valueDeserializer: readValue,
      acknowledgementMode: this.#mode,
      ...(dice.chance(0.5) && { maxPollRecords: dice.pick([1, 3, 10, 100]) }),
      ...(dice.chance(0.3) && { acquireMode: dice.pick(['batch_optimized', 'record_limit'] as const) }),
    })
    this.#memberIds.push(consumer.memberId)
    consumer.setAcknowledgementCommitCallback((verdict) => truth.verdict(this.#memberIds, verdict))
    consumer.subscribe(topics)
    return consumer
  }

  async #close(consumer: ShareConsumer<Value, string>, timeoutMs: number): Promise<void> {
    try {
      await this.bounded('close()', timeoutMs, consumer.close({ timeoutMs }))
    } catch (error) {
      this.met(error, 'close()')
    }
  }

  async #run(): Promise<void> {
    while (!this.isStopping) {
      const consumer = this.#consumer
      try {
        await this.#turn(consumer)
      } catch (error) {
        const met = this.met(error, 'poll()')
        if (met.code === 'CLOSED' && this.isStopping) return
        await this.#recover(consumer, met)
      }
    }
  }

  async #turn(consumer: ShareConsumer<Value, string>): Promise<void> {
    const { dice, truth, process } = this.around
    if (!this.around.isCalm() && dice.chance(0.02)) await this.#startAnew(consumer)
    if (this.isStopping) return
    const timeoutMs = dice.pick([0, 50, 300, 1_000])
    if (dice.chance(0.02)) {
      this.around.findings.count('wakeup')
      const waitMs = dice.between(0, timeoutMs)
      if (waitMs === 0) consumer.wakeup()
      else process.clock.setTimer(() => consumer.wakeup(), waitMs)
    }
    // What poll() is about to accept, or to give back.
    if (this.#mode === 'implicit') for (const each of this.#batch) truth.intends(each, 'ACCEPT')
    const records = await this.bounded('poll()', timeoutMs, consumer.poll(timeoutMs))
    this.#batch = []
    const got = [...records].map((record) => ({
      record,
      acquisition: this.got(consumer.memberId, record, record.value),
    }))
    for (const { acquisition } of got) this.#batch.push(acquisition)
    if (this.#mode === 'implicit') {
      for (const each of got) {
        if (this.isStopping && dice.chance(0.5)) return
        await this.sleep(this.workMs())
        if (each.acquisition !== undefined) this.around.findings.count('worked implicit')
      }
      if (dice.chance(0.2)) await this.#commit(consumer)
    } else {
      for (const { record, acquisition } of got) {
        await this.sleep(this.workMs())
        if (this.isStopping && dice.chance(0.3)) return
        this.#answer(consumer, record, acquisition)
        if (dice.chance(0.1)) await this.#commit(consumer)
      }
    }
    if (got.length === 0 && timeoutMs === 0) await this.sleep(20)
  }

  /** Leaves the group and joins it as a new member. */
  async #startAnew(consumer: ShareConsumer<Value, string>): Promise<void> {
    const { findings, process, topics } = this.around
    findings.count('unsubscribed')
    findings.say(`${process.name} unsubscribes`)
    this.#batch = []
    await this.bounded('unsubscribe()', 5_000, consumer.unsubscribe())
    this.#memberIds.push(consumer.memberId)
    if (!this.isStopping) consumer.subscribe(topics)
  }

  #answer(consumer: ShareConsumer<Value, string>, record: Polled, acquisition: Acquisition | undefined): void {
    const { truth, dice, findings } = this.around
    const type: AcknowledgeType = this.around.isCalm()
      ? 'ACCEPT'
      : dice.weighted({ ACCEPT: 80, RELEASE: 8, REJECT: 4, RENEW: 10 })
    truth.intends(acquisition, type)
    findings.count(`answered ${type}`)
    consumer.acknowledge(record, type)
    if (type !== 'RENEW') truth.owed(acquisition)
  }

  async #commit(consumer: ShareConsumer<Value, string>): Promise<void> {
    const { dice, truth, findings } = this.around
    if (this.#mode === 'implicit') for (const each of this.#batch) truth.intends(each, 'ACCEPT')
    if (dice.chance(0.5)) {
      findings.count('commitAsync')
      const commit = consumer.commitAsync()
      this.#commits.add(commit)
      commit.then(
        () => this.#commits.delete(commit),
        (error: unknown) => findings.broken('DEFECT', `commitAsync() rejected: ${String(error)}`),
      )
      return
    }
    await this.#commitSync(consumer, dice.pick([100, 2_000]))
  }

  async #commitSync(consumer: ShareConsumer<Value, string>, timeoutMs: number): Promise<void> {
    this.around.findings.count('commitSync')
    try {
      const result = await this.bounded('commitSync()', timeoutMs, consumer.commitSync({ timeoutMs }))
      for (const error of result.values()) if (error !== undefined) this.met(error, 'commitSync()')
    } catch (error) {
      const { code } = this.met(error, 'commitSync()')
      if (code !== 'WAKEUP' && code !== 'CLOSED') throw error
    }
  }

  async #recover(consumer: ShareConsumer<Value, string>, error: KafkaError): Promise<void> {
    const { truth, findings, process } = this.around
    if (RecordDeserializationError.is(error)) {
      const acquisition = truth.unreadable(consumer.memberId, error)
      truth.intends(acquisition, 'REJECT')
      consumer.acknowledge(error, 'REJECT')
      // Of which delivery it was, the error does not tell: it is not held against the client if that was an earlier one.
      findings.count('undecodable')
      return
    }
    if (WANTS_COMMIT.has(error.code)) {
      await this.#commitSync(consumer, 2_000)
      return
    }
    if (error.name === 'KafkaUsageError') {
      findings.broken('DEFECT', `${process.name} used its consumer rightly, and was told: ${error.message}`)
      return
    }
    if (error.code === 'WAKEUP') return
    await this.sleep(100)
    if (error.retriable || this.isStopping) return
    findings.count('consumer replaced')
    await this.#close(consumer, 2_000)
    if (this.isStopping) return
    this.#batch = []
    this.#consumer = this.#open()
  }
}

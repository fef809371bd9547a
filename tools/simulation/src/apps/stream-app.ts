import {
  ConsumerRecord,
  RecordDeserializationFailure,
  ShareConsumer,
  type ConsumerRecords,
  type RecordOrFailure,
} from '@milena/client'
import { KafkaError } from '@milena/protocol'
import type { Acquisition } from '../acquisitions.js'
import { AppBase, LONGEST_WORK_MS, type App, type AppSurroundings } from './app.js'
import { readValue } from './deserialiser.js'

type Value = Buffer | null
type Consumer = ShareConsumer<Value, string>

/** `for await` over records or batches, left by break or by an error now and then, and begun again. */
export class StreamApp extends AppBase implements App {
  readonly #form: 'records' | 'batches'
  readonly #mode: 'implicit' | 'explicit'
  #consumer: Consumer
  /** The members that verdicts are about: unsubscribe() makes another one. */
  readonly #memberIds: string[] = []
  #running: Promise<void> = Promise.resolve()

  constructor(around: AppSurroundings, form: 'records' | 'batches') {
    super(around)
    this.#form = form
    this.#mode = around.dice.pick(['implicit', 'explicit'])
    this.#consumer = this.#open()
  }

  start(): void {
    this.#running = this.guard(this.#run())
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopping = true
    await this.#close(this.#consumer, timeoutMs)
    await this.bounded('the iteration after close()', LONGEST_WORK_MS, this.#running)
  }

  #open(): Consumer {
    const { truth, topics, dice } = this.around
    const consumer: Consumer = new ShareConsumer<Value, string>({
      ...this.clientOptions,
      valueDeserializer: readValue,
      acknowledgementMode: this.#mode,
      // Answers that come behind the loop need it.
      ...((this.#mode === 'explicit' || dice.chance(0.5)) && { maxInFlight: dice.pick([1, 5, 40]) }),
      ...(dice.chance(0.3) && { maxPollRecords: dice.pick([5, 50]) }),
    })
    truth.keepsLocks(consumer.memberId)
    this.#memberIds.push(consumer.memberId)
    consumer.setAcknowledgementCommitCallback((verdict) => truth.verdict(this.#memberIds, verdict))
    consumer.subscribe(topics)
    return consumer
  }

  async #close(consumer: Consumer, timeoutMs: number): Promise<void> {
    try {
      await this.bounded('close()', timeoutMs, consumer.close({ timeoutMs }))
    } catch (error) {
      this.met(error, 'close()')
    }
  }

  async #run(): Promise<void> {
    const { dice, findings } = this.around
    while (!this.isStopping) {
      const consumer = this.#consumer
      try {
        await (this.#form === 'records' ? this.#readRecords(consumer) : this.#readBatches(consumer))
        if (!this.isStopping && dice.chance(0.3)) await this.#startAnew(consumer)
      } catch (error) {
        if (error === BROKEN_OFF) continue
        const met = this.met(error, 'the iteration')
        if (this.isStopping) return
        await this.sleep(100)
        if (met.retriable || met.code === 'ABORTED') continue
        if (met.name === 'KafkaUsageError')
          findings.broken('DEFECT', `${this.around.process.name} reads rightly, and was told: ${met.message}`)
        findings.count('consumer replaced')
        await this.#close(consumer, 2_000)
        if (!this.isStopping) this.#consumer = this.#open()
      }
    }
  }

  /** Leaves the group and joins it as a new member. */
  async #startAnew(consumer: Consumer): Promise<void> {
    const { findings, truth, topics } = this.around
    findings.count('unsubscribed')
    findings.say(`${this.around.process.name} unsubscribes`)
    await this.bounded('unsubscribe()', 5_000, consumer.unsubscribe())
    if (this.isStopping) return
    this.#memberIds.push(consumer.memberId)
    truth.keepsLocks(consumer.memberId)
    consumer.subscribe(topics)
  }

  async #readRecords(consumer: Consumer): Promise<void> {
    const { dice, truth, findings } = this.around
    const giveUp = new AbortController()
    const iteration = consumer.records({ signal: giveUp.signal })
    let last: Acquisition | undefined
    const stepped: AsyncIterable<RecordOrFailure<Value, string>> = {
      [Symbol.asyncIterator]: () => ({
        next: () => {
          // Whoever asks for the next one is through with this one.
          if (this.#mode === 'implicit') truth.intends(last, 'ACCEPT')
          last = undefined
          return iteration.next()
        },
        return: () => iteration.return?.() ?? Promise.resolve({ done: true, value: undefined }),
      }),
    }
    const timer = this.around.process.clock.setTimer(() => giveUp.abort(), 3_000)
    try {
      for await (const item of stepped) {
        if (!(item instanceof ConsumerRecord)) {
          if (item instanceof RecordDeserializationFailure) this.#undecodable(consumer, item)
          else this.met(item.error, 'an item')
          continue
        }
        const acquisition = this.got(consumer.memberId, item, item.value)
        await this.sleep(this.workMs())
        if (this.isStopping) return
        findings.count('read record by record')
        // In explicit mode the record that a loop is left with is the application's to answer.
        if (this.#mode === 'explicit') this.#answer(consumer, item, acquisition)
        if (!this.around.isCalm() && dice.chance(0.05)) break
        if (!this.around.isCalm() && dice.chance(0.05)) throw BROKEN_OFF
        if (this.#mode === 'implicit') last = acquisition
      }
    } finally {
      timer.cancel()
    }
  }

  async #readBatches(consumer: Consumer): Promise<void> {
    const { dice, truth, findings } = this.around
    const giveUp = new AbortController()
    const iteration = consumer.batches({ signal: giveUp.signal })
    const timer = this.around.process.clock.setTimer(() => giveUp.abort(), 3_000)
    let last: (Acquisition | undefined)[] = []
    try {
      for (;;) {
        if (this.#mode === 'implicit') for (const each of last) truth.intends(each, 'ACCEPT')
        last = []
        const { done, value: batch } = await iteration.next()
        if (done === true) return
        for (const failure of batch.failures) {
          if (failure instanceof RecordDeserializationFailure) this.#undecodable(consumer, failure)
          else this.met(failure.error, 'a batch')
        }
        last = await this.#work(consumer, batch)
        findings.count('read batch by batch')
        if (this.isStopping || (!this.around.isCalm() && dice.chance(0.08))) break
      }
      await iteration.return?.()
    } finally {
      timer.cancel()
    }
  }

  async #work(consumer: Consumer, batch: ConsumerRecords<Value, string>): Promise<(Acquisition | undefined)[]> {
    const got = [...batch].map((record) => ({
      record,
      acquisition: this.got(consumer.memberId, record, record.value),
    }))
    if (this.#mode === 'explicit') {
      // Answered behind the loop, in any order.
      const memberId = consumer.memberId
      for (const { record, acquisition } of got)
        void this.guard(this.#behindTheLoop(consumer, memberId, record, acquisition))
      return []
    }
    for (const _ of got) if (!this.isStopping) await this.sleep(this.workMs())
    return got.map(({ acquisition }) => acquisition)
  }

  async #behindTheLoop(
    consumer: Consumer,
    memberId: string,
    record: ConsumerRecord<Value, string>,
    acquisition: Acquisition | undefined,
  ): Promise<void> {
    await this.sleep(this.workMs())
    // Records of a member that has left cannot be answered any more.
    if (this.isStopping || consumer !== this.#consumer || consumer.memberId !== memberId) return
    this.#answer(consumer, record, acquisition)
  }

  #answer(consumer: Consumer, record: ConsumerRecord<Value, string>, acquisition: Acquisition | undefined): void {
    const { dice, truth, findings } = this.around
    const type = this.around.isCalm() ? 'ACCEPT' : dice.weighted({ ACCEPT: 85, RELEASE: 10, REJECT: 5 })
    truth.intends(acquisition, type)
    try {
      consumer.acknowledge(record, type)
      truth.owed(acquisition)
      findings.count(`answered ${type}`)
    } catch (error) {
      // The loop was left, and what it had not answered was released.
      const { code } = this.met(error, 'acknowledge()')
      truth.withdraws(acquisition)
      if (code !== 'NOT_ACQUIRED' && code !== 'ALREADY_ACKNOWLEDGED')
        findings.broken('DEFECT', `${this.around.process.name}: acknowledge() refuses: ${String(error)}`)
    }
  }

  #undecodable(consumer: Consumer, failure: RecordDeserializationFailure): void {
    const { truth, findings } = this.around
    const acquisition = truth.unreadable(consumer.memberId, failure)
    truth.intends(acquisition, 'REJECT')
    consumer.acknowledge(failure, 'REJECT')
    // It may be of an earlier delivery, whose count the one after repeats: not held against the client.
    findings.count('undecodable')
  }
}

/** What the body of a loop throws. */
const BROKEN_OFF = new KafkaError('The work failed, and the loop ends with it.', { code: 'BROKEN_OFF' })

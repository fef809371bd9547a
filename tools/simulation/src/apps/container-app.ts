import type { ConsumerRecord } from '@milena/client'
import { engineOf } from '@milena/client/internal'
import {
  DefaultShareConsumerFactory,
  ShareMessageListenerContainer,
  type RecovererAnswer,
  type ShareConsumerFactoryListener,
} from '@milena/container'
import type { Acquisition } from '../acquisitions.js'
import { AppBase, type App, type AppSurroundings } from './app.js'
import { readValue } from './deserialiser.js'

type Value = Buffer | null

/** What a start may take: its time limit, and then the end of the members that did not make it. */
const START_MS = 45_000

/** A listener container: batch rule, or a window of records in flight. */
export class ContainerApp extends AppBase implements App {
  readonly #container: ShareMessageListenerContainer<Value, string>
  /** Records whose work failed: the recoverer decides about them. */
  readonly #failed = new WeakMap<object, Acquisition | undefined>()
  #starting: Promise<void> = Promise.resolve()

  constructor(around: AppSurroundings, form: 'batch' | 'window') {
    super(around)
    const { dice, process, logger, groupId, topics, random, transport } = around
    const runtime = { clock: process.clock, random, transport }
    const factory = new DefaultShareConsumerFactory<Value, string>({
      ...this.clientOptions,
      valueDeserializer: readValue,
    })
    const made: ShareConsumerFactoryListener['consumerAdded'] = (_, consumer) => {
      const engine = engineOf(consumer)
      around.truth.keepsLocks(engine.memberId)
      engine.onVerdict((verdict) => around.truth.verdict([engine.memberId], verdict))
    }
    factory.addListener({ consumerAdded: made })
    this.#container = new ShareMessageListenerContainer<Value, string>(
      factory,
      {
        id: process.name,
        topics: [...topics],
        groupId,
        concurrency: dice.pick([1, 1, 2]),
        syncShareCommits: dice.chance(0.5),
        ...(form === 'window' && { maxInFlight: dice.pick([1, 4, 50]) }),
        shareConsumerRecordRecoverer: (record) => this.#recover(record),
      },
      { runtime, logger },
    )
    this.#container.setupMessageListener({
      onShareRecord: (record, _, consumer) => this.#listen(record, consumer.memberId),
    })
  }

  start(): void {
    this.#starting = this.guard(this.#begin())
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopping = true
    try {
      await this.bounded('stop()', timeoutMs, this.#container.stop({ timeoutMs }))
    } catch (error) {
      this.met(error, 'stop()')
    }
    await this.bounded('start() after stop()', 1_000, this.#starting)
    if (this.#container.state !== 'stopped' && this.#container.state !== 'failed') {
      this.around.findings.broken('FOREVER', `${this.around.process.name} is ${this.#container.state} after stop()`)
    }
  }

  /** Starts, and again where it failed. */
  async #begin(): Promise<void> {
    const { findings } = this.around
    while (!this.isStopping) {
      try {
        await this.bounded('start()', START_MS, this.#container.start())
        await this.#container.whenStopped()
        if (!this.isStopping) findings.count('container failed')
      } catch (error) {
        this.met(error, 'start()')
        findings.count('container failed to start')
      }
      if (!this.isStopping) await this.sleep(500)
    }
  }

  async #listen(record: ConsumerRecord<Value, string>, memberId: string): Promise<void> {
    const { dice, truth, findings } = this.around
    const acquisition = this.got(memberId, record, record.value)
    const ms = this.workMs()
    if (ms > 0) await this.sleep(ms)
    if (!this.around.isCalm() && dice.chance(0.1)) {
      this.#failed.set(record, acquisition)
      throw new Error('the work failed')
    }
    truth.intends(acquisition, 'ACCEPT')
    findings.count('worked in a container')
  }

  #recover(record: ConsumerRecord<unknown, unknown>): RecovererAnswer {
    const { dice, truth, findings } = this.around
    const acquisition = this.#failed.get(record)
    const type = dice.pick(['RELEASE', 'RELEASE', 'REJECT', 'ACCEPT'] as const)
    truth.intends(acquisition, type)
    findings.count(`recovered ${type}`)
    return type === 'RELEASE' && dice.chance(0.5) ? { type, delayMs: dice.between(1, 3_000) } : type
  }
}

import { ShareConsumer, type ConsumerRecord } from '@milena/client'
import { engineOf, type ShareEngine } from '@milena/client/internal'
import { AppBase, LONGEST_WORK_MS, type App, type AppSurroundings } from './app.js'
import { readValue } from './deserialiser.js'

type Value = Buffer | null
type Engine = ShareEngine<Value, string>

/** Each answer has its verdict after the longest request timeout, and the time for which it is sent again. */
const SETTLE_MS = 60_000

/** The engine as containers use it: records are taken while earlier ones are unanswered, and answered in any order. */
export class ContinuousApp extends AppBase implements App {
  #consumer: ShareConsumer<Value, string>
  #running: Promise<void> = Promise.resolve()
  #open = 0
  #roomMade: () => void = () => undefined

  constructor(around: AppSurroundings) {
    super(around)
    this.#consumer = this.#make()
  }

  start(): void {
    this.#running = this.guard(this.#run())
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopping = true
    this.#roomMade()
    await this.#end(this.#consumer, timeoutMs)
    await this.bounded('the loop after close()', LONGEST_WORK_MS, this.#running)
  }

  #make(): ShareConsumer<Value, string> {
    const { dice, truth, topics } = this.around
    const maxLockExtensionMs = 300_000
    const consumer = new ShareConsumer<Value, string>({
      ...this.clientOptions,
      valueDeserializer: readValue,
      acknowledgementMode: 'explicit',
      maxLockExtensionMs,
      ...(dice.chance(0.3) && { prefetch: dice.pick([0, 5, 50]) }),
      ...(dice.chance(0.2) && { acquireMode: dice.pick(['batch_optimized', 'record_limit'] as const) }),
    })
    const engine = engineOf(consumer)
    engine.onVerdict((verdict) => truth.verdict([engine.memberId], verdict))
    if ('keepLocks' in engine && dice.chance(0.7)) {
      truth.keepsLocks(engine.memberId)
      ;(engine as Engine & { keepLocks: (options: object) => void }).keepLocks({ maxExtensionMs: maxLockExtensionMs })
    }
    consumer.subscribe(topics)
    return consumer
  }

  async #end(consumer: ShareConsumer<Value, string>, timeoutMs: number): Promise<void> {
    const engine = engineOf(consumer)
    if (this.around.dice.chance(0.5)) engine.releaseRest()
    try {
      await this.bounded('close()', timeoutMs, consumer.close({ timeoutMs }))
    } catch (error) {
      this.met(error, 'close()')
    }
  }

  async #run(): Promise<void> {
    const { dice } = this.around
    const maxInFlight = dice.pick([1, 4, 20, 100])
    while (!this.isStopping) {
      const consumer = this.#consumer
      const engine = engineOf(consumer)
      try {
        while (this.#open >= maxInFlight && !this.isStopping) {
          await new Promise<void>((resolve) => (this.#roomMade = resolve))
        }
        if (this.isStopping) return
        await this.#take(engine, maxInFlight - this.#open)
        if (dice.chance(0.1)) await this.bounded('whenSettled()', SETTLE_MS, engine.whenSettled())
      } catch (error) {
        const met = this.met(error, 'take()')
        if (met.code === 'CLOSED' && this.isStopping) return
        await this.sleep(100)
        if (met.retriable || met.code === 'ABORTED' || this.isStopping) continue
        this.around.findings.count('consumer replaced')
        await this.#end(consumer, 2_000)
        if (!this.isStopping) this.#consumer = this.#make()
      }
    }
  }

  async #take(engine: Engine, max: number): Promise<void> {
    const { process, truth, findings } = this.around
    const giveUp = new AbortController()
    const timer = process.clock.setTimer(() => giveUp.abort(), 2_000)
    const taken = await this.bounded('take()', 2_000, engine.take({ max, signal: giveUp.signal })).finally(() =>
      timer.cancel(),
    )
    for (const failure of taken.failures) {
      const acquisition = truth.unreadable(engine.memberId, failure)
      truth.intends(acquisition, 'REJECT')
      engine.settle(failure, 'REJECT')
      truth.owed(acquisition)
      findings.count('undecodable')
    }
    for (const record of taken.records) {
      this.#open++
      void this.guard(this.#work(engine, record))
    }
  }

  async #work(engine: Engine, record: ConsumerRecord<Value, string>): Promise<void> {
    const { dice, truth, findings } = this.around
    const acquisition = this.got(engine.memberId, record, record.value)
    await this.sleep(this.workMs())
    let type = this.around.isCalm() ? 'ACCEPT' : dice.weighted({ ACCEPT: 80, RELEASE: 8, REJECT: 4, RENEW: 8 })
    if (type === 'RENEW' && !engine.isClosed) {
      truth.intends(acquisition, 'RENEW')
      findings.count('answered RENEW')
      engine.settle(record, 'RENEW')
      await this.sleep(dice.between(0, 100))
      type = dice.pick(['ACCEPT', 'RELEASE'])
    }
    if (!engine.isClosed && !this.isStopping) {
      truth.intends(acquisition, type)
      findings.count(`answered ${type}`)
      engine.settle(record, type)
      truth.owed(acquisition)
    }
    this.#open--
    this.#roomMade()
  }
}

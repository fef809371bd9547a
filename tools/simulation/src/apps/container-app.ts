import {
  currentRecord,
  DefaultShareConsumerFactory,
  ShareMessageListenerContainer,
  type ContainerProperties,
} from '@milena/container'
import { engineOf } from '@milena/client/internal'
import { AppBase, type App, type AppSurroundings } from './app.js'
import { ContainerWork } from './container-work.js'
import { readValue } from './deserialiser.js'

type Value = Buffer | null

/** What a start may take: its time limit, and then the end of the members that did not make it. */
const START_MS = 45_000

/** The acknowledgement modes, as often as they are played. */
const MODES = { EXPLICIT: 45, MANUAL: 35, IMPLICIT: 20 } as const
export const containerModes = Object.keys(MODES) as readonly (keyof typeof MODES)[]

/** A listener container: batch rule, or a window of records in flight; in each acknowledgement mode. It is paused and restarted now and then. */
export class ContainerApp extends AppBase implements App {
  readonly #container: ShareMessageListenerContainer<Value, string>
  #hasContext = false
  /** The member that was made last. */
  #memberId = ''
  #starting: Promise<void> = Promise.resolve()

  constructor(around: AppSurroundings, form: 'batch' | 'window') {
    super(around)
    const { dice, process, logger, random, transport, truth } = around
    const runtime = { clock: process.clock, random, transport }
    const factory = new DefaultShareConsumerFactory<Value, string>({
      ...this.clientOptions,
      valueDeserializer: readValue,
      ...(dice.chance(0.5) && { prefetch: dice.pick([0, 20, 50]) }),
    })
    factory.addListener({
      consumerAdded: (_, consumer) => {
        const engine = engineOf(consumer)
        this.#memberId = engine.memberId
        truth.keepsLocks(engine.memberId)
        engine.onLost((loss) => truth.lost(engine.memberId, loss))
        engine.onVerdict((verdict) => truth.verdict([engine.memberId], verdict))
      },
    })
    const mode = dice.weighted(MODES)
    around.findings.count(`container in ${mode}`)
    const maxInFlight = form === 'window' ? dice.pick([1, 4, 50]) : undefined
    const deadlineMs = dice.chance(0.2) ? dice.pick([20, around.lockMs / 2, around.lockMs * 1.5]) : undefined
    const ackTimeoutMs = dice.pick([100, 1_000, 30_000])
    const work = new ContainerWork(around, {
      mode,
      atOnce: maxInFlight ?? 1,
      isWindow: maxInFlight !== undefined,
      deadlineMs,
      ackTimeoutMs,
      workMs: () => this.workMs(),
      guard: (task) => this.guard(task),
      stopFromInside: () => void this.guard(this.#stop('stop() in a listener', dice.pick([0, 500, 3_000]))),
    })
    this.#container = new ShareMessageListenerContainer<Value, string>(
      factory,
      {
        ...this.#properties(work),
        shareAckMode: mode,
        maxInFlight,
        processingDeadlineMs: deadlineMs,
        ...(mode === 'MANUAL' && { shareAcknowledgmentTimeoutMs: ackTimeoutMs }),
      },
      { runtime, logger },
    )
    this.#container.setupMessageListener(
      (record, acknowledgment, consumer, signal) => {
        this.#checkContext(record)
        return work.listen(record, acknowledgment, consumer.memberId, signal)
      },
      { kind: mode === 'MANUAL' ? 'acknowledging' : 'consumerAware' },
    )
    this.#container.on('recordLockLost', (event) => work.locksLost(event))
    this.#container.on('acknowledgmentFailed', ({ records }) =>
      records.forEach((each) => work.deliveries.inDoubt(each)),
    )
    this.#container.on('processingDeadlineExceeded', (event) => work.deadlinePassed(event))
    this.#container.on('acknowledgmentTimeout', (event) => work.deliveries.overdue(event))
    this.#container.on('shareConsumerStopping', ({ consumer }) => work.deliveries.ending(consumer.memberId))
  }

  start(): void {
    this.#starting = this.guard(this.#begin())
    void this.guard(this.#disturb())
  }

  async stop(timeoutMs: number): Promise<void> {
    this.isStopping = true
    await this.#stop('stop()', timeoutMs)
    await this.bounded('start() after stop()', 1_000, this.#starting)
    if (this.#container.state !== 'stopped' && this.#container.state !== 'failed') {
      this.around.findings.broken('FOREVER', `${this.around.process.name} is ${this.#container.state} after stop()`)
    }
  }

  #properties(work: ContainerWork): ContainerProperties {
    const { dice, process, groupId, topics, lockMs } = this.around
    // A filter is told no member: there is one only.
    const isFiltered = dice.chance(0.2)
    this.#hasContext = dice.chance(0.2)
    return {
      id: process.name,
      topics: [...topics],
      groupId,
      concurrency: isFiltered ? 1 : dice.pick([1, 1, 2]),
      syncShareCommits: dice.chance(0.5),
      restartPolicy: dice.pick(['replace', 'replace', 'never'] as const),
      maxLockExtensionMs: dice.pick([lockMs * 1.5, lockMs * 4, 60_000]),
      recordContext: this.#hasContext,
      shareConsumerRecordRecoverer: (record) => work.recover(record),
      // A long one shows waits that nothing else would end.
      pollTimeoutMs: dice.pick([50, 600_000, 600_000, 600_000]),
      ...(dice.chance(0.3) && { errorHandler: (record, error, context) => work.handle(record, error, context) }),
      ...(isFiltered && { filter: (record) => work.filter(record as never, this.#memberId) }),
    }
  }

  /** Starts, and again when it has ended. */
  async #begin(): Promise<void> {
    const { findings } = this.around
    while (!this.isStopping) {
      try {
        await this.bounded('start()', START_MS, this.#container.start())
      } catch (error) {
        this.met(error, 'start()')
        findings.count('container failed to start')
        await this.sleep(500)
        continue
      }
      try {
        await this.#container.whenStopped()
        if (!this.isStopping) findings.count('container stopped')
      } catch (error) {
        this.met(error, 'the container')
        findings.count('container failed')
      }
      if (!this.isStopping) await this.sleep(500)
    }
  }

  /** Pauses and stops it now and then, as long as it is not calm. */
  async #disturb(): Promise<void> {
    const { dice, findings } = this.around
    while (!this.isStopping && !this.around.isCalm()) {
      await this.sleep(dice.between(300, 6_000))
      if (this.isStopping || this.around.isCalm() || this.#container.state !== 'running') continue
      const what = dice.weighted({ nothing: 5, pause: 2, restart: 2 })
      findings.say(`${this.around.process.name} ${what}`)
      findings.count(`container: ${what}`)
      if (what === 'restart') await this.#stop('stop() before a restart', dice.pick([0, 300, 3_000]))
      if (what !== 'pause') continue
      this.#container.pause()
      await this.sleep(dice.between(1, 3_000))
      if (this.#isPaused) this.#container.resume()
    }
  }

  async #stop(what: string, timeoutMs: number): Promise<void> {
    try {
      await this.bounded(what, timeoutMs, this.#container.stop({ timeoutMs }))
    } catch (error) {
      this.met(error, what)
    }
  }

  get #isPaused(): boolean {
    return this.#container.state === 'paused'
  }

  #checkContext(record: object): void {
    if (currentRecord()?.record === (this.#hasContext ? record : undefined)) return
    this.around.findings.broken('DEFECT', `${this.around.process.name}: currentRecord() is not the listener's record`)
  }
}

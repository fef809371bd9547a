import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import { isAborted } from '../network/aborted.js'
import { BoundedWait, wakeupError } from './bounded-wait.js'
import type { CommitResult, Commits } from './commits.js'
import { ConsumerRecords } from './consumer-records.js'
import type { CurrentEngine } from './current-engine.js'
import { NOTHING, type TakenBatch } from './handout.js'
import { PollInterval } from './poll-interval.js'
import type { PolledBatch } from './polled-batch.js'
import type { UndecodableRecords } from './undecodable-records.js'

// poll() and the commits, as Java's KafkaShareConsumer has them.
//
// Rules kept here
// - poll() goes through its steps in Java's order: the error that waits, the batch of before, the subscription, wakeup(), and
//   only then records. What ends it before it took records has lost none.
// - Renewed records come before anything new, good records before the error of those that cannot be deserialised.
// - A member that was not polled for maxPollIntervalMs has left its group; the next poll brings it back under its id.

/** What poll() and the commits work on. */
export interface PollContractOptions<K, V> {
  readonly config: ResolvedShareConsumerConfig<K, V>
  readonly context: KafkaClientContext
  readonly current: CurrentEngine<K, V>
  readonly polled: PolledBatch<K, V>
  readonly commits: Commits
  readonly undecodable: UndecodableRecords
  /** The subscription. Throws KafkaUsageError when there is none. */
  readonly topics: () => readonly string[]
  /** In implicit mode: what was handed out last is processed. */
  readonly acceptLast: () => void
}

export class PollContract<K, V> {
  readonly #config: ResolvedShareConsumerConfig<K, V>
  readonly #context: KafkaClientContext
  readonly #current: CurrentEngine<K, V>
  readonly #polled: PolledBatch<K, V>
  readonly #commits: Commits
  readonly #undecodable: UndecodableRecords
  readonly #topics: () => readonly string[]
  readonly #acceptLast: () => void
  readonly #interval: PollInterval
  /** wakeup() was called, and no call has ended by it yet. */
  #woken = false
  /** The poll or commit that waits. */
  #wait: BoundedWait | undefined

  constructor({
    config,
    context,
    current,
    polled,
    commits,
    undecodable,
    topics,
    acceptLast,
  }: PollContractOptions<K, V>) {
    this.#config = config
    this.#context = context
    this.#current = current
    this.#polled = polled
    this.#commits = commits
    this.#undecodable = undecodable
    this.#topics = topics
    this.#acceptLast = acceptLast
    this.#interval = new PollInterval(context.clock, config.maxPollIntervalMs, () => this.#idled())
  }

  wakeup(): void {
    this.#woken = true
    this.#wait?.wake()
  }

  /** Nobody has to poll any more. */
  endInterval(): void {
    this.#interval.stop()
  }

  poll(timeoutMs: number, signal: AbortSignal | undefined): Promise<ConsumerRecords<K, V>> {
    // One for all engines of a consumer.
    const { metrics } = this.#current.engine
    metrics.pollBegins()
    return this.#within(timeoutMs, signal, (wait) => this.#poll(wait, timeoutMs)).finally(() => {
      metrics.pollEnds()
      this.#interval.polled()
    })
  }

  commitSync(timeoutMs: number, signal: AbortSignal | undefined): Promise<CommitResult> {
    return this.#within(timeoutMs, signal, (wait) => {
      this.#throwIfWoken()
      return this.#commit(wait, timeoutMs)
    })
  }

  commitAsync(): Promise<CommitResult> {
    const { defaultApiTimeoutMs } = this.#config
    const wait = new BoundedWait(this.#context.clock, defaultApiTimeoutMs, undefined)
    return this.#commit(wait, defaultApiTimeoutMs).finally(() => wait.stop())
  }

  async #within<T>(
    timeoutMs: number,
    signal: AbortSignal | undefined,
    work: (wait: BoundedWait) => Promise<T>,
  ): Promise<T> {
    const wait = new BoundedWait(this.#context.clock, timeoutMs, signal)
    this.#wait = wait
    try {
      return await work(wait)
    } finally {
      this.#wait = undefined
      wait.stop()
    }
  }

  async #poll(wait: BoundedWait, timeoutMs: number): Promise<ConsumerRecords<K, V>> {
    const { idle } = this.#current
    if (idle !== undefined) {
      if (!(await wait.until(idle))) return this.#nothing(wait)
      this.#comeBack()
    }
    const { engine } = this.#current
    engine.throwFailure()
    this.#polled.finish()
    this.#undecodable.releaseTold(engine)
    this.#topics()
    this.#interval.polling()
    this.#throwIfWoken()
    if (wait.end === 'aborted') return this.#nothing(wait)
    this.#undecodable.throwNext(engine)
    if (this.#polled.hasRenewed) {
      if (!(await wait.until(engine.whenSettled()))) return this.#nothing(wait)
      this.#current.handedOut()
      const renewed = this.#polled.takeRenewed()
      if (renewed.length > 0) {
        this.#commits.handedOut()
        return new ConsumerRecords(renewed)
      }
    }
    this.#current.keepLocks('end')
    const batch = await this.#take(wait, timeoutMs)
    this.#polled.handOut(batch)
    this.#commits.handedOut()
    this.#undecodable.add(batch.failures)
    if (batch.records.length === 0) this.#undecodable.throwNext(engine)
    return new ConsumerRecords(batch.records)
  }

  async #take(wait: BoundedWait, timeoutMs: number): Promise<TakenBatch<K, V>> {
    const max = this.#config.maxPollRecords
    const ready = await this.#current.take({ max, atOnce: true })
    if (ready.records.length + ready.failures.length > 0 || timeoutMs <= 0) return ready
    try {
      return await this.#current.take({ max, signal: wait.signal })
    } catch (error) {
      if (!isAborted(error)) throw error
      this.#nothing(wait)
      return NOTHING
    }
  }

  /** What a poll returns whose wait ended without records. Throws when something else than its time ended it. */
  #nothing(wait: BoundedWait): ConsumerRecords<K, V> {
    const error = wait.error()
    if (error === undefined) return new ConsumerRecords<K, V>([])
    if (wait.end === 'woken') this.#woken = false
    throw error
  }

  async #commit(wait: BoundedWait, timeoutMs: number): Promise<CommitResult> {
    const { engine } = this.#current
    this.#polled.fix()
    this.#undecodable.releaseAll(engine)
    this.#acceptLast()
    const commit = this.#commits.begin()
    if (await wait.until(engine.whenSettled())) return this.#commits.done(commit)
    const error = wait.error()
    if (error === undefined) return this.#commits.late(commit, engine.pendingPartitions(), timeoutMs)
    this.#commits.abandoned(commit)
    if (wait.end === 'woken') this.#woken = false
    throw error
  }

  #throwIfWoken(): void {
    if (!this.#woken) return
    this.#woken = false
    throw wakeupError()
  }

  /** The member that had left joins its group again. */
  #comeBack(): void {
    const topics = this.#topics()
    this.#polled.finish()
    this.#current.renew(topics)
    this.#polled.startOver(this.#current.engine)
  }

  #idled(): void {
    const { groupId, maxPollIntervalMs } = this.#config
    this.#context.logger.warn(
      { groupId, maxPollIntervalMs },
      `poll() was not called for maxPollIntervalMs (${maxPollIntervalMs} ms): the member leaves group '${groupId}', and what it held is delivered again. The next poll() joins again. Poll more often, lower maxPollRecords, or raise maxPollIntervalMs.`,
    )
    this.#polled.fix()
    this.#undecodable.releaseAll(this.#current.engine)
    this.#current.retire()
  }
}

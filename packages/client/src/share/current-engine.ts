import { KafkaUsageError, type KafkaError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { ResolvedShareConsumerConfig } from '../config/share-consumer-config.js'
import type { TakenBatch } from './handout.js'
import { ShareEngine } from './share-engine.js'
import type { TakeOptions } from './take-options.js'
import type { AcknowledgementVerdict } from './verdict.js'

// The engine of a share consumer, and its successors: unsubscribe() and a missed poll interval end one member of the group,
// and another one goes on.
//
// Rules kept here
// - The old member is closed in the background, within a bound: answers given are sent, the rest is released, it leaves.
//   What fails by that is logged.
// - A member that comes back under its old id waits for that: two share sessions of one id would end each other.

/** How long an old member has for its close. */
const FAREWELL_MS = 5_000

export class CurrentEngine<K, V> {
  readonly #config: ResolvedShareConsumerConfig<K, V>
  readonly #context: KafkaClientContext
  readonly #onVerdict: (verdict: AcknowledgementVerdict, isCurrent: boolean) => void
  readonly #leaving = new Map<ShareEngine<K, V>, Promise<void>>()
  #engine: ShareEngine<K, V>
  #idle: Promise<void> | undefined
  /** How often this consumer itself has taken from the engine. */
  #takes = 0
  #resting = false
  #keeping = false
  #lockMs: number | undefined

  constructor(
    config: ResolvedShareConsumerConfig<K, V>,
    context: KafkaClientContext,
    onVerdict: (verdict: AcknowledgementVerdict, isCurrent: boolean) => void,
  ) {
    this.#config = config
    this.#context = context
    this.#onVerdict = onVerdict
    this.#engine = this.#listening(new ShareEngine(config, context))
  }

  get engine(): ShareEngine<K, V> {
    return this.#engine
  }

  /** Somebody else takes from the engine: a listener container, which this consumer was made for. */
  get isDriven(): boolean {
    return this.#engine.takes !== this.#takes
  }

  /** Throws KafkaUsageError for a call that only the one who takes may make. */
  refuseDriven(what: string, instead = 'Use a ShareConsumer of your own.'): void {
    if (!this.isDriven) return
    throw new KafkaUsageError(
      `${what} is not possible on the consumer of a listener container, which reads from it itself: a listener only gets records, and answers them. ${instead}`,
      { code: 'CONCURRENT_USE' },
    )
  }

  /** The group's lock duration as it was when records were handed out last. */
  get lockMs(): number | undefined {
    return this.isDriven ? this.#engine.acquisitionLockTimeoutMs : this.#lockMs
  }

  /** Takes from the engine, which fetches again by that. */
  async take(options: TakeOptions): Promise<TakenBatch<K, V>> {
    const engine = this.#engine
    if (this.#resting) engine.resume()
    this.#resting = false
    const before = engine.takes
    const taking = engine.take(options)
    this.#takes += engine.takes - before
    const taken = await taking
    if (taken.records.length > 0) this.handedOut()
    return taken
  }

  /** Has the locks of what is held renewed, for an iteration; `end`: a poll looks after nothing. */
  keepLocks(what: 'begin' | 'end'): void {
    const keep = what === 'begin'
    if (keep === this.#keeping) return
    this.#keeping = keep
    this.#engine.keepLocks(keep ? { maxExtensionMs: this.#config.maxLockExtensionMs } : undefined)
  }

  /** Records were handed out: whoever reads the lock duration now, reads that of these. */
  handedOut(): void {
    this.#lockMs = this.#engine.acquisitionLockTimeoutMs
  }

  /** Fetches no more before the next take(), which what was fetched ahead waits for. */
  rest(): void {
    this.#resting = true
    this.#engine.rest()
  }

  /** Resolves when the member that was retired is gone, if there is one: renew() follows then. */
  get idle(): Promise<void> | undefined {
    return this.#idle
  }

  /** A new member with a new id. Resolves when the answers given to the old one have their verdicts, or its time is up. */
  async replace(): Promise<void> {
    const old = this.#engine
    const settled = old.whenSettled()
    // A member that was retired has said it already.
    if (this.#idle === undefined) void this.#farewell(old)
    this.#lockMs = undefined
    this.#succeed(new ShareEngine(this.#config, this.#context, { metrics: old.metrics }))
    const { clock } = this.#context
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(resolve, FAREWELL_MS)
      void settled.finally(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  /** The member leaves its group, for now: renew() brings it back. */
  retire(): void {
    this.#idle ??= this.#farewell(this.#engine)
  }

  /** Brings the retired member back, under its id. */
  renew(topics: readonly string[]): void {
    const { metrics, memberId } = this.#engine
    this.#succeed(new ShareEngine(this.#config, this.#context, { metrics, memberId }))
    this.#engine.subscribe(topics)
  }

  /** Closes the current member and waits for the old ones. Rejects, after all is closed, with what the current one rejects with. */
  async close(timeoutMs: number): Promise<void> {
    const closed = this.#engine.close({ timeoutMs })
    const others = [...this.#leaving].map(([engine, leaving]) => {
      // It has less time from now on; what comes of it is told there.
      engine.close({ timeoutMs }).catch(() => undefined)
      return leaving
    })
    await Promise.allSettled([closed, ...others])
    await closed
  }

  #succeed(engine: ShareEngine<K, V>): void {
    this.#engine = this.#listening(engine)
    this.#idle = undefined
    this.#takes = 0
    this.#resting = false
    this.#keeping = false
  }

  /** Never rejects. */
  #farewell(engine: ShareEngine<K, V>): Promise<void> {
    const { groupId } = this.#config
    const leaving = engine.close({ timeoutMs: FAREWELL_MS }).catch((error: KafkaError) => {
      this.#context.logger.warn({ groupId, err: error }, `A member of group '${groupId}' did not leave it cleanly.`)
    })
    this.#leaving.set(engine, leaving)
    void leaving.then(() => this.#leaving.delete(engine))
    return leaving
  }

  #listening(engine: ShareEngine<K, V>): ShareEngine<K, V> {
    engine.onVerdict((verdict) => this.#onVerdict(verdict, engine === this.#engine))
    return engine
  }
}

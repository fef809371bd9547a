import { consoleLogger } from '@milena/client'
import { engineOf } from '@milena/client/internal'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { systemClock, systemRandom, type Clock, type Logger } from '@milena/protocol/runtime'
import { ContainerLifecycle, type ContainerState } from './container-state.js'
import type { ContainerProperties, ResolvedContainerProperties } from './container-properties.js'
import { resolveContainerProperties } from './container-property-layers.js'
import { ContainerRun } from './container-run.js'
import type { ContainerRuntime, ContainerSurroundings } from './container-surroundings.js'
import {
  ContainerEventHub,
  type ContainerEvent,
  type ContainerEventPublisher,
  type ContainerObserver,
} from './event-hub.js'
import { ConsumerFailedToStartEvent, type EventContainer } from './events.js'
import { isInsideListenerOf, outsideListenerFrames } from './listener-frame.js'
import type { MemberMetrics } from './member-metrics.js'
import { noListenerCounters, type MemberSurroundings } from './member-surroundings.js'
import { resolveListener, type ListenerOptions, type ResolvedListener, type ShareListener } from './message-listener.js'
import { requireFactory, type ShareConsumerFactory } from './share-consumer-factory.js'
import { SparingLog } from './sparing-log.js'
import { StopBudget } from './stop-budget.js'

/** How long something may take. */
export interface StopOptions {
  /** Milliseconds; default: the container's shutdownTimeoutMs. A quarter of it, at most 2 s, is kept for closing. */
  readonly timeoutMs?: number | undefined
}

/** A start() that waits for the container to be at rest. */
interface PendingRestart {
  readonly started: Promise<void>
  readonly begin: () => void
  readonly cancel: () => void
}

/**
 * Runs a listener over a share group, in EXPLICIT mode: a record whose listener returns is accepted, and where it throws the
 * recoverer decides. (Spring's ShareKafkaMessageListenerContainer.)
 *
 * States and moves are those of {@link ContainerState}. start() and stop() may be called at any time and in any order, also by
 * subscribers of the container's own events and by its listener.
 */
export class ShareMessageListenerContainer<K = Buffer | null, V = Buffer | null> implements EventContainer {
  readonly #consumerFactory: ShareConsumerFactory<K, V>
  readonly #runtime: ContainerRuntime<K, V>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #events: ContainerEventHub
  readonly #lifecycle: ContainerLifecycle
  #properties: ResolvedContainerProperties
  #listener: ResolvedListener<K, V> | undefined
  #run: ContainerRun<K, V> | undefined
  /** The start that is under way. */
  #starting: Promise<void> | undefined
  /** The stop that is under way; resolves when the container is at rest. */
  #ending: Promise<void> | undefined
  /** What made the container fail, or is making it fail. */
  #failure: { readonly cause: unknown } | undefined
  /** A start() that came while the container was stopping. */
  #restart: PendingRestart | undefined
  #endWaiters: { readonly resolve: () => void; readonly reject: (cause: unknown) => void }[] = []

  /**
   * @throws KafkaUsageError for properties that are unknown or wrong, and for a consumer factory or logger that is none
   */
  constructor(
    consumerFactory: ShareConsumerFactory<K, V>,
    properties: ContainerProperties,
    surroundings: ContainerSurroundings<K, V> = {},
  ) {
    requireFactory(consumerFactory, 'A container')
    this.#consumerFactory = consumerFactory
    this.#properties = resolveContainerProperties(properties)
    this.#runtime = surroundings.runtime ?? {}
    this.#clock = this.#runtime.clock ?? systemClock
    const logger = surroundings.logger ?? consumerFactory.logger ?? consoleLogger()
    this.#logger = childOf(logger, this.#properties.id)
    this.#events = new ContainerEventHub(this.#logger, surroundings.eventPublisher)
    this.#lifecycle = new ContainerLifecycle(this.#properties.id)
  }

  get id(): string {
    return this.#properties.id
  }

  get state(): ContainerState {
    return this.#lifecycle.state
  }

  /** True when the container is running or paused. */
  get isRunning(): boolean {
    return this.#lifecycle.isRunning
  }

  get topics(): readonly string[] {
    return this.#properties.topics
  }

  /** The share group; undefined when neither the container nor its consumer factory tells one. */
  get groupId(): string | undefined {
    return this.#properties.groupId ?? this.#consumerFactory.groupId
  }

  /** How many members the container runs. Can be set while the container is stopped or failed. */
  get concurrency(): number {
    return this.#properties.concurrency
  }

  /** @throws KafkaUsageError while the container is not at rest, or for a number that is not a whole one above 0 */
  set concurrency(concurrency: number) {
    this.#requireRest('concurrency')
    if (!(Number.isInteger(concurrency) && concurrency > 0)) {
      throw new KafkaUsageError(
        `Container '${this.id}': concurrency must be a whole number, 1 or more; not ${String(concurrency)}.`,
      )
    }
    this.#properties = { ...this.#properties, concurrency }
  }

  /**
   * Sets the listener: a function, or an object with onMessage(record) or onShareRecord(record, acknowledgment, consumer, signal).
   * A bare function that declares two parameters or more takes an acknowledgment, unless `kind` says otherwise.
   * @throws KafkaUsageError while the container is not at rest, and for what cannot be called
   */
  setupMessageListener(listener: ShareListener<K, V>, options: ListenerOptions = {}): void {
    this.#requireRest('the listener')
    this.#listener = resolveListener(listener, options, this.id)
  }

  /** Adds an observer of one type of event; the returned function removes it. */
  on<T extends ContainerEvent['type']>(type: T, observer: ContainerObserver<T>): () => void {
    return this.#events.on(type, observer)
  }

  /** Has a publisher told every event of this container, besides the one it was made with. Adding one twice changes nothing. */
  addEventPublisher(publisher: ContainerEventPublisher): void {
    this.#events.addPublisher(publisher)
  }

  /**
   * Resolves when every member has joined its group and takes records. While the container is stopping it starts again
   * afterwards. Rejects with the cause when a member cannot be made or does not join within consumerStartTimeoutMs; with code
   * START_CANCELLED when stop() is called meanwhile.
   */
  start(): Promise<void> {
    switch (this.#lifecycle.state) {
      case 'running':
      case 'paused':
        return Promise.resolve()
      case 'starting':
        return this.#starting ?? Promise.resolve()
      case 'stopping':
        return this.#startAfterwards()
      default: {
        const starting = deferred()
        // In place before anything happens: an observer of the first events may ask for it.
        this.#starting = starting.promise
        starting.resolve(outsideListenerFrames(() => this.#begin()))
        return starting.promise
      }
    }
  }

  /**
   * Ends the container within a bound, whatever its listeners do: nothing more is taken, running listener calls may end, what
   * is finished is answered, and the rest goes back to the group at once. Never rejects. A further call joins the stop that is
   * under way, and shortens it where it allows less time. Called inside a listener of this container it resolves as soon as the
   * container is stopping, because the stop waits for that listener.
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (this.#lifecycle.isAtRest) return Promise.resolve()
    this.#restart?.cancel()
    if (this.#lifecycle.state !== 'stopping') this.#end(options.timeoutMs)
    else if (options.timeoutMs !== undefined) this.#run?.hurry(this.#budgetOf(options.timeoutMs))
    return isInsideListenerOf(this) ? Promise.resolve() : (this.#ending ?? Promise.resolve())
  }

  /**
   * Resolves when the container is stopped; at once when it is. Rejects with the cause when it has failed, and with a
   * KafkaUsageError inside a listener of this container, which would wait for itself.
   */
  whenStopped(): Promise<void> {
    if (isInsideListenerOf(this)) {
      return Promise.reject(
        new KafkaUsageError(
          `whenStopped() was called inside a listener of container '${this.id}', which stops only when that listener has ended. ` +
            'Call it elsewhere, or let the listener return first.',
        ),
      )
    }
    if (this.#lifecycle.state === 'stopped') return Promise.resolve()
    if (this.#lifecycle.state === 'failed') return Promise.reject(asError(this.#failure?.cause))
    return new Promise((resolve, reject) => this.#endWaiters.push({ resolve, reject }))
  }

  /**
   * Takes no more records. The batch at hand is finished, what was fetched ahead goes back to the group at once, and the members
   * stay in it.
   * @throws KafkaUsageError unless running or paused
   */
  pause(): void {
    if (this.#lifecycle.state === 'paused') return
    this.#lifecycle.move('pause')
    this.#run?.pause()
  }

  /** Takes records again. @throws KafkaUsageError unless paused or running */
  resume(): void {
    if (this.#lifecycle.state === 'running') return
    this.#lifecycle.move('resume')
    this.#run?.resume()
  }

  /** What each member has done, by client id; counted from the last start() on, also across members that were replaced. */
  metrics(): ReadonlyMap<string, MemberMetrics> {
    const slots = this.#run?.slots ?? []
    return new Map(slots.map((slot) => [slot.surroundings.source.clientId, slot.metrics()]))
  }

  async #begin(): Promise<void> {
    const run = this.#newRun()
    this.#lifecycle.move('start')
    this.#failure = undefined
    this.#run = run
    const failure = await run.start()
    if (this.#run !== run || this.#lifecycle.state !== 'starting') throw startCancelled(this.id)
    if (failure !== undefined) {
      this.#logger.error({ err: failure.cause }, `Container '${this.id}' could not be started.`)
      this.#failure = failure
      this.#lifecycle.move('fail')
      this.#tellWaiters()
      // Last, because a subscriber may start the container again.
      const source = failure.source ?? { container: this, clientId: this.#properties.clientIdBase }
      this.#events.publish(new ConsumerFailedToStartEvent(source, failure.cause))
      throw asError(failure.cause)
    }
    this.#lifecycle.move('started')
    const { topics, concurrency } = this.#properties
    this.#logger.info({ topics, groupId: this.groupId, members: concurrency }, `Container '${this.id}' is running.`)
    run.begin()
  }

  #newRun(): ContainerRun<K, V> {
    const listener = this.#listener
    if (listener === undefined) {
      throw new KafkaUsageError(`Container '${this.id}' has no listener: call setupMessageListener() before start().`)
    }
    if (this.topics.length === 0) {
      throw new KafkaUsageError(`Container '${this.id}' has no topics: name at least one in its container properties.`)
    }
    const surroundings = Array.from({ length: this.concurrency }, (_, index): MemberSurroundings => {
      const clientId = `${this.#properties.clientIdBase}-${index}`
      const logger = this.#logger.child({ clientId })
      return {
        source: { container: this, clientId },
        events: this.#events,
        logger,
        recordLog: new SparingLog(logger, this.#clock),
        counters: noListenerCounters(),
      }
    })
    return new ContainerRun({
      plan: {
        properties: this.#properties,
        groupId: this.#properties.groupId,
        listener,
        consumerFactory: this.#consumerFactory,
        engineOf: this.#runtime.engineOf ?? engineOf,
        clock: this.#clock,
        random: this.#runtime.random ?? systemRandom,
      },
      surroundings,
      onFailed: (cause) => this.#fail(cause),
    })
  }

  /** A fault that no new member could cure, or the end of the last one: what is left drains and stops. */
  #fail(cause: unknown): void {
    if (!this.isRunning) return
    this.#logger.error({ err: cause }, `Container '${this.id}' fails.`)
    this.#failure = { cause }
    this.#end(undefined)
  }

  #end(timeoutMs: number | undefined): void {
    this.#lifecycle.move('stop')
    const budget = this.#budgetOf(timeoutMs)
    const ending = deferred()
    // In place before anything happens: an observer of an answer that this sends may ask for it.
    this.#ending = ending.promise
    ending.resolve(outsideListenerFrames(() => this.#stopRun(budget)))
  }

  #budgetOf(timeoutMs: number | undefined): StopBudget {
    const bound = timeoutMs !== undefined && timeoutMs >= 0 ? timeoutMs : this.#properties.shutdownTimeoutMs
    return new StopBudget(this.#clock, bound)
  }

  async #stopRun(budget: StopBudget): Promise<void> {
    await this.#run?.stop(budget)
    const restart = this.#restart
    this.#restart = undefined
    this.#lifecycle.move(this.#failure === undefined ? 'stopped' : 'fail')
    this.#logger.info({}, `Container '${this.id}' is ${this.state}.`)
    this.#tellWaiters()
    restart?.begin()
  }

  #startAfterwards(): Promise<void> {
    if (this.#restart !== undefined) return this.#restart.started
    let begin = (): void => undefined
    let cancel = (): void => undefined
    const started = new Promise<void>((resolve, reject) => {
      begin = () => resolve(this.start())
      cancel = () => {
        this.#restart = undefined
        reject(startCancelled(this.id))
      }
    })
    this.#restart = { started, begin, cancel }
    return started
  }

  #tellWaiters(): void {
    const waiters = this.#endWaiters
    this.#endWaiters = []
    for (const { resolve, reject } of waiters) {
      if (this.#failure === undefined) resolve()
      else reject(asError(this.#failure.cause))
    }
  }

  #requireRest(what: string): void {
    if (this.#lifecycle.isAtRest) return
    throw new KafkaUsageError(
      `Container '${this.id}' is ${this.state}: ${what} can be set only while it is stopped. Call stop() first.`,
    )
  }
}

function startCancelled(id: string): KafkaError {
  return new KafkaError(`stop() was called while container '${id}' was starting, or waited to start again.`, {
    code: 'START_CANCELLED',
  })
}

/** The container's own logger; `console`, which looks like one, has no child(). */
function childOf(logger: Logger, id: string): Logger {
  if (typeof logger.child === 'function') return logger.child({ container: id })
  throw new KafkaUsageError(
    `Container '${id}': its logger has no child(). Give a pino logger, or an object with trace, debug, info, warn, error and child.`,
  )
}

/** A promise that is there before what it waits for has begun. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: (outcome: Promise<void>) => void } {
  let resolve: (outcome: Promise<void>) => void = () => undefined
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/** A cause to reject with: an error as it is, anything else in one. */
function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new KafkaError('The container has failed.', { cause })
}

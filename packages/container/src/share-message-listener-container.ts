import { consoleLogger } from '@milena/client'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { systemClock, type Clock, type Logger } from '@milena/protocol/runtime'
import { containerHealthOf, type ContainerHealth } from './container-health.js'
import type { ContainerProperties, ResolvedContainerProperties } from './container-properties.js'
import { deprecationOf } from './container-property-checks.js'
import { overrideProperties, resolveContainerProperties } from './container-property-layers.js'
import type { ContainerRun, StartFailure } from './container-run.js'
import { ContainerLifecycle, type ContainerState } from './container-state.js'
import type { ContainerRuntime, ContainerSurroundings } from './container-surroundings.js'
import { asError, EndWaiters, type ContainerFailure } from './end-waiters.js'
import {
  ContainerEventHub,
  type ContainerEvent,
  type ContainerEventPublisher,
  type ContainerObserver,
} from './event-hub.js'
import { ConsumerFailedToStartEvent, type EventContainer } from './events.js'
import { checkListener } from './listener-check.js'
import { guardedLogger } from './guarded-logger.js'
import { isInsideListenerOf, outsideListenerFrames } from './listener-frame.js'
import type { MemberMetrics } from './member-metrics.js'
import { resolveListener, type ListenerOptions, type ResolvedListener, type ShareListener } from './message-listener.js'
import { PendingRestart } from './pending-restart.js'
import type { ShareConsumerRecordRecoverer } from './recoverers.js'
import { assembleRun } from './run-assembly.js'
import { requireFactory, type ShareConsumerFactory } from './share-consumer-factory.js'
import { StopBudget } from './stop-budget.js'

/** How long something may take. */
export interface StopOptions {
  /** Milliseconds; default: the container's shutdownTimeoutMs. A quarter of it, at most 2 s, is kept for closing. */
  readonly timeoutMs?: number | undefined
}

/**
 * Runs a listener over a share group. By default (EXPLICIT) a record whose listener returns is accepted, and where it throws the
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
  #failure: ContainerFailure | undefined
  #restart: PendingRestart | undefined
  readonly #endWaiters = new EndWaiters()
  /** Warnings about the listener and its settings that were said. */
  readonly #said = new Set<string>()

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
    const deprecation = deprecationOf(properties, `Container '${this.id}'`)
    if (deprecation !== undefined) this.#logger.warn({}, deprecation)
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

  /** Every property with its default filled in; frozen. */
  get containerProperties(): ResolvedContainerProperties {
    return this.#properties
  }

  /** What the application gave as `info`. */
  get info(): unknown {
    return this.#properties.info
  }

  /** The name under which the registry starts and stops several containers together. */
  get containerGroup(): string | undefined {
    return this.#properties.containerGroup
  }

  /** The registry starts low phases first, and stops high ones first. */
  get phase(): number {
    return this.#properties.phase
  }

  /** The share group; undefined when neither the container nor its consumer factory tells one. */
  get groupId(): string | undefined {
    return this.#properties.groupId ?? this.#consumerFactory.groupId
  }

  /** How many members the container runs. */
  get concurrency(): number {
    return this.#properties.concurrency
  }

  /** A whole number, or its text. @throws KafkaUsageError while the container is not at rest, and for anything below 1 */
  set concurrency(concurrency: number | string) {
    this.#set('concurrency', { concurrency })
  }

  /** The same as setting {@link ShareMessageListenerContainer.concurrency}. */
  setConcurrency(concurrency: number | string): void {
    this.concurrency = concurrency
  }

  /** Decides what becomes of a record whose listener threw. @throws KafkaUsageError while the container is not at rest */
  setShareConsumerRecordRecoverer(recoverer: ShareConsumerRecordRecoverer<K, V>): void {
    this.#set('the recoverer', { shareConsumerRecordRecoverer: recoverer })
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
   * Whether it could be started as it is, as far as that is known without the brokers: start() asks this before anything joins.
   * @throws KafkaUsageError without a listener or topics, for a listener that does not fit the shareAckMode, and for consumer
   * settings that are unknown or wrong
   */
  checkReady(): void {
    this.#readyListener(() => undefined)
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
    this.#restart?.cancel(startCancelled(this.id))
    this.#restart = undefined
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
    return this.#endWaiters.wait()
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

  /** How the container and its members are; as plain data, at any time. */
  health(): ContainerHealth {
    const { id, state, groupId, topics } = this
    const members = (this.#run?.slots ?? []).map((slot) => slot.health())
    return containerHealthOf({ id, state, groupId, topics, members, failure: this.#failure })
  }

  async #begin(): Promise<void> {
    this.#lifecycle.move('start')
    this.#failure = undefined
    const { run, unready } = this.#assemble()
    this.#run = run
    const failure: StartFailure | undefined = await (run === undefined ? unready : run.start())
    if (this.#run !== run || this.#lifecycle.state !== 'starting') throw startCancelled(this.id)
    if (failure !== undefined) {
      const { topics, groupId } = this
      this.#logger.error({ err: failure.cause, topics, groupId }, `Container '${this.id}' could not be started.`)
      this.#failure = failure
      this.#lifecycle.move('fail')
      this.#endWaiters.tell(this.#failure)
      // Last, because a subscriber may start the container again.
      const source = failure.source ?? { container: this, clientId: this.#properties.clientIdBase }
      this.#events.publish(new ConsumerFailedToStartEvent(source, failure.cause))
      throw asError(failure.cause)
    }
    this.#lifecycle.move('started')
    const { topics, concurrency } = this.#properties
    this.#logger.info({ topics, groupId: this.groupId, members: concurrency }, `Container '${this.id}' is running.`)
    run?.begin()
  }

  /** The next run, or why there can be none. */
  #assemble(): { readonly run?: ContainerRun<K, V>; readonly unready?: StartFailure } {
    try {
      const run = assembleRun({
        container: this,
        properties: this.#properties,
        groupId: this.groupId,
        listener: this.#readyListener((warning) => {
          if (!this.#said.has(warning)) this.#logger.warn({}, warning)
          this.#said.add(warning)
        }),
        consumerFactory: this.#consumerFactory,
        runtime: this.#runtime,
        clock: this.#clock,
        logger: this.#logger,
        events: this.#events,
        onFailed: (cause) => this.#fail(cause),
      })
      return { run }
    } catch (cause) {
      return { unready: { cause, source: undefined } }
    }
  }

  #readyListener(warn: (warning: string) => void): ResolvedListener<K, V> {
    const listener = this.#listener
    if (listener === undefined) {
      throw new KafkaUsageError(`Container '${this.id}' has no listener: call setupMessageListener() before start().`)
    }
    if (this.topics.length === 0) {
      throw new KafkaUsageError(`Container '${this.id}' has no topics: name at least one in its container properties.`)
    }
    const { shareAckMode: mode, recovererGiven: hasRecoverer, errorHandler, properties } = this.#properties
    this.#consumerFactory.checkSettings?.({ groupId: this.groupId, properties })
    const hasErrorHandler = errorHandler !== undefined
    checkListener({ containerId: this.id, mode, listener, hasRecoverer, hasErrorHandler }).forEach(warn)
    return listener
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
    this.#endWaiters.tell(this.#failure)
    restart?.begin(() => this.start())
  }

  #startAfterwards(): Promise<void> {
    this.#restart ??= new PendingRestart()
    return this.#restart.started
  }

  /** Sets properties at rest, with the checks of the constructor. */
  #set(what: string, over: ContainerProperties): void {
    this.#requireRest(what)
    this.#properties = overrideProperties(this.#properties, over)
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
  if (typeof logger.child === 'function') return guardedLogger(logger.child({ container: id }))
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

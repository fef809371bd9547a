import { AsyncLocalStorage } from 'node:async_hooks'
import { isInsideListenerOf, type ListenerEndpointRegistry, type RegistryHealth } from '@milena/container'
import { KafkaError } from '@milena/protocol'
import type { KafkaApplication } from './kafka-application.js'

/** The running listeners of an application. */
export interface KafkaListeners extends AsyncDisposable {
  /** The containers, by listener id and by group: to pause one, or to start one that has autoStartup false. */
  readonly registry: ListenerEndpointRegistry
  /** True from the moment when startKafkaListeners resolves until stop() is called, or a signal asks for it. */
  readonly isRunning: boolean
  /** How everything is, as a plain object that can be shown as JSON: for a readiness or liveness page. Costs nothing to ask for. */
  health(): KafkaHealth
  /**
   * Ends everything within a bound: nothing more is taken, running calls may end, what is finished is answered, the rest goes back
   * to the group at once. Then the Producer and Admin of the DI container are closed. It is the end of this application; may be called twice.
   *
   * Called inside a listener it resolves at once, because the end waits for that listener. Called while the application starts it
   * cancels the start, which rejects with code START_CANCELLED.
   */
  stop(options?: StopKafkaOptions): Promise<void>
  /** Resolves when every container is stopped; rejects with the cause as soon as one has failed. */
  whenStopped(): Promise<void>
}

/** How an application and its containers are. Before it runs, and from the moment when it is to stop, the status is `down`. */
export type KafkaHealth = RegistryHealth

/** How long stop() may take. */
export interface StopKafkaOptions {
  /**
   * Milliseconds for the containers of one phase, which stop side by side; default: the shutdownTimeoutMs of each. And afterwards
   * for records that the Producer of the DI container has not delivered yet; default 10000.
   */
  readonly timeoutMs?: number
}

/** The life of one application: made with its module, so that whoever is made by the DI container can ask for it. */
export class RunningListeners implements KafkaListeners {
  readonly registry: ListenerEndpointRegistry
  readonly #application: KafkaApplication
  /** Runs a function outside of any listener, whoever asks for it. */
  readonly #outside = AsyncLocalStorage.snapshot()
  #started = false
  #ended: Promise<void> | undefined
  #through = false
  #onEnded: () => void = () => undefined

  constructor(application: KafkaApplication) {
    this.#application = application
    this.registry = application.registry
  }

  get isRunning(): boolean {
    return this.#started && this.#ended === undefined
  }

  /** Starts what is registered. Rejects with code START_CANCELLED when stop() is, or was, called. */
  async start(): Promise<void> {
    this.#requireGoing()
    await this.registry.start()
    this.#requireGoing()
    this.#started = true
  }

  health(): KafkaHealth {
    const health = this.registry.health()
    return this.isRunning ? health : { ...health, status: 'down' }
  }

  stop(options: StopKafkaOptions = {}): Promise<void> {
    if (this.#ended === undefined) this.#ended = this.#outside(() => this.#end(options))
    // A further call may shorten the stop that is under way.
    else if (options.timeoutMs !== undefined) void this.#outside(() => this.registry.stop(options))
    const inside = this.registry.allContainers.some((container) => isInsideListenerOf(container))
    if (!inside) return this.#ended
    this.#ended.catch((error: unknown) => {
      this.#application.logger.warn({ err: error }, 'Not everything could be closed.')
    })
    return Promise.resolve()
  }

  /** Has a function called when a stop() is through, however it went; at once when it is. */
  whenEnded(then: () => void): void {
    if (this.#through) then()
    else this.#onEnded = then
  }

  async whenStopped(): Promise<void> {
    await Promise.all(this.registry.allContainers.map((container) => container.whenStopped()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #end(options: StopKafkaOptions): Promise<void> {
    try {
      await this.registry.stop(options)
      await this.#application.closeClients(options.timeoutMs)
    } finally {
      this.#through = true
      this.#onEnded()
    }
  }

  #requireGoing(): void {
    if (this.#ended === undefined) return
    throw new KafkaError('stop() was called while the listeners were being started.', { code: 'START_CANCELLED' })
  }
}

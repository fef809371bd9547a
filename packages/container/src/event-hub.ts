import { nearestName } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'
import type {
  AcknowledgmentFailedEvent,
  AcknowledgmentTimeoutEvent,
  ConsumerFailedToStartEvent,
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  ListenerFailedEvent,
  PollFailedEvent,
  ProcessingDeadlineExceededEvent,
  RecordDeserializationFailedEvent,
  RecordLockLostEvent,
  RecovererFailedEvent,
  ShareConsumerStoppingEvent,
} from './events.js'

/** Everything that a container tells its observers. */
export type ContainerEvent =
  | ConsumerStartingEvent
  | ConsumerStartedEvent
  | ConsumerFailedToStartEvent
  | ShareConsumerStoppingEvent
  | ConsumerStoppedEvent
  | PollFailedEvent
  | RecordDeserializationFailedEvent
  | RecordLockLostEvent
  | RecovererFailedEvent
  | ListenerFailedEvent
  | AcknowledgmentTimeoutEvent
  | ProcessingDeadlineExceededEvent
  | AcknowledgmentFailedEvent

const eventTypes: { readonly [Type in ContainerEvent['type']]: true } = {
  consumerStarting: true,
  consumerStarted: true,
  consumerFailedToStart: true,
  shareConsumerStopping: true,
  consumerStopped: true,
  pollFailed: true,
  recordDeserializationFailed: true,
  recordLockLost: true,
  recovererFailed: true,
  listenerFailed: true,
  acknowledgmentTimeout: true,
  processingDeadlineExceeded: true,
  acknowledgmentFailed: true,
}

/** Called with events of one type. What it returns is not waited for; what it throws, or rejects with, is logged. */
export type ContainerObserver<T extends ContainerEvent['type']> = (
  event: Extract<ContainerEvent, { type: T }>,
) => unknown

/** Gets every event of every container that it is given to, in the order in which they happen. */
export interface ContainerEventPublisher {
  publish(event: ContainerEvent): unknown
}

/** Brings the events of one container to its observers and its publisher. Nothing that they do reaches who publishes. */
export class ContainerEventHub implements ContainerEventPublisher {
  readonly #observers = new Map<ContainerEvent['type'], readonly ((event: never) => unknown)[]>()
  readonly #untold: ContainerEvent[] = []

  readonly #publishers = new Set<ContainerEventPublisher>()

  /** @throws KafkaUsageError for a publisher that is none */
  constructor(
    private readonly logger: Logger,
    publisher: ContainerEventPublisher | undefined,
  ) {
    if (publisher !== undefined) this.addPublisher(publisher)
  }

  /** Adds one who is told every event. Adding one twice changes nothing. @throws KafkaUsageError for what is none */
  addPublisher(publisher: ContainerEventPublisher): void {
    if (typeof publisher?.publish !== 'function') {
      throw new KafkaUsageError('An event publisher is an object with publish(event).')
    }
    this.#publishers.add(publisher)
  }

  /** Adds an observer; the returned function removes it. @throws KafkaUsageError for a type that no event has, and for no function */
  on<T extends ContainerEvent['type']>(type: T, observer: ContainerObserver<T>): () => void {
    requireType(type)
    if (typeof observer !== 'function') throw new KafkaUsageError(`The observer of '${type}' must be a function.`)
    // An own function per subscription, so that one observer may be added twice and removed once. The lists are replaced, not
    // changed: an observer may add and remove others.
    const subscription = (event: never): unknown => observer(event)
    this.#observers.set(type, [...(this.#observers.get(type) ?? []), subscription])
    return () => {
      this.#observers.set(
        type,
        (this.#observers.get(type) ?? []).filter((each) => each !== subscription),
      )
    }
  }

  /** An event that an observer causes reaches everybody after the one that is being told. */
  publish(event: ContainerEvent): void {
    this.#untold.push(event)
    if (this.#untold.length > 1) return
    for (let next: ContainerEvent | undefined = event; next !== undefined; next = this.#untold[0]) {
      this.#tellAll(next)
      this.#untold.shift()
    }
  }

  #tellAll(event: ContainerEvent): void {
    for (const observer of this.#observers.get(event.type) ?? []) this.#tell(event, () => observer(event as never))
    for (const publisher of this.#publishers) this.#tell(event, () => publisher.publish(event))
  }

  #tell(event: ContainerEvent, call: () => unknown): void {
    try {
      const outcome = call()
      if (outcome instanceof Promise) outcome.catch((error: unknown) => this.#report(event, error))
    } catch (error) {
      this.#report(event, error)
    }
  }

  #report(event: ContainerEvent, error: unknown): void {
    try {
      this.logger.error(
        { err: error, event: event.type, containerId: event.containerId, clientId: event.clientId },
        `An observer of '${event.type}' failed. The container is not affected; mend the observer.`,
      )
    } catch {
      // With a logger that throws there is nobody left to tell; later events still reach their observers.
    }
  }
}

function requireType(type: unknown): void {
  const types = Object.keys(eventTypes)
  if (typeof type === 'string' && Object.hasOwn(eventTypes, type)) return
  const nearest = nearestName(String(type).replace(/Event$/, ''), types)
  throw new KafkaUsageError(
    `'${String(type)}' is not the type of an event${nearest === undefined ? '.' : `; did you mean '${nearest}'?`} Known are: ${types.join(', ')}.`,
  )
}

import type { ShareConsumer } from '@milena/client'
import { SeededRandom, VirtualClock, type Logger, type LogLevel } from '@milena/protocol/runtime'
import {
  ShareMessageListenerContainer,
  type ContainerEvent,
  type ContainerProperties,
  type ContainerRuntime,
  type ShareListener,
} from '../src/index.js'
import { FakeConsumerFactory, type FakeConsumer, type FakeEngine, type TestRecord } from './fake-engine.js'

/** One log line. */
export interface LogLine {
  readonly level: LogLevel
  readonly message: string
  readonly facts: Record<string, unknown>
}

/** A logger that keeps its lines. */
export class KeptLog {
  readonly lines: LogLine[] = []

  at(level: LogLevel): LogLine[] {
    return this.lines.filter((line) => line.level === level)
  }

  logger(bindings: object = {}): Logger {
    const method = (level: LogLevel) => (facts: object, message: string) =>
      void this.lines.push({ level, message, facts: { ...bindings, ...facts } })
    return {
      trace: method('trace'),
      debug: method('debug'),
      info: method('info'),
      warn: method('warn'),
      error: method('error'),
      child: (more) => this.logger({ ...bindings, ...more }),
    }
  }
}

export interface HarnessOptions {
  readonly properties?: ContainerProperties
  readonly listener?: ShareListener<string, unknown>
  readonly acknowledging?: boolean
  readonly takesSignal?: boolean
  readonly groupId?: string | undefined
}

/** A container over fake consumers, in virtual time, with its log and all its events kept. */
export class ContainerHarness {
  readonly clock = new VirtualClock()
  readonly log = new KeptLog()
  readonly events: ContainerEvent[] = []
  readonly factory: FakeConsumerFactory
  readonly runtime: ContainerRuntime<string, unknown>
  readonly container: ShareMessageListenerContainer<string, unknown>

  constructor({
    properties = {},
    listener = () => undefined,
    acknowledging = false,
    takesSignal,
    ...rest
  }: HarnessOptions = {}) {
    this.factory = new FakeConsumerFactory(this.clock, 'groupId' in rest ? rest.groupId : 'workers')
    this.runtime = {
      clock: this.clock,
      random: new SeededRandom(1),
      engineOf: (consumer: ShareConsumer<string, unknown>) => (consumer as unknown as FakeConsumer).engine,
    }
    this.container = new ShareMessageListenerContainer<string, unknown>(
      this.factory,
      { id: 'orders', topics: 'orders', ...properties },
      {
        logger: this.log.logger(),
        runtime: this.runtime,
        eventPublisher: { publish: (event) => this.events.push(event) },
      },
    )
    this.container.setupMessageListener(listener, { acknowledging, takesSignal })
  }

  /** The engine of the nth consumer made. */
  engine(index = 0): FakeEngine {
    return this.factory.at(index).engine
  }

  /** The types of the events so far, each with its member's number: `consumerStarted 0`. */
  get story(): string[] {
    return this.events.map((event) => `${event.type} ${event.clientId.slice(event.clientId.lastIndexOf('-') + 1)}`)
  }

  /** Lets everything that can happen now happen. */
  settle(): Promise<void> {
    return this.clock.advance(0)
  }

  /** Starts, feeds the first member, and lets the listener work. */
  async run(count: number): Promise<TestRecord[]> {
    await this.container.start()
    const records = this.engine().feedMany(count)
    await this.settle()
    return records
  }
}

/** A promise with its handles outside. */
export function deferred<T = void>(): {
  promise: Promise<T>
  resolve: (value: T | PromiseLike<T>) => void
  reject: (error: unknown) => void
} {
  let resolve: (value: T | PromiseLike<T>) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** The outcome of a promise that should be settled by now. */
export async function outcomeOf(
  promise: Promise<unknown>,
): Promise<'pending' | 'resolved' | { readonly rejected: unknown }> {
  const pending = Symbol('pending')
  try {
    const first = await Promise.race([promise, new Promise((resolve) => setImmediate(resolve, pending))])
    return first === pending ? 'pending' : 'resolved'
  } catch (error) {
    return { rejected: error }
  }
}

import type { AcknowledgeType, ConsumerRecord, ShareConsumer } from '@milena/client'
import type { TakenBatch } from '@milena/client/internal'
import type { ContainerRuntime, ShareConsumerFactory, ShareConsumerRequest } from '@milena/container'
import { KafkaError } from '@milena/protocol'
import type { LogLevel, Logger } from '@milena/protocol/runtime'

type AnyRecord = ConsumerRecord<unknown, unknown>
type Engine = ReturnType<NonNullable<ContainerRuntime<unknown, unknown>['engineOf']>>

/** One member: hands out what a test feeds it, and keeps the answers. */
class FakeMember {
  readonly answers: string[] = []
  closed = false
  subscribed: readonly string[] = []
  readonly #queue: AnyRecord[] = []
  readonly #answered = new Set<object>()
  #wake: (() => void) | undefined

  constructor(
    readonly request: ShareConsumerRequest,
    private readonly join: () => Promise<void>,
  ) {}

  feed(...records: AnyRecord[]): void {
    this.#queue.push(...records)
    this.#wake?.()
  }

  /** The part of ShareConsumer that a container and a listener see. */
  readonly consumer = {
    memberId: 'fake',
    subscribe: (topics: readonly string[]) => {
      this.subscribed = topics
    },
    close: () => {
      this.closed = true
      return Promise.resolve()
    },
    metrics: () => ({}),
  } as unknown as ShareConsumer<unknown, unknown>

  /** The part of the share engine that a container uses. */
  readonly engine = {
    counters: { snapshot: () => ({}) },
    bufferedRecords: 0,
    endFetching: () => Promise.resolve(),
    pause: () => undefined,
    resume: () => undefined,
    isMember: true,
    take: async ({ signal }: { signal?: AbortSignal } = {}): Promise<TakenBatch<unknown, unknown>> => {
      while (this.#queue.length === 0) {
        if (signal?.aborted === true) throw new KafkaError('aborted', { code: 'ABORTED' })
        await new Promise<void>((resolve) => {
          this.#wake = resolve
          signal?.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      return { records: this.#queue.splice(0), failures: [], spans: [] }
    },
    settle: (record: AnyRecord, type: AcknowledgeType) => {
      this.#answered.add(record)
      this.answers.push(`${type} ${record.offset}`)
      return true
    },
    holds: (record: object) => !this.#answered.has(record),
    releaseRest: () => this.#queue.splice(0).length,
    whenSettled: () => Promise.resolve(),
    whenJoined: () => this.join(),
    onVerdict: () => () => undefined,
    onLost: () => () => undefined,
    onStood: () => () => undefined,
    onFailure: () => () => undefined,
    wishes: { maxInFlight: undefined, maxLockExtensionMs: 300_000 },
    keepLocks: () => undefined,
    giveUp: () => undefined,
    outstanding: 0,
  } as unknown as Engine
}

/** Stands in for a cluster: makes the members of every container, and lets a test feed them. */
export class FakeKafka implements ShareConsumerFactory<unknown, unknown> {
  readonly members: FakeMember[] = []
  /** Called before a member is made; may throw. */
  beforeMember: (request: ShareConsumerRequest) => void = () => undefined
  /** How a member joins its group. */
  join: () => Promise<void> = () => Promise.resolve()
  #offset = 0

  readonly groupId: string | undefined

  constructor(options: { readonly groupId: string | undefined } = { groupId: 'fake-group' }) {
    this.groupId = options.groupId
  }

  /** What a container factory of kafkaModule takes to run on this. */
  readonly factory = {
    consumerFactory: this as ShareConsumerFactory<unknown, unknown>,
    runtime: {
      engineOf: (consumer: ShareConsumer<unknown, unknown>): Engine => {
        const member = this.members.find((each) => each.consumer === consumer)
        if (member === undefined) throw new Error('no such consumer was made')
        return member.engine
      },
    } satisfies ContainerRuntime<unknown, unknown>,
  }

  createShareConsumer(request: ShareConsumerRequest): ShareConsumer<unknown, unknown> {
    this.beforeMember(request)
    const member = new FakeMember(request, () => this.join())
    this.members.push(member)
    return member.consumer
  }

  addListener(): void {}

  removeListener(): boolean {
    return false
  }

  /** Brings a record to every member that subscribed to its topic, and waits until all had a chance to work on it. */
  async bring(topic: string, value: unknown, headers: Record<string, string> = {}): Promise<AnyRecord> {
    const record = {
      topic,
      partition: 0,
      offset: this.#offset++,
      key: null,
      value,
      headers: Object.entries(headers).map(([key, text]) => ({ key, value: Buffer.from(text) })),
      deliveryCount: 1,
      lockExpiresAt: Number.MAX_SAFE_INTEGER,
    } as unknown as AnyRecord
    for (const member of this.members) if (member.subscribed.includes(topic)) member.feed(record)
    await quiet()
    return record
  }

  /** All answers of all members, in the order of the members. */
  get answers(): string[] {
    return this.members.flatMap((member) => member.answers)
  }
}

/** Lets everything happen that needs neither time nor a network. */
export async function quiet(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve))
}

/** A logger that keeps its lines, as `error: text`. */
export function keptLog(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const method = (level: LogLevel) => (_facts: object, message: string) => void lines.push(`${level}: ${message}`)
  const logger: Logger = {
    trace: method('trace'),
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: () => logger,
  }
  return { logger, lines }
}

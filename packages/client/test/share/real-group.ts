import { type Logger, silentLogger, systemClock } from '@milena/protocol/runtime'
import type { TestBroker } from '@milena/tools-test-brokers'
import { expect, vi } from 'vitest'
import {
  Producer,
  ShareConsumer,
  type CommitResult,
  type ConsumerRecord,
  type ProducerOptions,
  type ProducerRecord,
  type ShareConsumerOptions,
} from '../../src/index.js'

type Bytes = Buffer | null
export type Received<V = Bytes> = ConsumerRecord<Bytes, V>

/** What the suites on real brokers do again and again. */
export class RealGroups {
  readonly warnings: string[] = []
  readonly #open: { close(options?: object): Promise<void> }[] = []

  constructor(readonly broker: TestBroker) {}

  consumer<V = Bytes>(groupId: string, options: Partial<ShareConsumerOptions<Bytes, V>> = {}): ShareConsumer<Bytes, V> {
    const logger: Logger = { ...silentLogger, warn: (_, message) => this.warnings.push(message) }
    const made = new ShareConsumer<Bytes, V>({
      bootstrapServers: this.broker.bootstrapServers,
      groupId,
      logger,
      ...options,
    })
    this.#open.push(made)
    return made
  }

  explicit<V = Bytes>(groupId: string, options: Partial<ShareConsumerOptions<Bytes, V>> = {}): ShareConsumer<Bytes, V> {
    return this.consumer(groupId, { acknowledgementMode: 'explicit', ...options })
  }

  /** A consumer that answers its records itself, with a group and a topic of its own, to which the values have been written. */
  async explicitOf(
    values: readonly string[],
    {
      group = {},
      ...options
    }: Partial<ShareConsumerOptions> & { readonly group?: Readonly<Record<string, string>> } = {},
  ): Promise<{ readonly topic: string; readonly groupId: string; readonly consumer: ShareConsumer }> {
    const topic = await this.broker.createTopic()
    const groupId = await this.broker.createGroup(group)
    await this.produce(topic, values)
    const consumer = this.explicit(groupId, options)
    consumer.subscribe([topic])
    return { topic, groupId, consumer }
  }

  /** Writes values to partition 0, or records as they are given. */
  async produce(
    topic: string,
    values: readonly (string | Omit<ProducerRecord<Buffer | string, Buffer | string>, 'topic'>)[],
    options: Partial<ProducerOptions> = {},
  ): Promise<void> {
    const producer = new Producer({ bootstrapServers: this.broker.bootstrapServers, logger: silentLogger, ...options })
    try {
      await Promise.all(
        values.map((value) =>
          producer.send({ topic, partition: 0, ...(typeof value === 'string' ? { value } : value) }),
        ),
      )
    } finally {
      await producer.close()
    }
  }

  /** Waits until the group has so many records left to finish. */
  async untilLag(groupId: string, lag: number): Promise<void> {
    await vi.waitFor(async () => expect(await this.broker.lag(groupId)).toBe(lag), { timeout: 15_000, interval: 50 })
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#open.splice(0).map((each) => each.close({ timeoutMs: 2_000 })))
    this.warnings.length = 0
  }
}

/** Polls until there are so many records, and gives them in the order they came. `each` answers them. */
export async function receive<V>(
  consumer: ShareConsumer<Bytes, V>,
  count: number,
  { limitMs = 20_000, each }: { readonly limitMs?: number; readonly each?: (record: Received<V>) => void } = {},
): Promise<Received<V>[]> {
  const records: Received<V>[] = []
  const until = systemClock.now() + limitMs
  while (records.length < count && systemClock.now() < until) {
    for (const record of await consumer.poll(250)) {
      records.push(record)
      each?.(record)
    }
  }
  return records
}

export async function receiveFirst<V>(consumer: ShareConsumer<Bytes, V>): Promise<Received<V>> {
  const [record] = await receive(consumer, 1)
  if (record === undefined) throw new Error('nothing came')
  return record
}

/** What comes within a while; nothing is expected. */
export async function receiveFor<V>(
  consumer: ShareConsumer<Bytes, V>,
  ms: number,
  each?: (record: Received<V>) => void,
): Promise<Received<V>[]> {
  return receive(consumer, Infinity, { limitMs: ms, ...(each === undefined ? {} : { each }) })
}

export function texts(records: readonly { readonly value: unknown }[]): string[] {
  return records.map(({ value }) => String(value))
}

export function results(commit: CommitResult): Record<number, string> {
  return Object.fromEntries([...commit].map(([{ partition }, error]) => [partition, error?.code ?? 'ok']))
}

export function numbered(count: number, prefix = 'v'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`)
}

import { Producer, string, type ShareConsumerOptions } from '@milena/client'
import type { TestBroker } from '@milena/tools-test-brokers'
import { expect, vi } from 'vitest'
import {
  DefaultShareConsumerFactory,
  ShareMessageListenerContainer,
  type ContainerEvent,
  type ContainerProperties,
  type ShareListener,
} from '../src/index.js'
import { KeptLog } from './container-harness.js'

export type Listener = ShareListener<string | null, string | null>
export type Container = ShareMessageListenerContainer<string | null, string | null>

/** A container on a real group, with its events and log kept; stopped after the test. */
export interface Run {
  readonly container: Container
  readonly events: ContainerEvent[]
  readonly log: KeptLog
}

const open: Container[] = []

/** Stops every container made here; for afterEach. */
export async function stopContainers(): Promise<void> {
  await Promise.all(open.splice(0).map((container) => container.stop({ timeoutMs: 2_000 })))
}

export function containerOn(
  broker: Pick<TestBroker, 'bootstrapServers'>,
  properties: ContainerProperties,
  listener: Listener,
  client: Partial<ShareConsumerOptions<string | null, string | null>> = {},
): Run {
  const log = new KeptLog()
  const events: ContainerEvent[] = []
  const factory = new DefaultShareConsumerFactory<string | null, string | null>({
    bootstrapServers: broker.bootstrapServers,
    keyDeserializer: string(),
    valueDeserializer: string(),
    logger: log.logger(),
    ...client,
  })
  const container = new ShareMessageListenerContainer(factory, properties, {
    eventPublisher: { publish: (event) => events.push(event) },
  })
  container.setupMessageListener(listener)
  open.push(container)
  return { container, events, log }
}

/** Sends values to partition 0 of a topic, in order. */
export async function produce(broker: TestBroker, topic: string, values: readonly (string | Buffer)[]): Promise<void> {
  const producer = new Producer({ bootstrapServers: broker.bootstrapServers })
  try {
    await Promise.all(values.map((value) => producer.send({ topic, partition: 0, value })))
  } finally {
    await producer.close()
  }
}

export function numbered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `v${from + index}`)
}

/** Waits until the group has finished everything. */
export async function untilLagIsZero(broker: TestBroker, groupId: string): Promise<void> {
  await vi.waitFor(async () => expect(await broker.lag(groupId)).toBe(0), { timeout: 15_000, interval: 50 })
}

import type { ShareConsumerOptions } from '@milena/client'
import type { TestBroker } from '@milena/tools-test-brokers'
import { expect, vi } from 'vitest'
import type { BrokerCounts, ContainerProperties, MemberMetrics } from '../../src/index.js'
import { deferred } from '../container-harness.js'
import { containerOn, produce, type Container, type Listener, type Run } from '../container-on-brokers.js'

/** A topic and a group of a test's own, which reads from the topic's beginning. */
export interface Place {
  readonly topic: string
  readonly groupId: string
}

/** A container on a place. Its topics and group are those of the place; the rest is as given. */
export type Runner = (
  properties: ContainerProperties,
  listener: Listener,
  client?: Partial<ShareConsumerOptions<string | null, string | null>>,
) => Promise<Run>

export async function placeOn(broker: TestBroker, group: Readonly<Record<string, string>> = {}): Promise<Place> {
  const [topic, groupId] = await Promise.all([broker.createTopic(), broker.createGroup(group)])
  return { topic, groupId }
}

/** Starts containers there. */
export function runnerOn(broker: TestBroker, { topic, groupId }: Place): Runner {
  return async (properties, listener, client) => {
    const run = containerOn(broker, { topics: topic, groupId, ...properties }, listener, client)
    await run.container.start()
    return run
  }
}

/** What the brokers confirmed to all members of a container together. */
export function confirmedTo(container: Container): BrokerCounts {
  return sumOf([...container.metrics().values()].map(({ broker }) => broker))
}

/** What all members of a container counted together. */
export function countedBy(container: Container, name: Exclude<keyof MemberMetrics, 'broker'>): number {
  return [...container.metrics().values()].reduce((sum, member) => sum + member[name], 0)
}

function sumOf(all: readonly BrokerCounts[]): BrokerCounts {
  const [first, ...others] = all
  if (first === undefined) throw new Error('the container has no members')
  const names = Object.keys(first) as (keyof BrokerCounts)[]
  return Object.fromEntries(
    names.map((name) => [name, others.reduce((sum, counts) => sum + counts[name], first[name])]),
  ) as unknown as BrokerCounts
}

/** Waits until the brokers have confirmed so much. */
export async function untilConfirmed(container: Container, counts: Partial<BrokerCounts>): Promise<void> {
  await eventually(() => expect(confirmedTo(container)).toMatchObject(counts))
}

/** Waits until the group has finished all but so many records. */
export async function untilLagIs(broker: TestBroker, groupId: string, lag: number): Promise<void> {
  await eventually(async () => expect(await broker.lag(groupId)).toBe(lag))
}

/** Waits until it does not throw any more. */
export async function eventually(holds: () => unknown): Promise<void> {
  await vi.waitFor(holds, { timeout: 15_000, interval: 10 })
}

/**
 * Lets so much time pass as another container needs to join, to fetch a record that is produced now, and to be confirmed: what was
 * to be delivered before has been delivered then.
 */
export async function whileAnotherContainerWorks(broker: TestBroker): Promise<void> {
  const place = await placeOn(broker)
  const told = deferred()
  const { container } = await runnerOn(broker, place)({ id: 'witness' }, () => told.resolve())
  await produce(broker, place.topic, ['witness'])
  await told.promise
  await untilConfirmed(container, { accepted: 1 })
  await container.stop()
}

import { Producer, string } from '@milena/client'
import { describeOnClusters, type TestCluster } from '@milena/tools-test-brokers'
import { expect, it, vi } from 'vitest'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer, type ContainerEvent } from '../src/index.js'
import { KeptLog } from './container-harness.js'

async function produce(cluster: TestCluster, topic: string, values: readonly string[]): Promise<void> {
  const producer = new Producer({ bootstrapServers: cluster.bootstrapServers })
  await Promise.all(values.map((value) => producer.send({ topic, partition: 0, value })))
  await producer.close()
}

/** A container that keeps the values it was given, and its events. */
function watcher(cluster: TestCluster, properties: { readonly topics: string; readonly groupId: string }) {
  const seen: (string | null)[] = []
  const events: ContainerEvent[] = []
  const container = new ShareMessageListenerContainer(
    new DefaultShareConsumerFactory<Buffer | null, string | null>({
      bootstrapServers: cluster.bootstrapServers,
      valueDeserializer: string(),
      logger: new KeptLog().logger(),
    }),
    properties,
    { eventPublisher: { publish: (event) => events.push(event) } },
  )
  container.setupMessageListener(({ value }) => void seen.push(value))
  return { container, seen, events }
}

describeOnClusters('A broker that goes away', {}, (cluster) => {
  it('and comes back: the container goes on by itself; while it is away, stop() keeps its bound', async () => {
    const [node] = cluster.brokers
    const topic = await cluster.createTopic()
    const groupId = await cluster.createGroup()
    await produce(cluster, topic, ['before'])
    const { container, seen, events } = watcher(cluster, { topics: topic, groupId })
    await container.start()
    await vi.waitFor(() => expect(seen).toContain('before'), { timeout: 10_000 })

    await node?.kill()
    expect(container.state).toBe('running')
    await node?.restart()
    await produce(cluster, topic, ['after'])
    await vi.waitFor(() => expect(seen).toContain('after'), { timeout: 30_000 })
    expect(container.state).toBe('running')

    await node?.kill()
    const asked = performance.now()
    await container.stop({ timeoutMs: 2_000 })
    expect(performance.now() - asked).toBeLessThan(3_500)
    expect(container.state).toBe('stopped')
    expect(events.at(-1)).toMatchObject({ type: 'consumerStopped', reason: 'NORMAL' })
  }, 120_000)
})

describeOnClusters('A leader that dies', { brokers: 3 }, (cluster) => {
  it('leaves the container to go on with the next one: everything arrives, and the lag goes to 0', async () => {
    const topic = await cluster.createTopic()
    const groupId = await cluster.createGroup()
    const values = Array.from({ length: 60 }, (_, index) => `v${index}`)
    await produce(cluster, topic, values.slice(0, 30))
    const { container, seen } = watcher(cluster, { topics: topic, groupId })
    await container.start()
    await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(30), { timeout: 10_000 })

    const [described] = await cluster.admin.describeTopics([topic])
    const leaderId = described?.partitions[0]?.leaderId
    const leader = cluster.brokers.find(({ nodeId }) => nodeId === leaderId)
    if (leader === undefined) throw new Error(`nobody leads: ${leaderId}`)
    await leader.kill()
    await produce(cluster, topic, values.slice(30))
    await vi.waitFor(() => expect(new Set(seen)).toEqual(new Set(values)), { timeout: 60_000 })
    await vi.waitFor(async () => expect(await cluster.lag(groupId)).toBe(0), { timeout: 60_000 })
    expect(container.state).toBe('running')

    await leader.restart()
    await produce(cluster, topic, ['with all three again'])
    await vi.waitFor(() => expect(seen).toContain('with all three again'), { timeout: 30_000 })
    await container.stop({ timeoutMs: 2_000 })
  }, 180_000)
})

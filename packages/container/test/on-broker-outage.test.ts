import { Admin, Producer, string } from '@milena/client'
import { startKafkaCluster, type KafkaCluster } from '@milena/tools-kafka'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer, type ContainerEvent } from '../src/index.js'
import { KeptLog } from './container-harness.js'

describeOnBrokers(
  'A broker that goes away',
  (shared) => {
    // A cluster of its own: the shared one must not be killed.
    let cluster: KafkaCluster | undefined
    beforeAll(async () => {
      cluster = await startKafkaCluster({ brokers: 1 })
    }, 120_000)
    afterAll(async () => {
      await cluster?.stop()
    })

    function running(): KafkaCluster {
      if (cluster === undefined) throw new Error('the cluster did not start')
      return cluster
    }

    async function produce(topic: string, values: readonly string[]): Promise<void> {
      const producer = new Producer({ bootstrapServers: running().bootstrapServers })
      await Promise.all(values.map((value) => producer.send({ topic, partition: 0, value })))
      await producer.close()
    }

    it('and comes back: the container goes on by itself; while it is away, stop() keeps its bound', async () => {
      const { bootstrapServers, brokers } = running()
      const [node] = brokers
      const [topic, groupId] = [shared.uniqueName('topic'), shared.uniqueName('group')]
      const admin = new Admin({ bootstrapServers })
      await admin.createTopics([{ name: topic, numPartitions: 1 }])
      await admin.alterGroupConfigs(groupId, { 'share.auto.offset.reset': 'earliest' })
      await admin.close()
      await produce(topic, ['before'])

      const seen: (string | null)[] = []
      const events: ContainerEvent[] = []
      const container = new ShareMessageListenerContainer(
        new DefaultShareConsumerFactory<Buffer | null, string | null>({
          bootstrapServers,
          valueDeserializer: string(),
          logger: new KeptLog().logger(),
        }),
        { topics: topic, groupId },
        { eventPublisher: { publish: (event) => events.push(event) } },
      )
      container.setupMessageListener(({ value }) => void seen.push(value))
      await container.start()
      await vi.waitFor(() => expect(seen).toContain('before'), { timeout: 10_000 })

      await node?.kill('SIGKILL')
      expect(container.state).toBe('running')
      await node?.restart()
      await produce(topic, ['after'])
      await vi.waitFor(() => expect(seen).toContain('after'), { timeout: 30_000 })
      expect(container.state).toBe('running')

      await node?.kill('SIGKILL')
      const asked = performance.now()
      await container.stop({ timeoutMs: 2_000 })
      expect(performance.now() - asked).toBeLessThan(3_500)
      expect(container.state).toBe('stopped')
      expect(events.at(-1)).toMatchObject({ type: 'consumerStopped', reason: 'NORMAL' })
    }, 120_000)
  },
  { on: ['kafka'] },
)

import { ShareConsumer } from '@milena/client'
import { KafkaUnsupportedVersionError } from '@milena/protocol'
import { describeOnClusters } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer, type ContainerEvent } from '../src/index.js'
import { KeptLog } from './container-harness.js'

const inSeconds = 5_000

describeOnClusters(
  'A cluster with share groups switched off (share.version 0)',
  { features: { 'share.version': 0 } },
  (cluster) => {
    const remedy = () =>
      `kafka-features.sh --bootstrap-server ${cluster.bootstrapServers} upgrade --feature share.version=1`

    it('ends the poll of a share consumer in one error with the command that switches them on, and close() is quick', async () => {
      const log = new KeptLog()
      const consumer = new ShareConsumer({
        bootstrapServers: cluster.bootstrapServers,
        groupId: 'workers',
        logger: log.logger(),
      })
      consumer.subscribe(['orders'])
      const began = performance.now()
      const error = await consumer.poll(30_000).catch((reason: unknown) => reason)
      expect(error).toSatisfy(KafkaUnsupportedVersionError.is)
      expect((error as Error).message).toContain(remedy())
      await expect(consumer.poll(30_000)).rejects.toBe(error)
      await consumer.close()
      expect(performance.now() - began).toBeLessThan(inSeconds)
      expect(log.at('error')).toEqual([])
    })

    it('fails the start of a container with that error and one event', async () => {
      const events: ContainerEvent[] = []
      const log = new KeptLog()
      const container = new ShareMessageListenerContainer(
        new DefaultShareConsumerFactory({ bootstrapServers: cluster.bootstrapServers, logger: log.logger() }),
        { topics: 'orders', groupId: 'workers', concurrency: 2 },
        { eventPublisher: { publish: (event) => events.push(event) } },
      )
      container.setupMessageListener(() => undefined)
      const began = performance.now()
      const error = await container.start().catch((reason: unknown) => reason)
      expect(performance.now() - began).toBeLessThan(inSeconds)
      expect(error).toSatisfy(KafkaUnsupportedVersionError.is)
      expect((error as Error).message).toContain(remedy())
      expect(container.state).toBe('failed')
      const failures = events.filter(({ type }) => type === 'consumerFailedToStart')
      expect(failures).toEqual([expect.objectContaining({ cause: error })])
      expect(log.at('error')).toHaveLength(1)
    })
  },
)

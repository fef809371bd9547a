import { ShareConsumer } from '@milena/client'
import { KafkaUnsupportedVersionError } from '@milena/protocol'
import { startKafkaCluster, type KafkaCluster } from '@milena/tools-kafka'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer, type ContainerEvent } from '../src/index.js'
import { KeptLog } from './container-harness.js'

const inSeconds = 5_000

describeOnBrokers(
  'A cluster with share groups switched off (share.version 0)',
  () => {
    let cluster: KafkaCluster | undefined
    let remedy = ''
    beforeAll(async () => {
      cluster = await startKafkaCluster({ features: { 'share.version': 0 } })
      remedy = `kafka-features.sh --bootstrap-server ${cluster.bootstrapServers} upgrade --feature share.version=1`
    }, 120_000)
    afterAll(async () => {
      await cluster?.stop()
    })

    function bootstrapServers(): string {
      if (cluster === undefined) throw new Error('the cluster did not start')
      return cluster.bootstrapServers
    }

    it('ends the poll of a share consumer in one error with the command that switches them on, and close() is quick', async () => {
      const log = new KeptLog()
      const consumer = new ShareConsumer({
        bootstrapServers: bootstrapServers(),
        groupId: 'workers',
        logger: log.logger(),
      })
      consumer.subscribe(['orders'])
      const began = performance.now()
      const error = await consumer.poll(30_000).catch((reason: unknown) => reason)
      expect(error).toSatisfy(KafkaUnsupportedVersionError.is)
      expect((error as Error).message).toContain(remedy)
      await expect(consumer.poll(30_000)).rejects.toBe(error)
      await consumer.close()
      expect(performance.now() - began).toBeLessThan(inSeconds)
      expect(log.at('error')).toEqual([])
    })

    it('fails the start of a container with that error and one event', async () => {
      const events: ContainerEvent[] = []
      const log = new KeptLog()
      const container = new ShareMessageListenerContainer(
        new DefaultShareConsumerFactory({ bootstrapServers: bootstrapServers(), logger: log.logger() }),
        { topics: 'orders', groupId: 'workers', concurrency: 2 },
        { eventPublisher: { publish: (event) => events.push(event) } },
      )
      container.setupMessageListener(() => undefined)
      const began = performance.now()
      const error = await container.start().catch((reason: unknown) => reason)
      expect(performance.now() - began).toBeLessThan(inSeconds)
      expect(error).toSatisfy(KafkaUnsupportedVersionError.is)
      expect((error as Error).message).toContain(remedy)
      expect(container.state).toBe('failed')
      const failures = events.filter(({ type }) => type === 'consumerFailedToStart')
      expect(failures).toEqual([expect.objectContaining({ cause: error })])
      expect(log.at('error')).toHaveLength(1)
    })
  },
  { on: ['kafka'] },
)

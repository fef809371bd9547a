import { Metadata, type KafkaError, type ResponseInput } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig } from '../../src/config/client-config.js'
import { PartitionRouter } from '../../src/share/partition-router.js'
import { SharePartitions } from '../../src/share/share-partition.js'
import { ScriptedNetwork } from '../scripted-network.js'

const clock = new VirtualClock()
let context: KafkaClientContext
let router: PartitionRouter
let leader: { readonly nodeId: number; readonly epoch: number }
/** Who is asked for records. */
let fetchedFrom: number[]
let failures: KafkaError[]
/** So many of the next Metadata requests are refused for what does not pass. */
let refusals: number

beforeEach(async () => {
  const network = new ScriptedNetwork()
  leader = { nodeId: 1, epoch: 1 }
  fetchedFrom = []
  failures = []
  refusals = 0
  const nodes = [1, 2].map((nodeId) => network.add(nodeId))
  for (const node of nodes) node.on(Metadata, () => answer())
  context = KafkaClientContext.create(
    resolveClientConfig({
      bootstrapServers: 'broker-1:9092',
      logger: silentLogger,
      runtime: { clock, random: new SeededRandom(1), transport: network },
    }),
  )
  router = new PartitionRouter(context, new SharePartitions(), {
    routed: (byNode) => (fetchedFrom = [...byNode.keys()]),
    topicsAppeared: () => undefined,
    failed: (error) => failures.push(error),
  })
  router.subscribe(['orders'])
  router.joined()
  await clock.advance(100)
  expect(fetchedFrom).toEqual([1])
})

afterEach(async () => {
  router.close()
  await context.release()
  expect(clock.pendingTimers).toBe(0)
})

function answer(): ResponseInput<typeof Metadata> {
  const partition = { errorCode: 0, partitionIndex: 0, leaderId: leader.nodeId, leaderEpoch: leader.epoch }
  return {
    throttleTimeMs: 0,
    errorCode: refusals-- > 0 ? 31 : 0,
    clusterId: 'scripted',
    controllerId: 1,
    brokers: [1, 2].map((nodeId) => ({ nodeId, host: `broker-${nodeId}`, port: 9092 })),
    topics: [
      {
        errorCode: 0,
        name: 'orders',
        topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
        partitions: [{ ...partition, replicaNodes: [1, 2], isrNodes: [1, 2], offlineReplicas: [] }],
      },
    ],
  }
}

it('a refresh that failed is told, and tried again until the leader that was looked for is found', async () => {
  leader = { nodeId: 2, epoch: 2 }
  refusals = 2
  router.refresh()
  await clock.advance(0)
  expect(failures).toMatchObject([{ code: 'CLUSTER_AUTHORIZATION_FAILED' }])
  expect(fetchedFrom).toEqual([1])
  await clock.advance(2_000)
  expect(failures).toHaveLength(2)
  expect(fetchedFrom).toEqual([2])
})

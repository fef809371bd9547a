import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Backoff } from '../../src/cluster/backoff.js'
import { ClusterMetadata } from '../../src/cluster/metadata.js'
import { routeAssigned, routeEagerly, stillSubscribed, type Routing } from '../../src/share/routing.js'
import { SharePartitions } from '../../src/share/share-partition.js'

const ids: Record<string, string> = { orders: 'AAAAAAAAAAAAAAAAAAAAAQ', payments: 'AAAAAAAAAAAAAAAAAAAAAg' }
let leaders: Record<string, number[]>
let metadata: ClusterMetadata
let partitions: SharePartitions

beforeEach(() => {
  leaders = {}
  partitions = new SharePartitions()
  const clock = new VirtualClock()
  metadata = new ClusterMetadata({
    clock,
    logger: silentLogger,
    metadataMaxAgeMs: 1e9,
    metadataTopicCacheTtlMs: null,
    allowAutoCreateTopics: false,
    backoff: new Backoff({ clock, random: new SeededRandom(1), initialMs: 100, maxMs: 1_000 }),
    fetch: async ({ topics }) => ({
      throttleTimeMs: 0,
      errorCode: 0,
      clusterId: 'c',
      controllerId: 1,
      clusterAuthorizedOperations: 0,
      brokers: [1, 2, 3].map((nodeId) => ({ nodeId, host: 'h', port: nodeId, rack: null })),
      topics: (topics ?? []).flatMap(({ name }) => {
        const led = typeof name === 'string' ? leaders[name] : undefined
        if (typeof name !== 'string' || led === undefined) return []
        return [
          {
            errorCode: 0,
            name,
            topicId: ids[name] ?? '',
            isInternal: false,
            topicAuthorizedOperations: 0,
            partitions: led.map((leaderId, partitionIndex) => ({
              errorCode: 0,
              partitionIndex,
              leaderId,
              leaderEpoch: 1,
              replicaNodes: [],
              isrNodes: [],
              offlineReplicas: [],
            })),
          },
        ]
      }),
    }),
  })
})

async function know(topics: Record<string, number[]>): Promise<void> {
  leaders = topics
  await metadata.refresh({ topics: Object.keys(topics) })
}

/** By leader: the partitions fetched from it. */
function plain({ byNode, incomplete }: Routing): object {
  return {
    incomplete,
    ...Object.fromEntries(
      [...byNode].map(([nodeId, set]) => [nodeId, [...set].map(({ topic, partition }) => `${topic}-${partition}`)]),
    ),
  }
}

describe('the partitions to fetch', () => {
  it('are those assigned, each from its leader', async () => {
    await know({ orders: [1, 2, 1], payments: [3] })
    const assigned = [
      { topicId: ids['orders'] ?? '', partitions: [0, 1] },
      { topicId: ids['payments'] ?? '', partitions: [0] },
    ]
    expect(plain(routeAssigned(assigned, metadata, partitions))).toEqual({
      incomplete: false,
      1: ['orders-0'],
      2: ['orders-1'],
      3: ['payments-0'],
    })
  })

  it('are not those of a topic that is not subscribed to any more', async () => {
    await know({ orders: [1], payments: [3] })
    const orders = { topicId: ids['orders'] ?? '', partitions: [0] }
    const payments = { topicId: ids['payments'] ?? '', partitions: [0] }
    const unknown = { topicId: 'AAAAAAAAAAAAAAAAAAAAAw', partitions: [0] }
    expect(stillSubscribed([orders, payments, unknown], ['payments'], metadata)).toEqual([payments, unknown])
  })

  it('are incomplete while a topic has no name or a partition no leader', async () => {
    await know({ orders: [1, -1] })
    const orders = { topicId: ids['orders'] ?? '', partitions: [0, 1] }
    expect(plain(routeAssigned([orders], metadata, partitions))).toEqual({ incomplete: true, 1: ['orders-0'] })
    expect(
      plain(
        routeAssigned(
          [
            { ...orders, partitions: [0] },
            { topicId: ids['payments'] ?? '', partitions: [0] },
          ],
          metadata,
          partitions,
        ),
      ),
    ).toEqual({
      incomplete: true,
      1: ['orders-0'],
    })
    // An assignment may know more partitions than the metadata that came before.
    expect(plain(routeAssigned([{ ...orders, partitions: [0, 7] }], metadata, partitions))).toEqual({
      incomplete: true,
      1: ['orders-0'],
    })
  })

  it('are all of the subscribed topics before there is an assignment', async () => {
    await know({ orders: [1, 2], payments: [2] })
    expect(plain(routeEagerly(['orders', 'payments'], metadata, partitions))).toEqual({
      incomplete: false,
      1: ['orders-0'],
      2: ['orders-1', 'payments-0'],
    })
    expect(plain(routeEagerly(['orders', 'missing'], metadata, partitions))).toEqual({
      incomplete: true,
      1: ['orders-0'],
      2: ['orders-1'],
    })
  })

  it('are none before there is an assignment when there are very many', async () => {
    await know({ orders: Array.from({ length: 65 }, () => 1) })
    expect(plain(routeEagerly(['orders'], metadata, partitions))).toEqual({ incomplete: false })
    await know({ payments: Array.from({ length: 64 }, () => 1) })
    expect(routeEagerly(['payments'], metadata, partitions).byNode.get(1)?.size).toBe(64)
  })

  it('are the same objects each time', async () => {
    await know({ orders: [1] })
    const [first, second] = [0, 1].map(
      () => [...(routeEagerly(['orders'], metadata, partitions).byNode.get(1) ?? [])][0],
    )
    expect(first).toBeDefined()
    expect(first).toBe(second)
    expect(partitions.find(ids['orders'] ?? '', 0)).toBe(first)
    expect(partitions.find(ids['orders'] ?? '', 1)).toBeUndefined()
  })
})

import { DeleteTopics, ZERO_UUID } from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { buildCluster } from '../../../src/build-cluster.js'
import { resolveOptions } from '../../../src/embedded-broker-options.js'
import { PersistedState } from '../../../src/share/state/persisted-batches.js'
import { appendRecords, readRecords } from '../../../src/stored-records.js'
import { ShareWorld } from './share-world.js'

const worlds: ShareWorld[] = []

afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

/** A group `g` positioned at the start of everything, and a member that holds records 0 to 2 of `a-0`. */
async function holding(options: Parameters<typeof ShareWorld.start>[0] = {}) {
  const world = await ShareWorld.start({ topics: ['a:2', 'b'], ...options })
  worlds.push(world)
  await world.begin('g', { 'a-0': 0, 'a-1': 0, 'b-0': 0 })
  world.produce('a', 3)
  const client = await world.connect()
  await client.fetch('g', 'm', 0, ['a-0'], { wait: 0 })
  const held = () =>
    world.broker
      .inspect()
      .sharePartitions.flatMap(({ topic, partition, records }) =>
        records
          .filter(({ state }) => state === 'ACQUIRED')
          .map(({ firstOffset, lastOffset }) => `${topic}-${partition} ${firstOffset}-${lastOffset}`),
      )
  expect(held()).toEqual(['a-0 0-2'])
  return { world, client, held }
}

describe('What a broker holds as leader of share partitions', () => {
  it('has no timers any more when the broker is killed', async () => {
    const { world, held } = await holding()
    const before = world.clock.pendingTimers
    await world.broker.kill(1)
    expect(held()).toEqual([])
    // That of the lock has gone.
    expect(world.clock.pendingTimers).toBe(before - 1)
  })

  it('lets many fetches wait without a warning of Node, and ends them when the broker is killed', async () => {
    const { world } = await holding()
    const warnings: Error[] = []
    const note = (warning: Error): void => void warnings.push(warning)
    process.on('warning', note)
    const fetches = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const client = await world.connect()
        return { ended: client.fetch('g', `waiting-${i}`, 0, ['b-0'], { wait: 10_000 }).catch(() => 'ended') }
      }),
    )
    await world.broker.until(() => world.broker.inspect().waitingRequests === 20)
    // Warnings are told in the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', note)
    expect(warnings).toEqual([])
    await world.broker.kill(1)
    expect(world.broker.inspect().waitingRequests).toBe(0)
    expect(await Promise.all(fetches.map(({ ended }) => ended))).toEqual(Array.from({ length: 20 }, () => 'ended'))
  })

  it('stays when another topic is deleted', async () => {
    const { world, client, held } = await holding()
    await client.send(DeleteTopics, 6, { topics: [{ name: 'b', topicId: ZERO_UUID }], timeoutMs: 1000 })
    expect(world.broker.inspect().topics.map(({ name }) => name)).toEqual(['a'])
    expect(held()).toEqual(['a-0 0-2'])
  })

  it('stays when the leader of another partition moves, and goes with its own', async () => {
    const { world, held } = await holding({ brokers: 2, topics: ['a:2', 'b'] })
    world.broker.moveLeader({ topic: 'a', partition: 1, to: 1 })
    world.broker.moveLeader({ topic: 'a', partition: 1, to: 2 })
    expect(held()).toEqual(['a-0 0-2'])
    world.broker.moveLeader({ topic: 'a', partition: 0, to: 2 })
    expect(held()).toEqual([])
  })
})

/** A cluster of one broker, from within: topic `a` with three records, and a group `g` that is positioned at its start. */
function withinCluster() {
  const clock = new VirtualClock()
  const cluster = buildCluster(resolveOptions({ network: 'memory', clock }), () => undefined)
  const topic = cluster.topics.create({ name: 'a', numPartitions: 1, replicationFactor: 1 })
  const [node] = cluster.nodes
  if ('errorCode' in topic || node === undefined) throw new Error('A cluster has a broker and makes topics.')
  const [entry] = topic.partitions
  if (entry === undefined) throw new Error('The topic has a partition.')
  appendRecords(cluster, { topic: 'a', partition: 0, records: [{ value: 'x' }, { value: 'y' }, { value: 'z' }] })
  const key = { groupId: 'g', topicId: topic.id, partition: 0 }
  cluster.shareStates.initialize(key, { stateEpoch: 1, startOffset: 0 })
  return { clock, cluster, share: node.share, entry, key }
}

describe('A share partition that no member has subscribed to', () => {
  it('is not kept, whoever asks for it in whatever group', () => {
    const { share, entry, key } = withinCluster()
    expect(share.lead('nobody', key.topicId, entry).share).toBeUndefined()
    expect(share.partition('nobody', key.topicId, 0)).toBeUndefined()
    expect(share.lead('g', key.topicId, entry).share).toBeDefined()
    expect(share.partition('g', key.topicId, 0)).toBeDefined()
  })
})

describe('A leader that takes over', () => {
  it('writes the dead letters that the one before it did not come to', async () => {
    const { clock, cluster, share, entry, key } = withinCluster()
    cluster.topics.create({ name: 'dlq.a', configs: { 'errors.deadletterqueue.group.enable': 'true' } })
    cluster.configs.setGroup('g', { 'errors.deadletterqueue.topic.name': 'dlq.a' })
    const archiving = { firstOffset: 0, lastOffset: 1, state: PersistedState.ARCHIVING, deliveryCount: 1 }
    const write = { stateEpoch: 1, leaderEpoch: 0, startOffset: 0, deliveryCompleteCount: 0, batches: [archiving] }
    expect(cluster.shareStates.write(key, write)).toBe(0)
    const led = share.lead('g', key.topicId, entry)
    await clock.advance(0)
    expect(await readRecords(cluster, { topic: 'dlq.a', partition: 0 })).toHaveLength(2)
    expect(led.share?.startOffset).toBe(2)
  })
})

describe('A share partition whose position is looked for by time', () => {
  it('does not come to life when its leader has lost it meanwhile', async () => {
    const { clock, cluster, share, entry, key } = withinCluster()
    cluster.configs.setGroup('g', { 'share.auto.offset.reset': 'by_duration:PT1H' })
    cluster.shareStates.initialize(key, { stateEpoch: 2, startOffset: -1 })
    const led = share.lead('g', key.topicId, entry)
    expect(led.share).toBeUndefined()
    share.crash()
    const timers = clock.pendingTimers
    await clock.advance(0)
    expect([led.share, led.fault, clock.pendingTimers]).toEqual([undefined, undefined, timers])
    const again = share.lead('g', key.topicId, entry)
    await clock.advance(0)
    expect(again.share?.startOffset).toBe(0)
  })
})

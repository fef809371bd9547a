import { DeleteGroups, DescribeShareGroupOffsets } from '@milena/protocol'
import { expect, it } from 'vitest'
import { given, ShareWorld } from '../leader/share-world.js'

it('A share group that is deleted leaves no positions behind, also for one of the same name', async () => {
  const world = await ShareWorld.start({ topics: ['t'] })
  try {
    const client = await world.connect()
    const startOffset = async () => {
      const topics = [{ topicName: 't', partitions: [0] }]
      const { groups } = await client.send(DescribeShareGroupOffsets, 1, { groups: [{ groupId: 'g', topics }] })
      return groups[0]?.topics[0]?.partitions[0]?.startOffset
    }
    await world.begin('g', { 't-0': 7 })
    expect(await startOffset()).toBe(7)
    const { results } = await client.send(DeleteGroups, 2, { groupsNames: ['g'] })
    expect(results).toMatchObject([{ groupId: 'g', errorCode: 0 }])
    expect(await startOffset()).toBe(-1)
    await world.begin('g', { 't-0': 0 })
    world.produce('t', 1)
    expect(await client.fetch('g', 'm', 0, ['t-0'], { wait: 0 })).toEqual(given({ 't-0': '0-0x1' }))
  } finally {
    await world.broker.stop()
  }
})

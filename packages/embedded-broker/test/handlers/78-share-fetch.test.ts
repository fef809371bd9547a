import { afterEach, describe, expect, it } from 'vitest'
import { ShareWorld } from '../share/share-world.js'

const worlds: ShareWorld[] = []
async function start(options: Parameters<typeof ShareWorld.start>[0] = {}): Promise<ShareWorld> {
  const world = await ShareWorld.start({ topics: ['t:3'], ...options })
  worlds.push(world)
  return world
}
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

describe('a share fetch', () => {
  it('acquires whole batches and tells the lock duration', async () => {
    const world = await start()
    await world.begin('g', { 't-0': 0 })
    world.produce('t', 10)
    const client = await world.connect()
    expect(await client.fetch('g', 'm', 0, ['t-0'], { max: 5 })).toEqual({
      error: 0,
      lockMs: 30_000,
      partitions: { 't-0': '0-9x1' },
    })
  })
})

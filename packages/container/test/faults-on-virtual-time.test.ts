import { describe, expect, it } from 'vitest'
import { PARTITIONS, Storm } from './storm.js'

const STEPS = 80

// Minutes of outages in less than a second each. More of them: SEEDS=1000-1200.
const [from = 1, to = 8] = (process.env['SEEDS'] ?? '1-8').split('-').map(Number)
const seeds = Array.from({ length: to - from + 1 }, (_, index) => from + index)

/** Runs a storm to its end, and tells its story where it did not end well. */
async function weather(seed: number, look: (storm: Storm) => void | Promise<void>): Promise<void> {
  const storm = await Storm.open(seed)
  try {
    await storm.rage(STEPS)
    await storm.calm()
    await look(storm)
    await storm.end()
    expect(storm.broker.inspect()).toMatchObject({ shareSessions: [], waitingRequests: 0 })
    expect(storm.defects).toEqual([])
  } catch (error) {
    throw new Error(`Seed ${seed}: ${storm.story.slice(-40).join('; ')}`, { cause: error })
  }
}

describe('Whatever brokers, connections and containers do', () => {
  it.each(seeds)('every record is written once, in order, and is worked on until it is done (seed %i)', (seed) =>
    weather(seed, async ({ broker, sent, done, deliveries, places }) => {
      const left = sent.filter((value) => !done.has(value))
      expect(left.map((value) => `${value} ${deliveries.get(value)}`)).toEqual([])
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const stored = (await broker.records('orders', { partition })).map(({ value }) => String(value))
        const told = [...(places[partition] ?? [])].toSorted(([a], [b]) => a - b).map(([, value]) => value)
        expect(stored).toEqual(told)
        expect(stored.map(Number)).toEqual(stored.map(Number).toSorted((a, b) => a - b))
      }
    }),
  )

  it('a seed tells the same story each time', async () => {
    const stories: string[] = []
    for (const _ of [1, 2]) {
      await weather(77, ({ broker, story }) => {
        stories.push([...story, ...broker.requests().map(({ at, api, nodeId }) => `${at} ${api} ${nodeId}`)].join('\n'))
      })
    }
    expect(stories[1]).toBe(stories[0])
  })
})

import { describe, expect, it } from 'vitest'
import { describeDifference, firstDifference } from '../src/compare.js'
import { embeddedTarget } from '../src/embedded-target.js'
import { play } from '../src/player.js'
import { makeSequence } from '../src/sequence.js'
import type { Trace, TraceEntry } from '../src/trace.js'

function trace(...entries: TraceEntry[]): Trace {
  return { entries, operations: new Map(), errors: new Map(), invalid: undefined }
}

const locks = { 'group.share.min.record.lock.duration.ms': '1000' }

async function playEmbedded(seed: number, prefix: string): Promise<Trace> {
  const target = await embeddedTarget(locks)
  try {
    return await play(makeSequence(seed, 0, 100), target, prefix)
  } finally {
    await target.close()
  }
}

describe('two plays', () => {
  it('differ from the first answer on that is not the same', () => {
    const same = { step: 0, asked: 'a', said: 1 }
    const difference = firstDifference(
      trace(same, { step: 1, asked: 'b', said: 2 }, { step: 2, asked: 'c', said: 3 }),
      trace(same, { step: 1, asked: 'b', said: 9 }, { step: 2, asked: 'c', said: 8 }),
    )
    expect(difference?.at).toBe(1)
    expect(difference && describeDifference(difference, trace(same), ['kafka', 'embedded'], 5)).toBe(
      'step 0 "a"\n    -> 1\nstep 1 "b"\n  kafka     2\n  embedded  9',
    )
  })

  it('differ where one goes on and the other does not', () => {
    const entry = { step: 0, asked: 'a', said: 1 }
    expect(firstDifference(trace(entry), trace())?.at).toBe(0)
  })

  it('of one sequence on the embedded broker are the same, whatever their topics and groups are called', async () => {
    for (const seed of [1, 2, 3]) {
      const [first, second] = [await playEmbedded(seed, 'first'), await playEmbedded(seed, 'another')]
      expect(first.invalid).toBeUndefined()
      expect(first.entries.length).toBeGreaterThan(100)
      expect(firstDifference(first, second)).toBeUndefined()
    }
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SharePartitions, type TopicIdPartition } from '../../src/share/share-partition.js'
import { epochAfter, ShareSession } from '../../src/share/share-session.js'

const partitions = new SharePartitions()
const of = (index: number): TopicIdPartition => partitions.of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', index)
const indices = (list: Iterable<TopicIdPartition>): number[] =>
  [...list].map(({ partition }) => partition).sort((a, b) => a - b)

function session(...wanted: number[]): ShareSession {
  const made = new ShareSession()
  made.want(new Set(wanted.map(of)))
  return made
}

/** One fetch that succeeded; what it told the broker. */
function fetch(from: ShareSession, named: number[] = []): { epoch: number; added: number[]; forgotten: number[] } {
  const changes = from.changes()
  const { epoch } = from
  from.sentFetch(changes, named.map(of))
  from.advance()
  return { epoch, added: indices(changes.added), forgotten: indices(changes.forgotten) }
}

/** One fetch that was refused before the broker looked at the session; what it told. */
function refused(from: ShareSession, named: number[] = []): { epoch: number; added: number[]; forgotten: number[] } {
  const changes = from.changes()
  from.sentFetch(changes, named.map(of))
  from.notTaken()
  return { epoch: from.epoch, added: indices(changes.added), forgotten: indices(changes.forgotten) }
}

describe('a share session', () => {
  it('opens with epoch 0 and every wanted partition, and then tells changes only', () => {
    const it = session(0, 1)
    expect(it.isOpen).toBe(false)
    expect(fetch(it)).toEqual({ epoch: 0, added: [0, 1], forgotten: [] })
    expect(it.isOpen).toBe(true)
    expect(fetch(it)).toEqual({ epoch: 1, added: [], forgotten: [] })
    it.want(new Set([of(1), of(2)]))
    expect(fetch(it)).toEqual({ epoch: 2, added: [2], forgotten: [0] })
    expect(fetch(it)).toEqual({ epoch: 3, added: [], forgotten: [] })
  })

  it('goes on with epoch 1 behind the largest', () => {
    expect([0, 1, 0x7fff_fffe, 0x7fff_ffff].map(epochAfter)).toEqual([1, 2, 0x7fff_ffff, 1])
  })

  it('forgets a partition that it named only for its acknowledgements', () => {
    const it = session(0)
    fetch(it)
    expect(fetch(it, [3])).toMatchObject({ added: [], forgotten: [] })
    expect(fetch(it)).toMatchObject({ forgotten: [3] })
    expect(fetch(it)).toMatchObject({ forgotten: [] })
  })

  it('forgets a dropped partition once more when its acknowledgements were named after that', () => {
    const it = session(0, 1)
    fetch(it)
    it.want(new Set([of(0)]))
    expect(fetch(it, [1])).toMatchObject({ forgotten: [1] })
    expect(fetch(it)).toMatchObject({ forgotten: [1] })
    expect(fetch(it)).toMatchObject({ forgotten: [] })
  })

  it('tells again what a broker did not take in: partitions to add as well as those to forget', () => {
    const it = session(0, 1)
    fetch(it)
    it.want(new Set([of(1), of(2)]))
    expect(refused(it, [3])).toEqual({ epoch: 1, added: [2], forgotten: [0] })
    expect(it.has(of(3))).toBe(false)
    expect(fetch(it)).toEqual({ epoch: 1, added: [2], forgotten: [0] })
    expect(fetch(it)).toEqual({ epoch: 2, added: [], forgotten: [] })
  })

  it('begins again with everything after a reset', () => {
    const it = session(0, 1)
    fetch(it)
    fetch(it, [2])
    it.reset()
    expect(it.isOpen).toBe(false)
    expect(fetch(it)).toEqual({ epoch: 0, added: [0, 1], forgotten: [] })
  })

  it('keeps the broker at what is wanted, whatever is wanted, named and lost meanwhile', () => {
    const wanted = fc.uniqueArray(fc.nat(5), { maxLength: 6 })
    const step = fc.oneof(
      wanted.map((list) => ({ want: list })),
      fc.uniqueArray(fc.nat(5), { maxLength: 3 }).map((named) => ({ fetch: named })),
      fc.uniqueArray(fc.nat(5), { maxLength: 3 }).map((named) => ({ refused: named })),
      fc.constant({ reset: true }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const tested = session()
        let wants: number[] = []
        let atBroker = new Set<number>()
        for (const now of [...steps, { fetch: [] }, { fetch: [] }]) {
          if ('want' in now) {
            wants = now.want
            tested.want(new Set(wants.map(of)))
          } else if ('fetch' in now) {
            // An opening fetch carries no acknowledgements.
            const named = tested.isOpen ? now.fetch : []
            const { epoch, added, forgotten } = fetch(tested, named)
            if (epoch === 0) {
              atBroker = new Set()
              expect(added).toEqual([...wants].sort((a, b) => a - b))
            }
            for (const index of added) expect(atBroker.has(index)).toBe(false)
            for (const index of forgotten) atBroker.delete(index)
            for (const index of [...added, ...named]) atBroker.add(index)
          } else if ('refused' in now) {
            refused(tested, tested.isOpen ? now.refused : [])
          } else {
            tested.reset()
          }
        }
        expect([...atBroker].sort((a, b) => a - b)).toEqual([...wants].sort((a, b) => a - b))
      }),
    )
  })
})

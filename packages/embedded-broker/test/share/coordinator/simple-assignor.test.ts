import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  assignSimple,
  type AssignmentMember,
  type ShareAssignment,
} from '../../../src/share/coordinator/simple-assignor.js'

type Plain = Record<string, readonly string[]>

function plain(assignments: ReadonlyMap<string, ShareAssignment>): Plain {
  const result: Record<string, string[]> = {}
  for (const [memberId, assignment] of assignments) {
    result[memberId] = [...assignment]
      .flatMap(([topic, partitions]) => partitions.map((p) => `${topic}${p}`))
      .toSorted()
  }
  return result
}

function partitionsOf(counts: Readonly<Record<string, number>>): ShareAssignment {
  return new Map(Object.entries(counts).map(([topic, count]) => [topic, Array.from({ length: count }, (_, i) => i)]))
}

function member(memberId: string, topics: readonly string[], current: ShareAssignment = new Map()): AssignmentMember {
  return { memberId, topicIds: new Set(topics), current }
}

/** How many members hold each partition. */
function sharing(assignments: Plain): Map<string, number> {
  const counts = new Map<string, number>()
  for (const held of Object.values(assignments)) for (const name of held) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

describe('The simple assignor', () => {
  it('gives everything to one member, and nothing where nothing is', () => {
    const partitions = partitionsOf({ t: 3, u: 1 })
    expect(plain(assignSimple({ members: [member('m', ['t', 'u'])], partitions }))).toEqual({
      m: ['t0', 't1', 't2', 'u0'],
    })
    expect(plain(assignSimple({ members: [member('m', ['x'])], partitions }))).toEqual({ m: [] })
    expect(plain(assignSimple({ members: [member('m', ['t'])], partitions: new Map() }))).toEqual({ m: [] })
    expect(assignSimple({ members: [], partitions }).size).toBe(0)
  })

  it('gives a single partition to every member', () => {
    const members = ['a', 'b', 'c'].map((id) => member(id, ['t']))
    expect(plain(assignSimple({ members, partitions: partitionsOf({ t: 1 }) }))).toEqual({
      a: ['t0'],
      b: ['t0'],
      c: ['t0'],
    })
  })

  it('shares with the degree of Kafka: 7 members over 3 partitions hold 9', () => {
    const members = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((id) => member(id, ['t']))
    const assigned = plain(assignSimple({ members, partitions: partitionsOf({ t: 3 }) }))
    expect([...sharing(assigned).values()]).toEqual([3, 3, 3])
    expect(
      Object.values(assigned)
        .map((held) => held.length)
        .toSorted(),
    ).toEqual([1, 1, 1, 1, 1, 2, 2])
  })

  it('shares each topic among those that want it when members want different ones', () => {
    const members = [member('a', ['t']), member('b', ['t', 'u']), member('c', ['u'])]
    const assigned = plain(assignSimple({ members, partitions: partitionsOf({ t: 4, u: 2 }) }))
    expect(assigned['a']).toHaveLength(2)
    expect(assigned['b']?.filter((name) => name.startsWith('t'))).toHaveLength(2)
    expect(assigned['b']?.filter((name) => name.startsWith('u'))).toHaveLength(1)
    expect(assigned['c']).toHaveLength(1)
  })

  it('moves no more than one that joins needs', () => {
    const partitions = partitionsOf({ t: 6 })
    const before = assignSimple({ members: [member('a', ['t']), member('b', ['t'])], partitions })
    const after = plain(
      assignSimple({
        members: [member('a', ['t'], before.get('a')), member('b', ['t'], before.get('b')), member('c', ['t'])],
        partitions,
      }),
    )
    const was = plain(before)
    for (const id of ['a', 'b']) {
      expect(after[id]).toHaveLength(2)
      expect(was[id]).toEqual(expect.arrayContaining([...(after[id] ?? [])]))
    }
  })

  it('leaves the larger share where it is', () => {
    const a = new Map([['t', [2]]])
    const b = new Map([['t', [0, 1]]])
    const assigned = assignSimple({
      members: [member('a', ['t'], a), member('b', ['t'], b)],
      partitions: partitionsOf({ t: 3 }),
    })
    expect(plain(assigned)).toEqual({ a: ['t2'], b: ['t0', 't1'] })
  })

  const topics = fc.record({
    t: fc.integer({ min: 1, max: 7 }),
    u: fc.integer({ min: 1, max: 4 }),
    v: fc.integer({ min: 1, max: 2 }),
  })
  const wishes = fc.array(fc.subarray(['t', 'u', 'v'], { minLength: 1 }), { minLength: 1, maxLength: 12 })
  const history = fc.array(wishes, { minLength: 1, maxLength: 5 })

  /** Lets memberships follow each other, each on what the one before was given. */
  function replay(counts: Readonly<Record<string, number>>, rounds: readonly (readonly (readonly string[])[])[]) {
    const partitions = partitionsOf(counts)
    let given: ReadonlyMap<string, ShareAssignment> = new Map()
    let members: AssignmentMember[] = []
    for (const round of rounds) {
      members = round.map((wanted, index) => member(`m${index}`, wanted, given.get(`m${index}`)))
      given = assignSimple({ members, partitions })
    }
    return { partitions, members, given }
  }

  it('covers every partition and gives nobody what it does not want', () => {
    fc.assert(
      fc.property(topics, history, (counts, rounds) => {
        const { partitions, members, given } = replay(counts, rounds)
        const assigned = plain(given)
        const shared = sharing(assigned)
        for (const [topic, indexes] of partitions) {
          const wanting = members.filter(({ topicIds }) => topicIds.has(topic))
          for (const index of indexes) expect((shared.get(`${topic}${index}`) ?? 0) > 0).toBe(wanting.length > 0)
        }
        for (const { memberId, topicIds } of members) {
          for (const name of assigned[memberId] ?? []) expect(topicIds).toContain(name.slice(0, 1))
        }
      }),
    )
  })

  it('spreads each topic evenly over members of different wishes', () => {
    fc.assert(
      fc.property(topics, history, (counts, rounds) => {
        // One that wants something else keeps it from being an equal spread over all topics as a whole.
        const mixed = rounds.map((round) => [['t'], ['u'], ['v'], ...round])
        const { members, given } = replay(counts, mixed)
        for (const topic of ['t', 'u', 'v']) {
          const wanting = members.filter(({ topicIds }) => topicIds.has(topic))
          const loads = wanting.map(({ memberId }) => given.get(memberId)?.get(topic)?.length ?? 0)
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  it('spreads over members of equal wishes as a whole: nobody differs by more than one, nobody is without', () => {
    fc.assert(
      fc.property(
        topics,
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
        (counts, sizes) => {
          const rounds = sizes.map((size) => Array.from({ length: size }, () => ['t', 'u', 'v']))
          const { given } = replay(counts, rounds)
          const assigned = plain(given)
          const loads = Object.values(assigned).map((held) => held.length)
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
          expect(Math.min(...loads)).toBeGreaterThanOrEqual(1)
          const degrees = new Set(sharing(assigned).values())
          const degree = Math.ceil(loads.length / totalOf(counts, ['t', 'u', 'v']))
          expect([...degrees]).toEqual([degree])
        },
      ),
    )
  })

  it('changes nothing when nothing has changed', () => {
    fc.assert(
      fc.property(topics, history, (counts, rounds) => {
        const { partitions, members, given } = replay(counts, rounds)
        const again = assignSimple({
          members: members.map((m) => ({ ...m, current: given.get(m.memberId) ?? new Map() })),
          partitions,
        })
        expect(plain(again)).toEqual(plain(given))
      }),
    )
  })
})

function totalOf(counts: Readonly<Record<string, number>>, area: readonly string[]): number {
  return area.reduce((sum, topic) => sum + (counts[topic] ?? 0), 0)
}

import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { JoinAnswer } from '../../src/groups/group-answers.js'
import { ClassicWorld, protocols, REBALANCE_MS, type Outcome } from './classic-world.js'

const CLIENTS = 5
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000

interface Step {
  readonly client: number
  readonly does:
    | { readonly kind: 'join'; readonly speaks: readonly string[]; readonly modern: boolean }
    | { readonly kind: 'forget' | 'sync' | 'heartbeat' | 'leave' | 'commit' | 'disconnect' }
    | { readonly kind: 'wait'; readonly ms: number }
}

const step: fc.Arbitrary<Step> = fc.record({
  client: fc.nat({ max: CLIENTS - 1 }),
  does: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('join' as const),
        speaks: fc
          .subarray(['a', 'b', 'c'], { minLength: 1 })
          .chain((names) => fc.shuffledSubarray(names, { minLength: names.length })),
        modern: fc.boolean(),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('sync' as const) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          'heartbeat' as const,
          'leave' as const,
          'commit' as const,
          'forget' as const,
          'disconnect' as const,
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 3000, 6000, 10_000, 60_000) }),
    },
  ),
})

/** One client as far as it knows itself. Even ones are static members. */
class Client {
  memberId = ''
  generationId = -1
  isLeader = false
  connection = new AbortController()
  joining: Outcome<JoinAnswer> | undefined

  constructor(readonly groupInstanceId: string | null) {}
}

it('a generation has one leader and one protocol that all speak, generations grow, and no request is ever forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 3000), async (steps, delayMs) => {
      const world = new ClassicWorld()
      world.config.set('group.initial.rebalance.delay.ms', delayMs)
      const clients = Array.from({ length: CLIENTS }, (_, i) => new Client(i % 2 === 0 ? `static-${i}` : null))
      const asked: Outcome<unknown>[] = []
      const joins: { readonly outcome: Outcome<JoinAnswer>; readonly speaks: readonly string[] }[] = []
      let newest = 0
      world.commit(0)

      const look = async (): Promise<void> => {
        await world.settle()
        for (const client of clients) {
          if (client.joining?.isAnswered() !== true) continue
          const answer = client.joining.answer()
          client.joining = undefined
          if (answer === undefined) continue
          if (answer.memberId !== '') client.memberId = answer.memberId
          if (answer.errorCode !== 0) {
            if (answer.errorCode === 25 || answer.errorCode === 82) client.memberId = ''
            continue
          }
          client.generationId = answer.generationId
          client.isLeader = answer.leader === answer.memberId
        }
        const generation = world.view?.generationId ?? 0
        expect(generation).toBeGreaterThanOrEqual(newest)
        newest = generation
      }

      for (const { client: index, does } of steps) {
        const client = clients[index]
        if (client === undefined) continue
        const { memberId, groupInstanceId, generationId } = client
        if (does.kind === 'join' && client.joining === undefined) {
          const outcome = world.join(
            {
              memberId,
              groupInstanceId,
              protocols: protocols(...does.speaks),
              requiresKnownMemberId: does.modern && groupInstanceId === null,
              supportsSkippingAssignment: does.modern,
            },
            client.connection.signal,
          )
          client.joining = outcome
          asked.push(outcome)
          joins.push({ outcome, speaks: does.speaks })
        } else if (does.kind === 'sync') {
          const assignments = client.isLeader
            ? clients.map((each) => ({ memberId: each.memberId, assignment: Buffer.from(`${generationId}`) }))
            : []
          asked.push(world.sync({ memberId, groupInstanceId, generationId, assignments }, client.connection.signal))
        } else if (does.kind === 'heartbeat') {
          world.heartbeat(memberId, generationId, groupInstanceId)
        } else if (does.kind === 'leave') {
          world.leave(memberId, groupInstanceId)
          client.memberId = ''
        } else if (does.kind === 'commit') {
          world.commit(1, { memberId, generationId })
        } else if (does.kind === 'forget') {
          client.memberId = ''
        } else if (does.kind === 'disconnect') {
          client.connection.abort()
          client.connection = new AbortController()
        } else if (does.kind === 'wait') {
          await world.clock.advance(does.ms)
        }
        await look()
      }

      // Whatever happened: nobody waits for longer than a rebalance, and who never comes again is out in the end.
      await world.clock.advance(NEW_MEMBER_JOIN_TIMEOUT_MS + 10 * REBALANCE_MS)
      await look()
      expect(asked.filter((outcome) => !outcome.isAnswered())).toEqual([])
      expect(world.view?.members ?? []).toEqual([])
      // That one looks for abandoned groups; this one has an offset.
      expect(world.clock.pendingTimers).toBe(1)

      const generations = new Map<number, { readonly answer: JoinAnswer; readonly speaks: readonly string[] }[]>()
      for (const { outcome, speaks } of joins) {
        const answer = outcome.answer()
        if (answer === undefined || answer.errorCode !== 0) continue
        generations.set(answer.generationId, [...(generations.get(answer.generationId) ?? []), { answer, speaks }])
      }
      for (const members of generations.values()) {
        expect(new Set(members.map(({ answer }) => answer.protocolName)).size).toBe(1)
        for (const { answer, speaks } of members) {
          expect(speaks).toContain(answer.protocolName)
          const isLeader = answer.leader === answer.memberId
          if (answer.members.length > 0) expect(isLeader).toBe(true)
          for (const member of answer.members) expect(String(member.metadata)).toBe(`as ${answer.protocolName}`)
        }
        // A static leader that came back leads under another id: those it was told of are one and the same member.
        const leaders = new Set(
          members.filter(({ answer }) => answer.members.length > 0).map(({ answer }) => answer.leader),
        )
        const isStatic = [...leaders].some((leader) => leader.startsWith('static-'))
        if (!isStatic) expect(leaders.size).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 300 },
  )
})

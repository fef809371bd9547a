import { ErrorCode, ShareGroupHeartbeat } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ScriptedGroup, type HeartbeatAnswer, type HeartbeatRequest } from './scripted-group.js'

// A coordinator that keeps its books as Kafka's does, behind a network and a cluster in which everything goes wrong. Whatever
// happens, the member says nothing that Kafka's would not, does not hurry, and is a member again soon after all is well.

/** What becomes of one heartbeat. */
type Fate =
  | 'served'
  | 'forgotten' // the member was put out of the group before
  | 'moved' // NOT_COORDINATOR
  | 'loading'
  | 'lost' // no answer
  | 'cut' // no answer, and the connection ends
  | 'answer lost' // served, but nobody hears of it
  | 'reassigned'

const INTERVAL_MS = 1_000
const SESSION_MS = 9_000

class Coordinator {
  /** Undefined: no such member. */
  epoch: number | undefined
  #previous = -1
  #groupEpoch = 0
  readonly refusals: string[] = []
  readonly seen: { readonly at: number; readonly request: HeartbeatRequest; readonly ok: boolean }[] = []

  constructor(private readonly group: ScriptedGroup) {}

  serve(request: HeartbeatRequest, fate: Fate): HeartbeatAnswer {
    if (fate === 'forgotten') this.epoch = undefined
    const code = this.#check(request)
    this.seen.push({ at: this.group.clock.now(), request, ok: code === ErrorCode.NONE })
    if (code !== ErrorCode.NONE) {
      this.refusals.push(`${request.memberEpoch}: ${code}`)
      return this.group.refuse(request, code)
    }
    if (request.memberEpoch === -1) {
      this.epoch = undefined
      return { ...this.group.unassigned(request), memberEpoch: -1 }
    }
    if (fate === 'reassigned' || this.epoch === undefined) {
      this.#previous = this.epoch ?? -1
      this.epoch = ++this.#groupEpoch
    }
    const told = request.subscribedTopicNames !== null || request.memberEpoch !== this.epoch
    return {
      ...this.group.unassigned(request),
      memberEpoch: this.epoch,
      heartbeatIntervalMs: INTERVAL_MS,
      assignment: told ? { topicPartitions: this.group.everything() } : null,
    }
  }

  #check({ memberEpoch, subscribedTopicNames }: HeartbeatRequest): number {
    if (memberEpoch === 0) return subscribedTopicNames?.length === 1 ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST
    if (this.epoch === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (memberEpoch === -1 || memberEpoch === this.epoch || memberEpoch === this.#previous) return ErrorCode.NONE
    return ErrorCode.FENCED_MEMBER_EPOCH
  }
}

const fates = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Fate>('served') },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Fate>('forgotten', 'moved', 'loading', 'lost', 'cut', 'answer lost', 'reassigned'),
  },
)

describe('a member of a group in trouble', () => {
  it('is polite all the time, and a member again soon after', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fates, { minLength: 1, maxLength: 40 }), async (script) => {
        const group = new ScriptedGroup()
        const coordinator = new Coordinator(group)
        const left = [...script]
        let outstanding = 0
        group.leader().node.on(ShareGroupHeartbeat, (request, { connection }) => {
          outstanding++
          const fate = request.memberEpoch === -1 ? 'served' : (left.shift() ?? 'served')
          if (fate === 'lost') return undefined
          if (fate === 'cut') {
            connection.close()
            return undefined
          }
          if (fate === 'moved') return group.refuse(request, ErrorCode.NOT_COORDINATOR)
          if (fate === 'loading') return group.refuse(request, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
          const answer = coordinator.serve(request, fate)
          return fate === 'answer lost' ? undefined : answer
        })
        const { consumer, engine } = group.subscribed({ requestTimeoutMs: 2_000, sessionTimeoutMs: SESSION_MS })
        let spent = 0
        for (; left.length > 0 && spent < 300_000; spent += 500) await group.clock.advance(500)
        expect(left).toEqual([])
        // No more often than the pauses of a back-off and of an eager member allow: 40 quick ones for each time it joins.
        expect(outstanding).toBeLessThan(20 + spent / 40)
        await group.clock.advance(4_000)
        const before = coordinator.seen.length
        const refused = coordinator.refusals.length
        await group.clock.advance(10 * INTERVAL_MS)
        expect(coordinator.epoch).toBeDefined()
        await engine.whenJoined()
        // All is well: heartbeats at the interval, none refused, none with more than the epoch.
        expect(coordinator.refusals.length).toBe(refused)
        const calm = coordinator.seen.slice(before)
        expect(calm.length).toBeGreaterThanOrEqual(9)
        expect(calm.length).toBeLessThanOrEqual(11)
        for (const { request } of calm)
          expect(request).toMatchObject({ memberEpoch: coordinator.epoch, subscribedTopicNames: null, rackId: null })
        group.leader().give({ first: 0, last: 0 })
        const polled = async (): Promise<number> => {
          for (;;) {
            const count = await consumer.poll(20_000).then(
              (records) => records.count,
              () => 0,
            )
            if (count > 0) return count
          }
        }
        expect(await group.until(polled())).toBe(1)
        await group.end()
        expect(coordinator.epoch).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  }, 60_000)
})

import {
  ErrorCode,
  FindCoordinator,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HEARTBEAT_MS, ScriptedGroup, type HeartbeatRequest } from './scripted-group.js'

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

/** The pauses between the heartbeats so far; without those that follow at once because a topic was found. */
function pauses(): number[] {
  return group.heartbeats
    .slice(1)
    .map(({ at }, i) => Math.round(at - (group.heartbeats[i]?.at ?? 0)))
    .filter((ms) => ms > 0)
}

describe('a member', () => {
  it('joins with its id, topics and epoch 0, without being polled', async () => {
    const { consumer } = group.subscribed({ clientRack: 'east' })
    await group.clock.advance(10)
    expect(group.heartbeats[0]).toMatchObject({
      groupId: 'workers',
      memberId: consumer.memberId,
      memberEpoch: 0,
      subscribedTopicNames: ['orders'],
      rackId: 'east',
    })
    expect(consumer.memberId).toMatch(/^[\w-]{22}$/)
  })

  it('heartbeats at the interval it was told, with the epoch it was given, and repeats neither topics nor rack', async () => {
    group.subscribed({ clientRack: 'east' })
    await group.clock.advance(3 * HEARTBEAT_MS + 100)
    expect(pauses()).toEqual([HEARTBEAT_MS, HEARTBEAT_MS, HEARTBEAT_MS])
    expect(group.heartbeats[1]).toMatchObject({ memberEpoch: 1, subscribedTopicNames: null, rackId: null })
  })

  it('asks in full after a new epoch without an assignment, which may have been in an answer that was lost', async () => {
    const topic = group.topic('orders', [1, 1])
    group.subscribed()
    await group.clock.advance(100)
    group.heartbeat = (request) => {
      const answer = group.welcome(request)
      const isFull = request.subscribedTopicNames !== null
      const assignment = isFull ? { topicPartitions: [{ topicId: topic.topicId, partitions: [1] }] } : null
      return { ...answer, memberEpoch: 2, assignment }
    }
    const before = group.heartbeats.length
    await group.clock.advance(4 * HEARTBEAT_MS)
    const full = group.heartbeats.slice(before).map(({ subscribedTopicNames }) => subscribedTopicNames !== null)
    expect(full).toEqual([false, true, false, false])
  })

  it('heartbeats eagerly while nothing is assigned to it: 50, 100, 200, 300, 400, then every 250 ms', async () => {
    group.heartbeat = (request) => group.unassigned(request, { topicPartitions: [] })
    group.subscribed()
    await group.clock.advance(2_000)
    expect(pauses().slice(0, 7)).toEqual([50, 100, 200, 300, 400, 250, 250])
  })

  it('stops being eager with its first assignment, and after a while without one', async () => {
    let assigned = false
    group.heartbeat = (request) =>
      assigned
        ? { ...group.unassigned(request), assignment: { topicPartitions: group.everything() } }
        : group.unassigned(request)
    group.subscribed()
    await group.clock.advance(300)
    assigned = true
    await group.clock.advance(400)
    const seen = group.heartbeats.length
    await group.clock.advance(HEARTBEAT_MS - 500)
    expect(group.heartbeats.length).toBe(seen)

    const without = new ScriptedGroup()
    without.heartbeat = (request) => without.unassigned(request)
    without.subscribed()
    await without.clock.advance(60_000)
    const before = without.heartbeats.length
    await without.clock.advance(10 * HEARTBEAT_MS)
    expect(without.heartbeats.length - before).toBeLessThanOrEqual(11)
    await without.end()
  })

  it('is known as joined once the coordinator has answered', async () => {
    let refusals = 3
    group.heartbeat = (request) =>
      refusals-- > 0 ? group.refuse(request, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) : group.welcome(request)
    const { engine } = group.subscribed()
    const { tookMs } = await group.timed(engine.whenJoined())
    expect(refusals).toBeLessThan(0)
    expect(tookMs).toBeGreaterThan(300)
    await engine.whenJoined()
  })

  it('ends the wait for its join when the signal fires', async () => {
    group.heartbeat = () => undefined
    const { engine } = group.subscribed()
    const controller = new AbortController()
    const waiting = engine.whenJoined(controller.signal)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
  })

  it('tells a new subscription with its next heartbeat, which is at once', async () => {
    group.topic('orders')
    group.topic('payments')
    const consumer = group.consumer()
    consumer.subscribe(['orders'])
    await group.clock.advance(100)
    consumer.subscribe(['payments'])
    const before = group.heartbeats.length
    await group.clock.advance(10)
    expect(group.heartbeats[before]).toMatchObject({ memberEpoch: 1, subscribedTopicNames: ['payments'] })
  })

  it.each(['FENCED_MEMBER_EPOCH', 'UNKNOWN_MEMBER_ID'] as const)(
    'joins again with the same id after %s, and backs off between repeats',
    async (code) => {
      const { consumer, engine } = group.subscribed()
      await group.until(engine.whenJoined())
      group.heartbeat = (request) =>
        request.memberEpoch === 0 ? group.welcome(request) : group.refuse(request, ErrorCode[code])
      await group.clock.advance(HEARTBEAT_MS + 500)
      const rejoin = group.heartbeats.at(-1)
      expect(rejoin).toMatchObject({ memberEpoch: 0, memberId: consumer.memberId, subscribedTopicNames: ['orders'] })
      await group.until(engine.whenJoined())

      group.heartbeat = (request) => group.refuse(request, ErrorCode[code])
      const before = group.heartbeats.length
      await group.clock.advance(HEARTBEAT_MS + 10_000)
      expect(group.heartbeats.length - before).toBeLessThan(25)
      expect(group.heartbeats.length - before).toBeGreaterThan(8)
    },
  )

  it('that can join but is fenced right after, again and again, slows down too', async () => {
    group.heartbeat = (request) =>
      request.memberEpoch === 0 ? group.welcome(request) : group.refuse(request, ErrorCode.FENCED_MEMBER_EPOCH)
    group.heartbeat = ((usual) => (request) => {
      const answer = usual(request)
      return answer === undefined ? undefined : { ...answer, heartbeatIntervalMs: 1 }
    })(group.heartbeat)
    group.subscribed()
    await group.clock.advance(20_000)
    const joins = group.heartbeats.filter(({ memberEpoch }) => memberEpoch === 0)
    expect(joins.length).toBeGreaterThan(15)
    expect(joins.length).toBeLessThan(35)
  })

  it('joins a group again that its coordinator has lost', async () => {
    const { consumer, engine } = group.subscribed()
    await group.until(engine.whenJoined())
    group.heartbeat = (request) =>
      request.memberEpoch === 0 ? group.welcome(request) : group.refuse(request, ErrorCode.GROUP_ID_NOT_FOUND)
    await group.clock.advance(HEARTBEAT_MS + 200)
    expect(group.heartbeats.at(-1)).toMatchObject({ memberEpoch: 0, memberId: consumer.memberId })
    await group.until(engine.whenJoined())
  })

  it.each(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS'] as const)(
    'heartbeats again soon, with everything, after %s, and the application hears nothing of it',
    async (code) => {
      const { consumer, engine } = group.subscribed()
      await group.until(engine.whenJoined())
      let refusals = 0
      group.heartbeat = (request) => (refusals++ < 2 ? group.refuse(request, ErrorCode[code]) : group.welcome(request))
      const polled = consumer.poll(HEARTBEAT_MS + 2_000)
      await group.until(polled)
      const last = group.heartbeats.at(-1)
      expect(refusals).toBe(3)
      expect(last).toMatchObject({ memberEpoch: 1, subscribedTopicNames: ['orders'] })
    },
  )

  it('looks its coordinator up again after NOT_COORDINATOR', async () => {
    const { engine } = group.subscribed()
    await group.until(engine.whenJoined())
    const lookups = () => group.leader().node.requests.filter(({ api }) => api === 'FindCoordinator').length
    const before = lookups()
    let refused = false
    group.heartbeat = (request) => {
      if (refused) return group.welcome(request)
      refused = true
      return group.refuse(request, ErrorCode.NOT_COORDINATOR)
    }
    await group.clock.advance(HEARTBEAT_MS + 1_000)
    expect(lookups()).toBe(before + 1)
  })

  it('goes on after its coordinator was silent or gone for a while', async () => {
    const { consumer, engine } = group.subscribed({ requestTimeoutMs: 2_000 })
    await group.until(engine.whenJoined())
    group.heartbeat = () => undefined
    await group.clock.advance(HEARTBEAT_MS + 6_000)
    const before = group.heartbeats.length
    group.heartbeat = (request) => group.welcome(request)
    await group.clock.advance(4_000)
    expect(group.heartbeats.length).toBeGreaterThan(before)
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(consumer.poll(10_000))).count).toBe(1)
  })

  it('goes on after an answer that cannot be read, and tells it once', async () => {
    const { consumer, engine } = group.subscribed()
    await group.until(engine.whenJoined())
    let damaged = 0
    group.leader().node.on(ShareGroupHeartbeat, (request, { connection, correlationId }) => {
      group.heartbeats.push({ ...request, at: group.clock.now() })
      if (damaged++ > 0) return group.welcome(request)
      const frame = Buffer.alloc(40, 0xff)
      frame.writeInt32BE(36)
      frame.writeInt32BE(correlationId, 4)
      connection.send(frame)
      return undefined
    })
    const failure = await group.until(consumer.poll(10_000).catch((error: unknown) => error))
    expect(failure).toMatchObject({ code: 'MALFORMED_BYTES', retriable: true })
    await group.clock.advance(2 * HEARTBEAT_MS)
    expect(damaged).toBeGreaterThanOrEqual(2)
    expect(group.heartbeats.at(-1)).toMatchObject({ memberEpoch: 1 })
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(consumer.poll(10_000))).count).toBe(1)
  })
})

describe('a member whose heartbeats stay unanswered', () => {
  /** Silence from now on; what was asked is answered late when the returned function is called. */
  function silence(): () => void {
    const held: (() => void)[] = []
    group.leader().node.on(ShareGroupHeartbeat, (request, { connection, version, correlationId }) => {
      group.heartbeats.push({ ...request, at: group.clock.now() })
      const answer = group.welcome(request)
      held.push(() => connection.answer(ShareGroupHeartbeat, { version, correlationId }, answer))
      return undefined
    })
    return () => {
      group.leader().node.on(ShareGroupHeartbeat, (request) => {
        group.heartbeats.push({ ...request, at: group.clock.now() })
        return group.heartbeat(request)
      })
      for (const answer of held) answer()
    }
  }

  it('holds itself lost after sessionTimeoutMs, says so once, and lets its partitions go', async () => {
    const { consumer, engine } = group.subscribed({ sessionTimeoutMs: 45_000 })
    await group.until(engine.whenJoined())
    await group.until(consumer.poll(600))
    silence()
    await group.clock.advance(44_000)
    expect(group.warnings).toEqual([])
    await group.clock.advance(2_000)
    expect(group.warnings).toEqual([expect.stringMatching(/'workers' answered no heartbeat for 45000 ms.*joins again/)])
    const failure = await group.until(consumer.poll(10).catch((error: unknown) => error))
    expect(failure).toSatisfy(KafkaTimeoutError.is)
    expect(failure).toMatchObject({ code: 'MEMBERSHIP_LOST' })
    await group.until(consumer.poll(1_000))
    expect([...(group.leader().session?.partitions ?? [])]).toEqual([])
  })

  it('joins again with epoch 0 and the same id, and an answer from before does not count', async () => {
    const { consumer, engine } = group.subscribed({ sessionTimeoutMs: 20_000 })
    await group.until(engine.whenJoined())
    const answerLate = silence()
    await group.clock.advance(21_000)
    const before = group.heartbeats.length
    answerLate()
    await group.clock.advance(100)
    expect(group.heartbeats[before]).toMatchObject({
      memberEpoch: 0,
      memberId: consumer.memberId,
      subscribedTopicNames: ['orders'],
    })
    expect(group.heartbeats.slice(before).every(({ memberEpoch }, i) => memberEpoch === (i === 0 ? 0 : 1))).toBe(true)
    await engine.whenJoined()
    group.leader().give({ first: 0, last: 0 })
    await consumer.poll(1).catch(() => undefined)
    expect((await group.until(consumer.poll(10_000))).count).toBe(1)
  })

  it('is not lost while the coordinator wants heartbeats more seldom than its session is long', async () => {
    group.heartbeat = (request) => ({ ...group.welcome(request), heartbeatIntervalMs: 15_000 })
    group.subscribed({ sessionTimeoutMs: 6_000 })
    await group.clock.advance(60_000)
    expect(group.warnings).toEqual([])
    expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === 0)).toHaveLength(1)
  })
})

describe('the rack of a member', () => {
  it('goes with every full request, and with no other', async () => {
    const { engine } = group.subscribed({ clientRack: 'east' })
    await group.until(engine.whenJoined())
    await group.clock.advance(HEARTBEAT_MS)
    let fenced = false
    group.heartbeat = (request) => {
      if (fenced) return group.welcome(request)
      fenced = true
      return group.refuse(request, ErrorCode.FENCED_MEMBER_EPOCH)
    }
    await group.clock.advance(3 * HEARTBEAT_MS)
    for (const { rackId, subscribedTopicNames } of group.heartbeats)
      expect(rackId).toBe(subscribedTopicNames === null ? null : 'east')
    expect(group.heartbeats.filter(({ rackId }) => rackId !== null)).toHaveLength(2)
  })
})

describe('the coordinator of a member', () => {
  const lookups = () => group.leader().node.seen(FindCoordinator)

  it('is found by key type GROUP, and once for many heartbeats', async () => {
    group.subscribed()
    await group.clock.advance(20 * HEARTBEAT_MS)
    expect(group.heartbeats.length).toBeGreaterThanOrEqual(20)
    expect(lookups()).toMatchObject([{ keyType: 0, coordinatorKeys: ['workers'] }])
  })

  it('is looked up again after a lost connection and after a time-out', async () => {
    const { engine } = group.subscribed({ requestTimeoutMs: 2_000 })
    await group.until(engine.whenJoined())
    let lost = false
    group.leader().node.on(ShareGroupHeartbeat, (request, { connection }) => {
      if (lost) return group.welcome(request)
      lost = true
      connection.close()
      return undefined
    })
    await group.clock.advance(HEARTBEAT_MS + 1_000)
    expect(lookups()).toHaveLength(2)
    let silent = false
    group.leader().node.on(ShareGroupHeartbeat, (request) => {
      if (silent) return group.welcome(request)
      silent = true
      return undefined
    })
    await group.clock.advance(HEARTBEAT_MS + 3_000)
    expect(lookups()).toHaveLength(3)
  })

  it('that is overloaded is asked again itself', async () => {
    const { engine } = group.subscribed()
    await group.until(engine.whenJoined())
    let refusals = 0
    group.heartbeat = (request) =>
      refusals++ < 3 ? group.refuse(request, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) : group.welcome(request)
    await group.clock.advance(HEARTBEAT_MS + 2_000)
    expect(refusals).toBeGreaterThan(3)
    expect(lookups()).toHaveLength(1)
  })

  it('that the cluster cannot name is looked for with growing pauses', async () => {
    const asked: number[] = []
    group.leader().node.on(FindCoordinator, ({ coordinatorKeys }) => {
      asked.push(group.clock.now())
      return {
        throttleTimeMs: 0,
        coordinators: coordinatorKeys.map((key) => ({
          key,
          nodeId: -1,
          host: '',
          port: -1,
          errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
          errorMessage: null,
        })),
      }
    })
    group.subscribed()
    await group.clock.advance(10_000)
    const gaps = asked.slice(1).map((at, i) => at - (asked[i] ?? 0))
    expect(gaps[0]).toBeLessThan(150)
    expect(gaps[3]).toBeGreaterThan(500)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(1_001)
    expect(new Set(gaps.slice(4).map((ms) => Math.round(ms))).size).toBeGreaterThan(1)
  })
})

describe('an assignment', () => {
  it('of a topic that the metadata does not know yet is kept aside, and fetched from as soon as it does', async () => {
    const { consumer } = group.subscribed()
    await group.clock.advance(100)
    const late = 'LATELATELATELATELATEAA'
    group.heartbeat = (request) => ({
      ...group.welcome(request),
      assignment: { topicPartitions: [...group.everything(), { topicId: late, partitions: [0] }] },
    })
    await group.until(consumer.poll(HEARTBEAT_MS + 100))
    const refreshes = () => group.leader().node.requests.filter(({ api }) => api === 'Metadata').length
    const before = refreshes()
    await group.clock.advance(5_000)
    expect(refreshes() - before).toBeGreaterThan(4)
    expect(refreshes() - before).toBeLessThan(12)
    // The topic was created anew under its name: that is what the coordinator meant.
    const [old] = group.topics.values()
    if (old !== undefined) group.topics.set('orders of before', old)
    group.topics.set('orders', { topicId: late, leaders: [1], leaderEpoch: 0 })
    group.heartbeat = (request) => ({
      ...group.welcome(request),
      assignment: { topicPartitions: [{ topicId: late, partitions: [0] }] },
    })
    await group.until(consumer.poll(HEARTBEAT_MS + 1_000))
    expect(group.leader().fetches.flatMap(({ topics }) => topics.map(({ topicId }) => topicId))).toContain(late)
    const settled = refreshes()
    await group.clock.advance(20_000)
    expect(refreshes()).toBeLessThanOrEqual(settled + 1)
  })
})

describe('a membership that cannot be', () => {
  it.each([
    ['GROUP_AUTHORIZATION_FAILED', KafkaBrokerError.is, /workers|GROUP_AUTHORIZATION_FAILED/i],
    ['INVALID_REQUEST', KafkaBrokerError.is, /./],
    ['GROUP_MAX_SIZE_REACHED', KafkaBrokerError.is, /group\.share\.max\.size/],
    ['UNSUPPORTED_VERSION', KafkaUnsupportedVersionError.is, /4\.2.*share\.version/],
    ['GROUP_ID_NOT_FOUND', KafkaUsageError.is, /workers.*another type.*groupId/],
    ['UNSUPPORTED_ASSIGNOR', KafkaBrokerError.is, /UNSUPPORTED_ASSIGNOR/],
    ['INVALID_RECORD_STATE', KafkaBrokerError.is, /INVALID_RECORD_STATE/],
  ] as const)('because of %s is told to every poll, at once, and heartbeating ends', async (code, is, message) => {
    group.heartbeat = (request) => group.refuse(request, ErrorCode[code])
    const { consumer, engine } = group.subscribed()
    const joining = engine.whenJoined().catch((error: unknown) => error)
    const { value: failure, tookMs } = await group.timed(consumer.poll(60_000).catch((error: unknown) => error))
    expect(failure).toSatisfy(is)
    expect((failure as KafkaError).message).toMatch(message)
    expect(tookMs).toBeLessThan(200)
    expect(await joining).toBe(failure)
    await expect(group.until(consumer.poll(10))).rejects.toBe(failure)
    await expect(engine.whenJoined()).rejects.toBe(failure)
    const before = group.heartbeats.length
    await group.clock.advance(60_000)
    expect(group.heartbeats.length).toBe(before)
  })

  it('because of a topic that may not be described is told, and heals when that is mended', async () => {
    let mended = false
    group.heartbeat = (request) =>
      mended ? group.welcome(request) : group.refuse(request, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
    const { consumer } = group.subscribed()
    await expect(group.until(consumer.poll(60_000))).rejects.toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    await group.clock.advance(20_000)
    expect(group.heartbeats.length).toBeLessThan(12)
    mended = true
    group.leader().give({ first: 0, last: 0 })
    await consumer.poll(1).catch(() => undefined)
    expect((await group.until(consumer.poll(60_000))).count).toBe(1)
  })

  it('because nobody is there ends in one clear error within the bound', async () => {
    const consumer = group.consumer({ bootstrapServers: 'nowhere:9092', bootstrapTimeoutMs: 3_000 })
    consumer.subscribe(['orders'])
    const { value, tookMs } = await group.timed(consumer.poll(60_000).catch((error: unknown) => error))
    expect(value).toSatisfy(KafkaConnectionError.is)
    expect((value as Error).message).toMatch(/nowhere:9092.*bootstrapServers/s)
    expect(tookMs).toBeLessThan(4_000)
  })

  it('because the cluster has share groups switched off says how to switch them on', async () => {
    for (const { node } of group.leaders.values()) node.features = {}
    group.heartbeat = (request) => group.refuse(request, ErrorCode.UNSUPPORTED_VERSION)
    const { consumer } = group.subscribed()
    const failure = await group.until(consumer.poll(60_000).catch((error: unknown) => error))
    expect(failure).toSatisfy(KafkaUnsupportedVersionError.is)
    expect((failure as Error).message).toMatch(/share\.version/)
  })
})

describe('leaving', () => {
  it('is one heartbeat of epoch -1, after the share session was closed', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    await group.until(consumer.close())
    const leaves = group.heartbeats.filter(({ memberEpoch }) => memberEpoch === -1)
    expect(leaves).toHaveLength(1)
    const closing = group.leader().acknowledges.at(-1)
    expect(closing?.shareSessionEpoch).toBe(-1)
    expect(closing?.at ?? Infinity).toBeLessThanOrEqual(leaves[0]?.at ?? 0)
    const seen = group.heartbeats.length
    await group.clock.advance(60_000)
    expect(group.heartbeats.length).toBe(seen)
  })

  it('is told also when the join has not been answered: the coordinator may have taken the member in', async () => {
    const held: HeartbeatRequest[] = []
    group.heartbeat = (request) => {
      held.push(request)
      return request.memberEpoch === -1 ? group.welcome(request) : undefined
    }
    const { consumer } = group.subscribed()
    await group.clock.advance(100)
    await group.until(consumer.close({ timeoutMs: 2_000 }).catch(() => undefined))
    expect(held.map(({ memberEpoch }) => memberEpoch)).toEqual([0, -1])
  })

  it('is told also when a join was not answered in time, and the next one is not sent yet', async () => {
    const asked: HeartbeatRequest[] = []
    group.heartbeat = (request) => {
      asked.push(request)
      return request.memberEpoch === -1 ? group.welcome(request) : undefined
    }
    const { consumer } = group.subscribed({
      requestTimeoutMs: 1_000,
      retryBackoffMs: 10_000,
      retryBackoffMaxMs: 10_000,
    })
    await group.clock.advance(5_000)
    expect(asked.at(-1)).toMatchObject({ memberEpoch: 0 })
    await group.until(consumer.close({ timeoutMs: 2_000 }))
    expect(asked.at(-1)).toMatchObject({ memberEpoch: -1 })
  })

  it('is told also when the join is answered just now, and the answer not taken in yet', async () => {
    const without: number[] = []
    for (let turns = 0; turns < 40; turns++) {
      const one = new ScriptedGroup()
      const { consumer } = one.subscribed()
      let closing: Promise<void> | undefined
      one.heartbeat = (request) => {
        if (request.memberEpoch === 0 && closing === undefined) {
          closing = (async () => {
            for (let turn = 0; turn < turns; turn++) await Promise.resolve()
            await consumer.close()
          })()
        }
        return one.welcome(request)
      }
      await one.clock.advance(10)
      await one.until(closing ?? consumer.close())
      if (one.heartbeats.at(-1)?.memberEpoch !== -1) without.push(turns)
      await one.end()
    }
    expect(without).toEqual([])
  })

  it('is told also when a join without an answer was followed by a refused one', async () => {
    let joins = 0
    group.heartbeat = (request) => {
      if (request.memberEpoch === -1) return group.welcome(request)
      return joins++ === 0 ? undefined : group.refuse(request, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    }
    const { consumer } = group.subscribed({ requestTimeoutMs: 1_000 })
    await group.clock.advance(5_000)
    expect(joins).toBeGreaterThan(1)
    await group.until(consumer.close({ timeoutMs: 2_000 }))
    expect(group.heartbeats.at(-1)).toMatchObject({ memberEpoch: -1 })
  })

  it('that is not answered is bounded, and close() says so when all else is closed', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    group.heartbeat = () => undefined
    const { value: failure, tookMs } = await group.timed(
      consumer.close({ timeoutMs: 2_000 }).catch((error: unknown) => error),
    )
    expect(failure).toSatisfy(KafkaError.is)
    expect((failure as Error).message).toMatch(/workers/)
    expect(tookMs).toBeLessThanOrEqual(2_000)
    expect(group.leader().node.connections.size).toBe(0)
    expect(group.clock.pendingTimers).toBe(0)
  })

  it('whose connection is lost meanwhile says that, and no time that did not pass', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    group.leader().node.on(ShareGroupHeartbeat, (_, { connection }) => {
      connection.close()
      return undefined
    })
    const failure = await group.until(consumer.close({ timeoutMs: 2_000 }).catch((error: unknown) => error))
    expect((failure as Error).message).toMatch(
      /'workers' could not be told that this member leaves: .*closed the connec/,
    )
    expect((failure as Error).message).not.toMatch(/ ms/)
  })

  it.each(['NOT_COORDINATOR', 'COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_LOAD_IN_PROGRESS', 'connection'] as const)(
    'is told to the coordinator that it has moved to: %s',
    async (what) => {
      const { consumer } = group.subscribed()
      await group.until(consumer.poll(10))
      const lookUps = (): number => group.leader().node.seen(FindCoordinator).length
      const before = lookUps()
      const leaves: number[] = []
      group.leader().node.on(ShareGroupHeartbeat, (request, { connection }) => {
        leaves.push(request.memberEpoch)
        if (leaves.length > 1) return group.welcome(request)
        if (what !== 'connection') return group.refuse(request, ErrorCode[what])
        connection.close()
        return undefined
      })
      const { tookMs } = await group.timed(consumer.close())
      expect(leaves).toEqual([-1, -1])
      expect(lookUps()).toBe(before + 1)
      // The fetch that is parked at the broker comes first.
      expect(tookMs).toBeLessThan(700)
    },
  )

  it('that nobody takes is given up after 2 s, and says who refused it', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    group.heartbeat = (request) => group.refuse(request, ErrorCode.NOT_COORDINATOR)
    const { value: failure, tookMs } = await group.timed(consumer.close().catch((error: unknown) => error))
    expect(failure).toMatchObject({ code: 'NOT_COORDINATOR' })
    expect((failure as Error).message).toMatch(/could not be told within \d+ ms that this member leaves \(.*NOT_COORD/)
    expect(tookMs).toBeLessThan(3_000)
    expect(group.clock.pendingTimers).toBe(0)
  })

  it.each(['GROUP_ID_NOT_FOUND', 'UNKNOWN_MEMBER_ID'] as const)(
    'a group that does not know the member, %s, is as good as left',
    async (code) => {
      const { consumer } = group.subscribed()
      await group.until(consumer.poll(10))
      group.heartbeat = (request) => group.refuse(request, ErrorCode[code])
      await group.until(consumer.close())
      expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === -1)).toHaveLength(1)
    },
  )

  it('that is refused for what does not pass is not tried twice, and close() says so', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    group.heartbeat = (request) => group.refuse(request, ErrorCode.GROUP_AUTHORIZATION_FAILED)
    await expect(group.until(consumer.close())).rejects.toMatchObject({
      code: 'GROUP_AUTHORIZATION_FAILED',
      message: expect.stringMatching(/'workers' refused to let this member leave.*session timeout/),
    })
    expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch === -1)).toHaveLength(1)
  })

  it('of a consumer that never subscribed connects to nothing', async () => {
    const consumer = group.consumer()
    await group.until(consumer.close())
    expect(group.network.attempts).toEqual([])
  })

  it('leaves no timer and no connection behind', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    await group.until(consumer.close())
    expect(group.leader().node.connections.size).toBe(0)
    expect(group.clock.pendingTimers).toBe(0)
  })
})

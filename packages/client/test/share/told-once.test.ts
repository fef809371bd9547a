import { ErrorCode, KafkaConnectionError } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ScriptedGroup } from './scripted-group.js'

// What keeps a member from joining is told to whoever waits for that, and not to the next take once more.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const bounds = { acknowledgementMode: 'explicit', bootstrapTimeoutMs: 3_000 } as const
const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  group.until(
    promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  )

describe('an error that keeps a member from joining', () => {
  it('is told to whoever waits for the join, and the next take waits for records: a group that cannot be joined', async () => {
    const { engine } = group.subscribed(bounds)
    group.heartbeat = (request) => group.refuse(request, ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(await errorOf(engine.whenJoined())).toMatchObject({ code: 'COORDINATOR_NOT_AVAILABLE' })
    expect((await engine.take({ atOnce: true })).records).toEqual([])
    group.heartbeat = (request) => group.welcome(request)
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(engine.take())).records).toMatchObject([{ offset: 0 }])
  })

  it('is told to whoever waits for the join, and the next take waits for records: an outage', async () => {
    const { node } = group.leader()
    node.refuses = new KafkaConnectionError('Cannot connect to broker-1:9092 (connection refused).')
    const { engine } = group.subscribed(bounds)
    expect(await errorOf(engine.whenJoined())).toSatisfy(KafkaConnectionError.is)
    expect((await engine.take({ atOnce: true })).records).toEqual([])
    node.refuses = undefined
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(engine.take())).records).toMatchObject([{ offset: 0 }])
  })

  it('is told to a take when nobody waits for the join', async () => {
    const { engine } = group.subscribed(bounds)
    group.heartbeat = (request) => group.refuse(request, ErrorCode.COORDINATOR_NOT_AVAILABLE)
    expect(await errorOf(engine.take())).toMatchObject({ code: 'COORDINATOR_NOT_AVAILABLE' })
  })

  it('is told to both when it is for good', async () => {
    const { engine } = group.subscribed(bounds)
    group.heartbeat = (request) => group.refuse(request, ErrorCode.GROUP_AUTHORIZATION_FAILED)
    const told = await errorOf(engine.whenJoined())
    expect(told).toMatchObject({ code: 'GROUP_AUTHORIZATION_FAILED' })
    expect(await errorOf(engine.take())).toBe(told)
  })
})

import {
  ApiVersions,
  FindCoordinator,
  Metadata,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import { SeededRandom, silentLogger } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KafkaClientContext } from '../../src/cluster/kafka-client-context.js'
import { resolveClientConfig } from '../../src/config/client-config.js'
import { ShareConsumer } from '../../src/index.js'
import { ScriptedGroup } from './scripted-group.js'

// The time that close() is given, beside brokers that take connections and requests and say nothing any more.

type Bytes = Buffer | null

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
  group.topic()
})

afterEach(() => group.end())

/** From now on nothing is answered. */
function fallSilent(): void {
  const { node } = group.leader()
  for (const api of [ApiVersions, FindCoordinator, Metadata, ShareAcknowledge, ShareFetch, ShareGroupHeartbeat]) {
    node.on(api, () => undefined)
  }
}

/** A member with one record accepted and one in work. */
async function working(): Promise<ShareConsumer<Bytes, Bytes>> {
  const { consumer } = group.subscribed({ acknowledgementMode: 'explicit' })
  group.leader().give({ first: 0, last: 1 })
  const [first] = await group.until(consumer.poll(1_000))
  if (first === undefined) throw new Error('nothing came')
  consumer.acknowledge(first)
  return consumer
}

/** A timer runs for a millisecond at least. */
const bound = (timeoutMs: number): number => Math.max(1, timeoutMs)

async function expectClosedWithin(consumer: ShareConsumer<Bytes, Bytes>, timeoutMs: number): Promise<unknown> {
  const closing = consumer.close({ timeoutMs }).then(
    () => undefined,
    (error: unknown) => error,
  )
  const { tookMs, value } = await group.timed(closing)
  expect(tookMs).toBeLessThanOrEqual(bound(timeoutMs))
  expect(group.leader().node.connections.size).toBe(0)
  expect(group.clock.pendingTimers).toBe(0)
  return value
}

describe.each([0, 1, 2, 50, 200, 1_000, 2_500])('close({ timeoutMs: %i }) beside a silent broker', (timeoutMs) => {
  it('ends in time, with every socket and timer released, and says what was not confirmed', async () => {
    const consumer = await working()
    fallSilent()
    expect(String(await expectClosedWithin(consumer, timeoutMs))).toMatch(/Broker 1 did not answer.*timeoutMs/)
  })

  it('ends in time while a fetch is out', async () => {
    const { consumer } = group.subscribed()
    const polling = consumer.poll(10_000).catch((error: unknown) => error)
    await group.clock.advance(100)
    fallSilent()
    // The one that is out now is the scripted broker's, and has a timer there.
    await group.clock.advance(1_000)
    await expectClosedWithin(consumer, timeoutMs)
    expect(await polling).toMatchObject({ code: 'CLOSED' })
  })

  it('ends in time when nothing was ever answered', async () => {
    fallSilent()
    const { consumer } = group.subscribed()
    const polling = consumer.poll(10_000).catch((error: unknown) => error)
    await group.clock.advance(100)
    expect(await expectClosedWithin(consumer, timeoutMs)).toBeUndefined()
    await polling
  })

  it('ends in time when unsubscribe() has sent a member away just before', async () => {
    const consumer = await working()
    fallSilent()
    const unsubscribed = consumer.unsubscribe()
    await group.clock.advance(0)
    await expectClosedWithin(consumer, timeoutMs)
    await unsubscribed
  })
})

describe('close({ timeoutMs: 0 })', () => {
  it('beside a broker that is well still stores what is answered, gives the rest back, and leaves', async () => {
    const consumer = await working()
    await expectClosedWithin(consumer, 0)
    expect(group.leader().stored).toEqual(['orders-0@0 ACCEPT', 'orders-0@1 RELEASE'])
    expect(group.heartbeats.at(-1)).toMatchObject({ memberEpoch: -1 })
  })

  it('does not reject for a leave that nobody waited for', async () => {
    const { consumer } = group.subscribed()
    await group.until(consumer.poll(10))
    group.leader().node.on(ShareFetch, () => undefined)
    await group.clock.advance(1_000)
    const left: number[] = []
    group.heartbeat = ({ memberEpoch }) => {
      left.push(memberEpoch)
      return undefined
    }
    expect(await expectClosedWithin(consumer, 0)).toBeUndefined()
    expect(left).toEqual([-1])
  })
})

it('the leave has half the time, whatever the share sessions wait for', async () => {
  const consumer = await working()
  const { node } = group.leader()
  node.on(ShareAcknowledge, () => undefined).on(ShareFetch, () => undefined)
  await expectClosedWithin(consumer, 400)
  expect(group.heartbeats.at(-1)).toMatchObject({ memberEpoch: -1 })
})

it('brokers that take turns leave no timer behind', async () => {
  const two = new ScriptedGroup({ nodes: 2 })
  two.topic('orders', [1, 2])
  const { consumer } = two.subscribed({ acquireMode: 'record_limit' })
  for (let i = 0; i < 3; i++) await two.until(consumer.poll(700))
  await two.until(consumer.close())
  expect(two.clock.pendingTimers).toBe(0)
  await two.end()
})

it('a member that is closed no longer listens to the metadata that it shared with others', async () => {
  const { clock } = group
  const context = KafkaClientContext.create(
    resolveClientConfig({
      bootstrapServers: 'broker-1:9092',
      logger: silentLogger,
      runtime: { clock, random: new SeededRandom(1), transport: group.network },
    }),
  )
  const options = { groupId: 'workers', bootstrapServers: 'broker-1:9092', logger: silentLogger }
  let listening = 0
  const onChange = context.metadata.onChange.bind(context.metadata)
  vi.spyOn(context.metadata, 'onChange').mockImplementation((listener) => {
    listening++
    const stop = onChange(listener)
    return () => {
      listening--
      stop()
    }
  })
  const consumer = new ShareConsumer(options, context)
  consumer.subscribe(['orders'])
  await group.until(consumer.poll(100))
  expect(listening).toBe(1)
  await group.until(consumer.close())
  expect(listening).toBe(0)
  await context.release()
})

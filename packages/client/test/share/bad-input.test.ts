import {
  ErrorCode,
  FindCoordinator,
  KafkaConnectionError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  Metadata,
  ShareFetch,
  ShareGroupHeartbeat,
  type KafkaError,
} from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { json } from '../../src/serde.js'
import type { ShareConsumer } from '../../src/share/share-consumer.js'
import { ScriptedGroup } from './scripted-group.js'

// What a first day brings: wrong addresses, clusters without share groups, clusters that are set up half. Default options, in
// virtual time; membership.test.ts has what a coordinator refuses.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

/** Polls for so long; how often it rejected, and with what. */
async function polled(consumer: ShareConsumer, forMs: number): Promise<KafkaError[]> {
  const failures: KafkaError[] = []
  const end = group.clock.now() + forMs
  while (group.clock.now() < end) {
    await group.until(consumer.poll(1_000).catch((error: unknown) => failures.push(error as KafkaError)))
  }
  return failures
}

describe('a bootstrap address', () => {
  it('that nobody listens on is warned of at once and told once, though membership and metadata both meet it', async () => {
    const consumer = group.consumer({ bootstrapServers: 'nowhere:9092' })
    consumer.subscribe(['orders'])
    await group.clock.advance(1_000)
    expect(group.warnings).toEqual([expect.stringMatching(/nowhere:9092.*bootstrapServers.*Trying again/)])
    const failures = await polled(consumer, 20_000)
    expect(failures).toHaveLength(1)
    expect(failures[0]).toSatisfy(KafkaConnectionError.is)
    expect(failures[0]?.message).toMatch(/nowhere:9092.*bootstrapServers.*Tried for 15\d\d\d ms/)
    expect(group.warnings).toHaveLength(1)
    expect(group.errors).toEqual([])
    const { tookMs } = await group.timed(consumer.close())
    expect(tookMs).toBeLessThan(100)
  })

  it.each([
    ['says nothing', () => undefined, /did not answer the ApiVersions handshake.*bootstrapServers/],
    [
      'hangs up on the first request, as a listener that wants SASL does',
      (connection: { close(): void }) => connection.close(),
      /SASL.*PLAINTEXT/,
    ],
  ] as const)('where somebody %s ends in one error after 15 s', async (what, act, message) => {
    const { node } = group.leader()
    if (what === 'says nothing') node.raw = act
    else {
      for (const api of [FindCoordinator, Metadata]) {
        node.on(api, (_, { connection }) => {
          act(connection)
          return undefined
        })
      }
    }
    const { consumer } = group.subscribed()
    const { value, tookMs } = await group.timed(consumer.poll(60_000).catch((error: unknown) => error))
    expect(value).toSatisfy(KafkaConnectionError.is)
    expect((value as KafkaError).message).toMatch(message)
    expect(tookMs).toBeLessThan(16_500)
    const { tookMs: closing } = await group.timed(consumer.close())
    expect(closing).toBeLessThan(100)
  })
})

describe('a cluster', () => {
  it('that is too old for share groups says which Kafka is needed', async () => {
    for (const api of [ShareGroupHeartbeat, ShareFetch]) group.leader().node.withheld.add(api)
    const { consumer } = group.subscribed()
    const failure = await group.until(consumer.poll(60_000).catch((error: unknown) => error))
    expect(failure).toSatisfy(KafkaUnsupportedVersionError.is)
    expect((failure as KafkaError).message).toMatch(/too old: Apache Kafka 4\.2/)
    expect(group.warnings).toEqual([])
  })

  it('that has share groups switched off is told the command that switches them on', async () => {
    group.heartbeat = (request) => group.refuse(request, ErrorCode.UNSUPPORTED_VERSION)
    const { consumer } = group.subscribed()
    await expect(group.until(consumer.poll(60_000))).rejects.toThrow(
      'kafka-features.sh --bootstrap-server broker-1:9092 upgrade --feature share.version=1',
    )
  })

  it('that has no coordinator for the group says what its brokers need', async () => {
    group.leader().node.on(FindCoordinator, ({ coordinatorKeys }) => ({
      throttleTimeMs: 0,
      coordinators: coordinatorKeys.map((key) => ({
        key,
        nodeId: -1,
        host: '',
        port: -1,
        errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
        errorMessage: null,
      })),
    }))
    const { consumer } = group.subscribed()
    const { value, tookMs } = await group.timed(consumer.poll(60_000).catch((error: unknown) => error))
    expect(value).toSatisfy(KafkaTimeoutError.is)
    expect((value as KafkaError).message).toMatch(/group 'workers'.*offsets\.topic\.replication\.factor/)
    expect(tookMs).toBeLessThan(16_500)
  })

  it('whose coordinator never takes the member in says why after 15 s, with one warning before', async () => {
    group.heartbeat = (request) => group.refuse(request, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    const { consumer } = group.subscribed()
    const { value, tookMs } = await group.timed(consumer.poll(60_000).catch((error: unknown) => error))
    expect(value).toMatchObject({ code: 'COORDINATOR_LOAD_IN_PROGRESS' })
    expect(tookMs).toBeLessThan(16_500)
    expect(group.warnings).toEqual([expect.stringMatching(/COORDINATOR_LOAD_IN_PROGRESS.*Trying again/)])
  })

  it('whose coordinator is down for a moment lets the member join without a word', async () => {
    const { node } = group.leader()
    let refusals = 0
    node.on(FindCoordinator, ({ coordinatorKeys }) => {
      // The coordinator is another node, which is not there yet.
      const gone = refusals++ < 3
      return {
        throttleTimeMs: 0,
        coordinators: coordinatorKeys.map((key) => ({
          key,
          nodeId: gone ? 9 : 1,
          host: gone ? 'broker-9' : 'broker-1',
          port: 9092,
          errorCode: 0,
          errorMessage: null,
        })),
      }
    })
    const { consumer, engine } = group.subscribed()
    await group.until(engine.whenJoined())
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(consumer.poll(10_000))).count).toBe(1)
    expect(refusals).toBe(4)
    expect(group.warnings).toEqual([])
  })

  it('that cannot keep the state of share groups is told what its brokers need, once', async () => {
    group.heartbeat = (request) => group.unassigned(request, { topicPartitions: [] })
    group.subscribed()
    await group.clock.advance(14_000)
    expect(group.warnings).toEqual([])
    await group.clock.advance(60_000)
    expect(group.warnings).toEqual([
      expect.stringMatching(
        /'workers' assigns nothing.*'orders'.*share\.coordinator\.state\.topic\.replication\.factor=1/,
      ),
    ])
  })
})

describe('a broker that goes away for half a minute', () => {
  it('is logged twice at most, whoever misses it, and again when it goes away again', async () => {
    const { consumer, engine } = group.subscribed()
    await group.until(engine.whenJoined())
    const { node } = group.leader()
    const away = async (): Promise<void> => {
      node.refuses = new KafkaConnectionError('Cannot connect to broker-1:9092 (connection refused).')
      group.leader().cut()
      await polled(consumer, 30_000)
      node.refuses = undefined
      await polled(consumer, 10_000)
    }
    await polled(consumer, 1_000)
    await away()
    expect(group.warnings.length).toBeGreaterThan(0)
    expect(group.warnings.length).toBeLessThanOrEqual(2)
    expect(group.warnings.join()).toContain('broker-1:9092 (connection refused)')
    await away()
    expect(group.warnings.length).toBeLessThanOrEqual(4)
    expect(group.warnings.length).toBeGreaterThan(2)
    expect(group.errors).toEqual([])
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(consumer.poll(10_000))).count).toBe(1)
  })
})

it.each([
  ['that json() cannot read', json(), 'its text is not JSON.'],
  [
    "at which a deserialiser of one's own throws",
    () => {
      throw new Error('no schema 7')
    },
    'no schema 7.',
  ],
] as const)(
  'a record %s is told with its place and the remedy, and its bytes stay out of the log',
  async (_, given, why) => {
    const { consumer } = group.subscribed({ valueDeserializer: given })
    group.leader().give({ first: 4, last: 4, value: () => Buffer.from('"hunter2') })
    const error = await group.until(consumer.poll(1_000)).catch((reason: unknown) => reason)
    expect((error as KafkaError).message).toBe(
      `The value of the record at offset 4 of orders-0 cannot be deserialised: ${why} Check that the valueDeserializer fits what the producer writes.`,
    )
  },
)

describe('a wrong argument', () => {
  it.each(['soon', Number.NaN, -1, null, { timeoutMs: 'soon' }])('of poll(), %j, is refused', async (wrong) => {
    const { consumer } = group.subscribed()
    await expect(consumer.poll(wrong as never)).rejects.toThrow(/poll\(\) takes a number of milliseconds/)
  })

  it('of poll() it is not: to wait for as long as it takes', async () => {
    const { consumer } = group.subscribed()
    const polling = consumer.poll(Infinity)
    await group.clock.advance(100_000)
    group.leader().give({ first: 0, last: 0 })
    expect((await group.until(polling)).count).toBe(1)
  })

  it.each(['error', 'lastWins'] as const)('of acknowledge() is refused (%s)', async (onSecondAcknowledge) => {
    const { consumer } = group.subscribed({ acknowledgementMode: 'explicit', onSecondAcknowledge })
    group.leader().give({ first: 0, last: 0 })
    const [record] = await group.until(consumer.poll(1_000))
    expect(() => consumer.acknowledge(undefined as never)).toThrow(/takes a record that poll\(\) returned/)
    expect(() => consumer.acknowledge(record as never, 'YES' as never)).toThrow(/"YES" is not an acknowledge type/)
  })

  it('of subscribe() is refused with an example, or with what a topic name may be', () => {
    const consumer = group.consumer()
    expect(() => consumer.subscribe('orders' as never)).toThrow("consumer.subscribe(['orders'])")
    for (const wrong of ['a b', '', '..', 'x'.repeat(250)])
      expect(() => consumer.subscribe([wrong])).toThrow(/legal topic name.*1 to 249 characters/)
    expect(() => consumer.subscribe([7 as never])).toThrow(/named by a text, such as 'orders', not by the number 7/)
    expect(() => consumer.subscribe([/f-.*/ as never])).toThrow(/not by a RegExp\. Patterns are not for share groups/)
  })
})

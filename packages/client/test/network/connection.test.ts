import {
  ApiVersions,
  encodeResponse,
  FindCoordinator,
  KafkaConnectionError,
  KafkaError,
  KafkaProtocolError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  Metadata,
  ShareFetch,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import type { VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Connection, ConnectionOptions } from '../../src/network/connection.js'
import { requireShareGroups } from '../../src/network/share-support.js'
import type { ScriptedConnection, ScriptedNode, SeenRequest } from '../scripted-network.js'
import { ScriptedConnections } from './scripted-connections.js'

const find = (key: string) => ({ keyType: 0, coordinatorKeys: [key] })
const found = (key: string) => ({
  throttleTimeMs: 0,
  coordinators: [{ key, nodeId: 7, host: 'h', port: 1, errorCode: 0, errorMessage: null }],
})

let connections: ScriptedConnections
let clock: VirtualClock
let node: ScriptedNode

beforeEach(() => {
  connections = new ScriptedConnections()
  ;({ clock, node } = connections)
})

const open = (options?: Partial<ConnectionOptions>): Promise<Connection> => connections.open(options)

/** The last request that arrived. */
function last(): SeenRequest {
  const seen = node.requests.at(-1)
  if (seen === undefined) throw new Error('nothing arrived')
  return seen
}

function isPending(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    promise.then(
      () => false,
      () => false,
    ),
    clock.advance(0).then(() => true),
  ])
}

describe('a handshake', () => {
  it('says who we are and learns versions and features', async () => {
    const connection = await open()
    expect(node.requests[0]).toMatchObject({
      api: 'ApiVersions',
      clientId: 'tester',
      body: { clientSoftwareName: 'milena' },
    })
    expect(connection.isOpen).toBe(true)
    expect(connection.version(ShareFetch)).toBe(ShareFetch.maxVersion)
    expect(connection.finalizedFeatures.get('share.version')).toBe(1)
  })

  it('is repeated in a version that an old broker knows, which it tells in the form of version 0', async () => {
    const versions: number[] = []
    node.raw = (peer, bytes) => {
      const version = bytes.readInt16BE(6)
      const correlationId = bytes.readInt32BE(8)
      versions.push(version)
      const apiKeys = [{ apiKey: ApiVersions.key, minVersion: 0, maxVersion: 2 }]
      const errorCode = version > 2 ? 35 : 0
      peer.send(
        encodeResponse(ApiVersions, {
          version: version > 2 ? 0 : version,
          correlationId,
          body: { errorCode, apiKeys, throttleTimeMs: 0 },
        }),
      )
    }
    const connection = await open()
    expect(versions).toEqual([ApiVersions.maxVersion, 2])
    expect(connection.finalizedFeatures.size).toBe(0)
  })

  it('that is never answered ends in a connection error within the bound', async () => {
    node.raw = () => undefined
    const opening = expect(open()).rejects.toSatisfy(
      (error: unknown) =>
        KafkaConnectionError.is(error) &&
        error.message.includes('did not answer the ApiVersions handshake within 10000 ms'),
    )
    await clock.advance(10_001)
    await opening
    expect(node.connections.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each([
    [
      'a web server',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      /does not speak Kafka's protocol \(it looks like a web server\).*bootstrapServers/,
    ],
    ['a TLS listener', Buffer.from([0x15, 0x03, 0x03, 0, 2, 2, 70]), /is a TLS port.*PLAINTEXT/],
    ['noise', Buffer.from('ffffffffffffffffffffffff', 'hex'), /does not speak Kafka's protocol/],
    ['an answer too short to read', Buffer.from('000000020000', 'hex'), /does not speak Kafka's protocol/],
  ])('with %s ends in an error that says so', async (_, bytes, message) => {
    node.raw = (peer) => peer.send(bytes)
    await expect(open()).rejects.toThrow(message)
    expect(node.connections.size).toBe(0)
  })

  it('with a peer that hangs up while connecting closes the socket that comes of it', async () => {
    let closed = 0
    const opening = open({
      transport: {
        connect: (_, { handlers }) => {
          handlers.close()
          return Promise.resolve({ write: () => undefined, close: () => closed++ })
        },
      },
    })
    const refused = expect(opening).rejects.toSatisfy(KafkaConnectionError.is)
    await clock.advance(10_001)
    await refused
    expect(closed).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('with a peer that hangs up says what to look at', async () => {
    node.raw = (peer) => peer.close()
    await expect(open()).rejects.toThrow(/closed the connection during the handshake.*PLAINTEXT/)
  })

  it('ends at once when its signal fires', async () => {
    node.raw = () => undefined
    const controller = new AbortController()
    const opening = open({ signal: controller.signal })
    await clock.advance(1)
    controller.abort()
    await expect(opening).rejects.toMatchObject({ code: 'ABORTED' })
  })
})

describe('a broker without share groups', () => {
  const refusal =
    /does not serve share groups: .*Apache Kafka 4.2 or newer with share.version>=1 is needed.*kafka-features/

  it('is told by its features', async () => {
    node.features = { 'share.version': 0 }
    const connection = await open()
    expect(() => requireShareGroups(connection)).toThrow(refusal)
    expect(() => requireShareGroups(connection)).toThrow('share.version=0')
  })

  it('is told by features that lack it', async () => {
    node.features = { 'metadata.version': 20 }
    const connection = await open()
    expect(() => requireShareGroups(connection)).toThrow('share.version=0')
  })

  it('is told by its APIs', async () => {
    node.withheld.add(ShareFetch).add(ShareGroupHeartbeat)
    const connection = await open()
    expect(() => requireShareGroups(connection)).toThrow(refusal)
    expect(() => requireShareGroups(connection)).toThrow('ShareGroupHeartbeat v1, ShareFetch v1')
    expect(() => connection.version(ShareFetch)).toThrow(/Broker 1 \(broker-1:9092\) does not serve ShareFetch/)
  })

  it('is not what a broker with both is taken for', async () => {
    const connection = await open()
    expect(() => requireShareGroups(connection)).not.toThrow()
  })
})

describe('a request', () => {
  it('finds its answer, whatever the order of the answers', async () => {
    const connection = await open()
    const [a, b, c] = ['a', 'b', 'c'].map((key) => connection.send(FindCoordinator, find(key)))
    await clock.advance(0)
    const seen = node.requests.slice(1)
    expect(connection.outstanding).toBe(3)
    for (const index of [1, 0, 2])
      seen[index]?.connection.answer(FindCoordinator, seen[index], found(['a', 'b', 'c'][index] ?? ''))
    for (const [promise, key] of [
      [a, 'a'],
      [b, 'b'],
      [c, 'c'],
    ] as const) {
      expect((await promise)?.coordinators[0]?.key).toBe(key)
    }
    expect(connection.outstanding).toBe(0)
  })

  it('times out, and its late answer is dropped without putting later ones out of step', async () => {
    const connection = await open()
    const late = connection.send(FindCoordinator, find('late'), { timeoutMs: 100 })
    await clock.advance(0)
    const lateRequest = last()
    const outcome = expect(late).rejects.toSatisfy((error: unknown) => KafkaTimeoutError.is(error) && error.retriable)
    await clock.advance(101)
    await outcome
    const next = connection.send(FindCoordinator, find('next'))
    await clock.advance(0)
    lateRequest.connection.answer(FindCoordinator, lateRequest, found('late'))
    lateRequest.connection.answer(FindCoordinator, last(), found('next'))
    expect((await next).coordinators[0]?.key).toBe('next')
    expect(connection.isOpen).toBe(true)
  })

  it('times out each at its own time over one timer', async () => {
    const connection = await open()
    const timedOut: string[] = []
    for (const [key, timeoutMs] of [
      ['slow', 300],
      ['fast', 100],
      ['middle', 200],
    ] as const) {
      connection.send(FindCoordinator, find(key), { timeoutMs }).catch(() => timedOut.push(`${key} ${clock.now()}`))
    }
    expect(clock.pendingTimers).toBe(1)
    await clock.advance(1_000)
    expect(timedOut).toEqual(['fast 100', 'middle 200', 'slow 300'])
    expect(clock.pendingTimers).toBe(0)
  })

  it('can be given up by its signal; the connection goes on', async () => {
    const connection = await open()
    const controller = new AbortController()
    const given = connection.send(FindCoordinator, find('given up'), { signal: controller.signal })
    controller.abort()
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
    await expect(connection.send(FindCoordinator, find('x'), { signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
    node.on(FindCoordinator, () => found('b'))
    await expect(connection.send(FindCoordinator, find('b'))).resolves.toMatchObject({ coordinators: [{ key: 'b' }] })
  })

  it('that the negotiated version cannot carry is refused before anything is sent', async () => {
    node.on(ApiVersions, () => ({
      errorCode: 0,
      throttleTimeMs: 0,
      apiKeys: [{ apiKey: ShareFetch.key, minVersion: 1, maxVersion: 1 }],
    }))
    const connection = await open()
    const before = node.requests.length
    const refusal = connection.send(ShareFetch, shareFetch(), { minVersion: 2 })
    await expect(refusal).rejects.toSatisfy(
      (error: unknown) => KafkaUnsupportedVersionError.is(error) && error.message.includes('up to version 1'),
    )
    await expect(connection.send(Metadata, { includeTopicAuthorizedOperations: false })).rejects.toSatisfy(
      KafkaUnsupportedVersionError.is,
    )
    expect(node.requests.length).toBe(before)
  })

  it('with an answer that cannot be read ends the connection', async () => {
    const connection = await open()
    const sent = connection.send(FindCoordinator, find('a'))
    const neighbour = connection.send(FindCoordinator, find('b'))
    const neighbourOutcome = expect(neighbour).rejects.toSatisfy(KafkaError.is)
    await clock.advance(0)
    const frame = Buffer.alloc(12, 0xff)
    frame.writeInt32BE(8, 0)
    frame.writeInt32BE(last().correlationId - 1, 4)
    last().connection.send(frame)
    await expect(sent).rejects.toSatisfy(KafkaProtocolError.is)
    await neighbourOutcome
    expect(connection.isOpen).toBe(false)
  })

  it('whose answer is longer than allowed ends the connection before anything is allocated for it', async () => {
    const connection = await open()
    const sent = connection.send(FindCoordinator, find('a'))
    await clock.advance(0)
    const size = Buffer.alloc(4)
    size.writeInt32BE(1_000_001)
    last().connection.send(size)
    await expect(sent).rejects.toSatisfy(KafkaProtocolError.is)
    expect(connection.isOpen).toBe(false)
  })
})

describe('the death of a connection', () => {
  it('rejects what is outstanding and everything later, and is told once', async () => {
    const connection = await open()
    const told: KafkaError[] = []
    connection.onClose((error) => told.push(error))
    const outstanding = [connection.send(FindCoordinator, find('a')), connection.send(FindCoordinator, find('b'))]
    const outcomes = Promise.all(
      outstanding.map((promise) => expect(promise).rejects.toSatisfy(KafkaConnectionError.is)),
    )
    await clock.advance(0)
    node.cut(new Error('reset by peer'))
    await outcomes
    connection.close()
    node.cut()
    await clock.advance(0)
    expect(told).toHaveLength(1)
    expect(told[0]?.message).toContain('reset by peer')
    await expect(connection.send(FindCoordinator, find('c'))).rejects.toBe(told[0])
    connection.onClose((error) => told.push(error))
    expect(told).toHaveLength(2)
    expect(clock.pendingTimers).toBe(0)
  })

  it('by close() gives the outstanding requests its cause', async () => {
    const connection = await open()
    const outstanding = connection.send(FindCoordinator, find('a'))
    const cause = new KafkaConnectionError('because of the test')
    const outcome = expect(outstanding).rejects.toBe(cause)
    connection.close(cause)
    connection.close(new KafkaConnectionError('another'))
    await outcome
    expect(connection.death).toBe(cause)
    expect(node.connections.size).toBe(0)
  })

  it('on the first request hints at SASL', async () => {
    const connection = await open()
    node.on(FindCoordinator, (_, { connection: peer }) => {
      peer.close()
      return undefined
    })
    await expect(connection.send(FindCoordinator, find('a'))).rejects.toThrow(/SASL/)
  })

  it('is survived by a listener that throws', async () => {
    const connection = await open()
    let second = false
    connection.onClose(() => {
      throw new Error('observer')
    })
    connection.onClose(() => (second = true))
    connection.close()
    expect(second).toBe(true)
  })
})

describe('an idle connection', () => {
  beforeEach(() => node.on(FindCoordinator, ({ coordinatorKeys }) => found(coordinatorKeys[0] ?? '')))

  it('closes itself, quietly, after its time without traffic', async () => {
    const connection = await open({ maxIdleMs: 540_000 })
    await clock.advance(539_999)
    expect(connection.isOpen).toBe(true)
    await clock.advance(1)
    expect(connection.isOpen).toBe(false)
    expect(connection.death).toMatchObject({ code: 'IDLE', retriable: true })
    expect(connection.endedByPeer).toBe(false)
    expect(node.connections.size).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('lives on with every request and answer', async () => {
    const connection = await open({ maxIdleMs: 60_000 })
    for (let i = 0; i < 10; i++) {
      await clock.advance(50_000)
      await connection.send(FindCoordinator, find('g'))
    }
    expect(connection.isOpen).toBe(true)
    await clock.advance(60_001)
    expect(connection.isOpen).toBe(false)
  })

  it('is not one that waits for an answer, however long that takes', async () => {
    node.on(FindCoordinator, () => undefined)
    const connection = await open({ maxIdleMs: 1_000 })
    const sent = connection.send(FindCoordinator, find('g'), { timeoutMs: 10_000 })
    const outcome = expect(sent).rejects.toSatisfy(KafkaTimeoutError.is)
    await clock.advance(9_999)
    expect(connection.isOpen).toBe(true)
    await clock.advance(1_001)
    await outcome
    expect(connection.isOpen).toBe(false)
  })
})

describe('a throttled connection', () => {
  const throttled = (ms: number) =>
    node.on(FindCoordinator, ({ coordinatorKeys }) => ({
      ...found(coordinatorKeys[0] ?? ''),
      throttleTimeMs: ms,
    }))

  it('tells for how long its broker wants a pause', async () => {
    throttled(700)
    const connection = await open()
    expect(connection.throttledForMs).toBe(0)
    await connection.send(FindCoordinator, find('g'))
    expect(connection.throttledForMs).toBe(700)
    await clock.advance(300)
    expect(connection.throttledForMs).toBe(400)
    throttled(100)
    await connection.send(FindCoordinator, find('g'))
    expect(connection.throttledForMs).toBe(400)
    await clock.advance(401)
    expect(connection.throttledForMs).toBe(0)
  })

  it('does not believe a broker that wants a pause without end', async () => {
    throttled(2_147_483_647)
    const connection = await open()
    await connection.send(FindCoordinator, find('g'))
    expect(connection.throttledForMs).toBe(30_000)
  })
})

it('a connection that is lost in the middle of a frame rejects who waits for it, and nothing of it is read', async () => {
  const connection = await open()
  const sent = connection.send(FindCoordinator, find('g'))
  const outcome = expect(sent).rejects.toSatisfy(KafkaConnectionError.is)
  await clock.advance(0)
  const { version, correlationId, connection: peer } = last()
  const frame = encodeResponse(FindCoordinator, { version, correlationId, body: found('g') })
  peer.send(frame.subarray(0, frame.length - 3))
  await clock.advance(0)
  peer.close()
  await outcome
  expect(connection.endedByPeer).toBe(true)
})

it('answers that nobody asked for do no harm', async () => {
  const connection = await open()
  const [peer] = node.connections as Iterable<ScriptedConnection>
  peer?.answer(FindCoordinator, { version: 6, correlationId: 4711 }, found('stray'))
  await clock.advance(0)
  const sent = connection.send(FindCoordinator, find('a'))
  expect(await isPending(sent)).toBe(true)
  peer?.answer(FindCoordinator, last(), found('a'))
  await expect(sent).resolves.toMatchObject({ coordinators: [{ key: 'a' }] })
})

function shareFetch() {
  return {
    groupId: 'g',
    memberId: 'm',
    shareSessionEpoch: 0,
    maxWaitMs: 0,
    minBytes: 0,
    maxRecords: 0,
    batchSize: 0,
    topics: [],
    forgottenTopicsData: [],
  }
}

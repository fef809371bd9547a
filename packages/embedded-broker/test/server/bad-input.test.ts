import { connect, type Socket } from 'node:net'
import { EmbeddedBroker } from '@milena/embedded-broker'
import { ApiVersions, encodeRequest, Fetch, FrameSplitter } from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, describe, expect, it } from 'vitest'

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const frame = (...parts: readonly Uint8Array[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length), body])
}

const CORRELATION_ID = 7
const clientId = Buffer.concat([int16(3), Buffer.from('bad')])

/** A request with whatever body, in the header of versions that are not flexible. */
const request = (api: number, version: number, ...body: readonly Uint8Array[]) =>
  frame(int16(api), int16(version), int32(CORRELATION_ID), clientId, ...body)

/** The same in the header of flexible versions, which ends with tagged fields. */
const flexible = (api: number, version: number, ...body: readonly Uint8Array[]) =>
  request(api, version, Buffer.from([0]), ...body)

const healthy = encodeRequest(ApiVersions, {
  version: 3,
  correlationId: 1,
  clientId: 'good',
  body: { clientSoftwareName: 'a-test', clientSoftwareVersion: '1.0' },
})

function open(bootstrapServers: string): Promise<Socket> {
  const [host = '', port] = bootstrapServers.split(':')
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** The first frame that comes back, or that the connection ended. */
async function answerTo(bootstrapServers: string, ...chunks: readonly Uint8Array[]): Promise<Buffer | 'closed'> {
  const socket = await open(bootstrapServers)
  try {
    return await new Promise((resolve) => {
      const splitter = new FrameSplitter({ maxFrameBytes: 10_000_000 })
      socket.on('data', (chunk: Buffer) => splitter.push(chunk, resolve))
      socket.on('close', () => resolve('closed'))
      for (const chunk of chunks) socket.write(chunk)
    })
  } finally {
    socket.destroy()
  }
}

const noise = (length: number) => {
  const bytes = Buffer.alloc(length)
  let state = 42
  for (let i = 0; i < length; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    bytes[i] = state >> 16
  }
  return bytes
}

// Whatever is sent here, it is a broker's answer that counts: Kafka's own.
describeOnBrokers('Bad input', (broker) => {
  it.each([
    ['a request of HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: here\r\n\r\n')],
    ["a client's first words in TLS", Buffer.from('16030102000100 01fc0303'.replaceAll(' ', ''), 'hex')],
    ['noise', noise(1024)],
    ['a negative size', int32(-1)],
    ['an empty frame', int32(0)],
    ['a frame that is too short for a header', frame(Buffer.from('abc'))],
    ['a frame of one byte more than is allowed', int32(104_857_601)],
    ['a frame of 2 GiB', int32(2 ** 31 - 1)],
    ['an API that there is not', request(999, 0)],
    ['an API with a negative key', request(-1, 0)],
    ['an API that only controllers have', flexible(58, 0, Buffer.alloc(10))],
    ['a version that is too new', request(3, 99, int32(0))],
    ['a negative version', request(3, -1, int32(0))],
    ['a version that Kafka 4 has dropped', request(1, 3, Buffer.alloc(50))],
    ['a request that ends too early', request(3, 1, int32(5))],
    ['an array of 2 G elements', request(3, 1, int32(2 ** 31 - 1))],
    ['a compact array of 4 G elements', flexible(3, 12, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))],
    ['a length that has too many bytes', flexible(3, 12, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ['a client id that is longer than the frame', frame(int16(3), int16(1), int32(1), int16(30_000), int32(0))],
  ])('ends the connection for %s', async (_, bytes) => {
    expect(await answerTo(broker.bootstrapServers, bytes)).toBe('closed')
    expect(await answerTo(broker.bootstrapServers, healthy)).toBeInstanceOf(Buffer)
  })

  it('is answered before the connection ends for what came in time', async () => {
    const answer = await answerTo(broker.bootstrapServers, Buffer.concat([healthy, request(999, 0)]))
    expect(answer).toBeInstanceOf(Buffer)
  })

  it('a version of ApiVersions that is too new is answered with what there is, in the form of version 0', async () => {
    const answer = await answerTo(broker.bootstrapServers, flexible(18, 99, Buffer.from([1, 1, 0])))
    // Correlation id, UNSUPPORTED_VERSION, one API: ApiVersions from 0 on.
    const expected = Buffer.concat([int32(CORRELATION_ID), int16(35), int32(1), int16(18), int16(0)])
    expect(answer.slice(0, expected.length)).toEqual(expected)
  })

  it.each([
    ['no name', [1, 1, 0]],
    ['a name of exclamation marks', [3, 0x21, 0x21, 2, 0x31, 0]],
  ])('ApiVersions from a client whose software has %s is an invalid request', async (_, body) => {
    const answer = await answerTo(broker.bootstrapServers, flexible(18, 3, Buffer.from(body)))
    // Correlation id, INVALID_REQUEST, no API, throttle time, no tagged fields.
    expect(answer).toEqual(
      Buffer.concat([int32(CORRELATION_ID), int16(42), Buffer.from([1]), int32(0), Buffer.from([0])]),
    )
  })

  it('bytes behind a request, within its frame, are passed over', async () => {
    expect(await answerTo(broker.bootstrapServers, request(3, 1, int32(0), Buffer.from('more')))).toBeInstanceOf(Buffer)
  })

  it('a request that comes byte by byte is served', async () => {
    const bytes = [...healthy].map((byte) => Buffer.from([byte]))
    expect(await answerTo(broker.bootstrapServers, ...bytes)).toBeInstanceOf(Buffer)
  })
})

describe('The embedded broker', () => {
  const brokers: EmbeddedBroker[] = []
  const warnings: string[] = []
  afterEach(async () => {
    warnings.length = 0
    for (const broker of brokers.splice(0)) await broker.stop()
  })

  async function start(): Promise<EmbeddedBroker> {
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) }
    const broker = await EmbeddedBroker.start({ topics: ['orders'], logger })
    brokers.push(broker)
    return broker
  }

  const connections = (broker: EmbeddedBroker) => broker.inspect().brokers[0]?.connections.length

  it('says in its log why it ended a connection', async () => {
    const { bootstrapServers } = await start()
    await answerTo(bootstrapServers, Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    await answerTo(bootstrapServers, request(999, 0))
    await answerTo(bootstrapServers, request(3, 1, int32(5)))
    expect(warnings).toEqual([
      expect.stringMatching(/^Closed the connection of \/127\.0\.0\.1: A frame of 1195725856 bytes is announced/),
      expect.stringMatching(/asked for API 999 version 0.*UNSUPPORTED_VERSION/),
      expect.stringMatching(/^Closed the connection of \/127\.0\.0\.1: .*Metadata/),
    ])
  })

  it('takes little memory for large frames that are announced and never come', async () => {
    const broker = await start()
    const before = process.memoryUsage().arrayBuffers
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open(broker.bootstrapServers)))
    for (const socket of sockets) socket.write(Buffer.concat([int32(100_000_000), Buffer.from('a little')]))
    expect(await answerTo(broker.bootstrapServers, healthy)).toBeInstanceOf(Buffer)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000_000)
    for (const socket of sockets) socket.destroy()
    await broker.until(() => connections(broker) === 0)
  })

  it('forgets connections that come and go, a thousand at once', async () => {
    const broker = await start()
    const sockets = await Promise.all(Array.from({ length: 1_000 }, () => open(broker.bootstrapServers)))
    await broker.until(() => connections(broker) === 1_000)
    for (const [i, socket] of sockets.entries()) {
      if (i % 2 === 0) socket.destroy()
      else socket.resetAndDestroy()
    }
    await broker.until(() => connections(broker) === 0)
    expect(await answerTo(broker.bootstrapServers, healthy)).toBeInstanceOf(Buffer)
  })

  it('forgets the long polls of clients that die in the middle of them', async () => {
    const broker = await start()
    const poll = encodeRequest(Fetch, {
      version: 4,
      correlationId: 2,
      clientId: 'poller',
      body: {
        replicaId: -1,
        maxWaitMs: 600_000,
        minBytes: 1,
        maxBytes: 1_000_000,
        isolationLevel: 0,
        topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 }] }],
      },
    })
    for (let round = 0; round < 5; round++) {
      const sockets = await Promise.all(Array.from({ length: 20 }, () => open(broker.bootstrapServers)))
      for (const socket of sockets) socket.write(Buffer.concat([poll, poll]))
      await broker.until(() => broker.inspect().waitingRequests === 20)
      for (const socket of sockets) socket.resetAndDestroy()
      await broker.until(() => broker.inspect().waitingRequests === 0 && connections(broker) === 0)
    }
  })
})

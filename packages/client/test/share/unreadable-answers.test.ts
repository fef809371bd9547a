import type { EmbeddedBroker, EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { KafkaError, KafkaProtocolError, RecordBatchBuilder, RecordBatchReader, ShareFetch } from '@milena/protocol'
import { silentLogger, type Logger, type Transport, type VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import type { ShareConsumer, ShareConsumerOptions } from '../../src/index.js'
import { engineOf } from '../../src/internal.js'
import { VirtualGroup } from './virtual-group.js'

// Whatever of a ShareFetch answer cannot be read, or does not come at all, is told, and costs few deliveries.

type Cluster = EmbeddedBroker<VirtualClock>

let group: VirtualGroup

afterEach(() => group.end())

async function start(options: EmbeddedBrokerOptions<VirtualClock> = {}): Promise<Cluster> {
  const broker = await VirtualGroup.startBroker(11, { topics: ['orders:1'], ...options })
  group = new VirtualGroup(broker)
  return broker
}

interface Member {
  readonly consumer: ShareConsumer
  readonly warnings: string[]
  readonly errors: string[]
  readonly lasting: KafkaError[]
}

function member(options: Partial<ShareConsumerOptions> = {}): Member {
  const [warnings, errors, lasting]: [string[], string[], KafkaError[]] = [[], [], []]
  const logger: Logger = {
    ...silentLogger,
    warn: (_, message) => warnings.push(message),
    error: (_, message) => errors.push(message),
  }
  const consumer = group.consumer({ logger, ...options })
  engineOf(consumer).onFailure({ fatal: () => undefined, lasting: (error) => lasting.push(error) })
  return { consumer, warnings, errors, lasting }
}

/** Polls for so long and accepts what comes. */
async function pollFor({ consumer }: Member, ms: number): Promise<{ values: string[]; told: KafkaError[] }> {
  const { broker } = group
  const [values, told]: [string[], KafkaError[]] = [[], []]
  const until = broker.clock.now() + ms
  while (broker.clock.now() < until) {
    try {
      for (const record of await broker.advanceUntil(consumer.poll(Math.min(500, until - broker.clock.now())))) {
        values.push(`${record.topic} ${String(record.value)}`)
        consumer.acknowledge(record)
      }
    } catch (error) {
      if (!KafkaError.is(error)) throw error
      told.push(error)
    }
  }
  return { values, told }
}

/** Every answer to a ShareFetch that holds records is changed before it arrives. */
function damaging(transport: Transport, damage: (frame: Buffer) => Buffer): Transport {
  return {
    async connect(address, options) {
      const fetches = new Set<number>()
      const socket = await transport.connect(address, {
        ...options,
        handlers: {
          ...options.handlers,
          data: (chunk) => {
            const isFetched = fetches.delete(chunk.readInt32BE(4)) && chunk.includes('poison')
            options.handlers.data(isFetched ? damage(Buffer.from(chunk)) : chunk)
          },
        },
      })
      return {
        ...socket,
        write: (frame) => {
          if (frame.readInt16BE(4) === ShareFetch.key) fetches.add(frame.readInt32BE(8))
          socket.write(frame)
        },
        close: () => socket.close(),
      }
    },
  }
}

/** Changes the bytes of every partition that brings records named `bad`. */
function changing(broker: Cluster, change: (records: Buffer) => Buffer): Disposable {
  return broker.intercept('ShareFetch', () => ({
    do: 'change',
    answer: (body) => ({
      ...body,
      responses: body.responses.map((topic) => ({
        ...topic,
        partitions: topic.partitions.map((partition) => {
          const { records, acquiredRecords } = partition
          const bytes = Buffer.from(records ?? [])
          if (!bytes.includes('bad') || acquiredRecords.length === 0) return partition
          return { ...partition, records: change(bytes) }
        }),
      })),
    }),
  }))
}

function deliveries(broker: Cluster): number {
  return Math.max(
    0,
    ...broker.inspect().sharePartitions.flatMap(({ records }) => records.map(({ deliveryCount }) => deliveryCount)),
  )
}

describe('ShareFetch answers that cannot be read', () => {
  it.each<[string, (frame: Buffer) => Buffer]>([
    ['since their bytes are others', (frame) => frame.fill(0xff, 9)],
    [
      'since their length is impossible',
      (frame) => {
        frame.writeInt32BE(0x7fff_ffff)
        return frame
      },
    ],
    ['since another protocol answers', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ])('%s are told, warned of once they last, and cost one record few deliveries', async (_, damage) => {
    const broker = await start()
    const { transport, ...runtime } = broker.runtime
    if (transport === undefined) throw new Error('It has a transport.')
    const bad = member({ runtime: { ...runtime, transport: damaging(transport, damage) } })
    broker.append(
      'orders',
      [...'poisonous'].map(() => ({ value: 'poison' })),
    )
    const { values, told } = await pollFor(bad, 18_000)
    expect(values).toEqual([])
    expect(told.length).toBeGreaterThanOrEqual(3)
    // At once, after 1 s, 4 s and 16 s, moved by a fifth.
    expect(told.length).toBeLessThanOrEqual(4)
    for (const error of told) {
      expect(error).toSatisfy(KafkaProtocolError.is)
      expect(error).toMatchObject({ code: 'MALFORMED_BYTES', retriable: true })
      expect(error.message).toMatch(/proxy/)
    }
    expect(deliveries(broker)).toBeLessThanOrEqual(4)
    await pollFor(bad, 30_000)
    expect(bad.warnings.filter((line) => line.includes('This goes on'))).toHaveLength(bad.lasting.length)
    expect(bad.lasting.length).toBeGreaterThanOrEqual(1)
    expect(bad.lasting[0]).toSatisfy(KafkaProtocolError.is)
  })

  it('ask for one record until some could be read, and for many from then on', async () => {
    const broker = await start()
    let bad = 2
    const { transport, ...runtime } = broker.runtime
    if (transport === undefined) throw new Error('It has a transport.')
    const damage = (frame: Buffer): Buffer => (bad-- > 0 ? frame.fill(0xff, 9) : frame)
    const one = member({ runtime: { ...runtime, transport: damaging(transport, damage) } })
    for (let i = 0; i < 20; i++) broker.append('orders', [{ value: `poison ${i}` }])
    const { values, told } = await pollFor(one, 12_000)
    expect(told).toHaveLength(2)
    expect([...new Set(values)]).toHaveLength(20)
    const sizes = broker
      .requests({ api: 'ShareFetch' })
      .map(({ body }) => (body as { maxRecords: number }).maxRecords)
      .filter((records) => records > 0)
    expect(sizes.filter((records) => records === 1).length).toBeGreaterThanOrEqual(2)
    expect(sizes.at(-1)).toBeGreaterThan(1)
  })
})

describe('a leader that answers no ShareFetch', () => {
  it.each([
    ['cuts the connection', { do: 'cut' } as const],
    ['cuts it after it has acquired', { do: 'cut', when: 'after' } as const],
    ['says nothing', { do: 'drop' } as const],
  ])('and %s is warned of once it lasts, and asked less and less often', async (_, act) => {
    const broker = await start()
    const one = member({ requestTimeoutMs: 2_000 })
    await pollFor(one, 1_000)
    const refusal = broker.intercept('ShareFetch', () => act)
    broker.append('orders', [{ value: 'a' }])
    const { told } = await pollFor(one, 60_000)
    expect(told).toEqual([])
    expect(refusal.count).toBeLessThan(15)
    expect(one.warnings.filter((line) => line.includes('Broker 1'))).not.toEqual([])
    expect(one.lasting.length).toBeGreaterThanOrEqual(2)
    expect(one.lasting.length).toBeLessThanOrEqual(4)
    expect(one.lasting[0]).toMatchObject({ code: 'NETWORK_EXCEPTION' })
    refusal[Symbol.dispose]()
    if (act.do === 'cut' && !('when' in act)) expect((await pollFor(one, 15_000)).values).toEqual(['orders a'])
  })

  it('once is nothing to speak of: the records come at once', async () => {
    const broker = await start()
    const one = member()
    await pollFor(one, 1_000)
    broker.intercept('ShareFetch', () => ({ do: 'cut' }), { times: 1 })
    broker.append('orders', [{ value: 'a' }])
    expect(await pollFor(one, 1_500)).toEqual({ values: ['orders a'], told: [] })
    expect([one.warnings, one.errors, one.lasting]).toEqual([[], [], []])
  })
})

describe('a partition whose record batch', () => {
  const shorter = (records: Buffer): Buffer => records.subarray(0, -3)
  const endless = (records: Buffer): Buffer => {
    records.writeInt32BE(0x7fff_ffff, 8)
    return records
  }

  it.each([
    ['never comes whole', shorter],
    ['comes without most of it', (records: Buffer) => records.subarray(0, 30)],
    ['claims to be endless', endless],
  ])('%s is told by place and remedy, rests longer and longer, and holds up no other', async (_, change) => {
    const broker = await start({ topics: ['orders:1', 'fine:1'] })
    const one = member()
    one.consumer.subscribe(['orders', 'fine'])
    using _change = changing(broker, change)
    broker.append('orders', [{ value: 'bad a' }, { value: 'bad b' }])
    const [values, told]: [string[], KafkaError[]] = [[], []]
    for (let i = 0; i < 16; i++) {
      broker.append('fine', [{ value: `${i}` }])
      const polled = await pollFor(one, 1_000)
      values.push(...polled.values)
      told.push(...polled.told)
    }
    expect(values).toEqual(Array.from({ length: 16 }, (_value, i) => `fine ${i}`))
    expect(told.length).toBeGreaterThanOrEqual(3)
    expect(told.length).toBeLessThanOrEqual(4)
    for (const error of told) {
      expect(error).toSatisfy(KafkaProtocolError.is)
      expect(error).toMatchObject({ retriable: true })
      expect(error.message).toMatch(/offsets 0 to 1 of orders-0.*fetchMaxBytes.*max\.message\.bytes.*corrupt segment/)
    }
    expect(deliveries(broker)).toBeLessThanOrEqual(4)
    expect(one.warnings.filter((line) => line.includes('orders-0'))).toHaveLength(told.length)
    await pollFor(one, 20_000)
    expect(one.lasting).not.toEqual([])
  })

  it('comes whole again is delivered', async () => {
    const broker = await start()
    const one = member()
    let bad = 2
    using _change = changing(broker, (records) => (bad-- > 0 ? shorter(records) : records))
    broker.append('orders', [{ value: 'bad' }])
    const { values, told } = await pollFor(one, 10_000)
    expect(values).toEqual(['orders bad'])
    expect(told).toHaveLength(2)
  })

  it('is the last of an answer and cut off comes with the next, and nobody hears of it', async () => {
    const broker = await start()
    const one = member()
    let bad = 1
    using _change = changing(broker, (records) => (bad-- > 0 ? shorter(records) : records))
    broker.append('orders', [{ value: 'bad a' }])
    broker.append('orders', [{ value: 'bad b' }])
    const { values, told } = await pollFor(one, 2_000)
    expect(bad).toBeLessThan(0)
    expect(told).toEqual([])
    expect(values).toEqual(['orders bad a', 'orders bad b'])
    expect([one.warnings, one.errors, one.lasting]).toEqual([[], [], []])
  })

  it('is no batch at all is rejected with one line that counts its records', async () => {
    const broker = await start()
    const one = member()
    using _change = changing(broker, () => Buffer.alloc(200))
    broker.append('orders', [{ value: 'bad a' }, { value: 'bad b' }])
    await pollFor(one, 3_000)
    expect(one.errors).toEqual([expect.stringContaining('its 2 records are rejected') as string])
  })

  it('is not there at all is answered as a gap, and the log says so', async () => {
    const broker = await start()
    const one = member()
    using _change = changing(broker, () => Buffer.alloc(0))
    broker.append('orders', [{ value: 'bad a' }, { value: 'bad b' }])
    await pollFor(one, 3_000)
    expect(one.warnings).toEqual([expect.stringMatching(/offsets 0 to 1 of orders-0 and sent no bytes/) as string])
  })
})

describe('a record batch whose length points past the end although it is not the last', () => {
  it('is damage of its own: the reader goes on with the next', async () => {
    await start()
    const batches = [0, 1, 2].map((baseOffset) => {
      const builder = new RecordBatchBuilder({ baseOffset })
      builder.append({ timestamp: 1, key: null, value: Buffer.from(`v${baseOffset}`) })
      return Buffer.from(builder.build() as Buffer)
    })
    batches[0]?.writeInt32BE(0x7fff_ffff, 8)
    const reader = new RecordBatchReader(Buffer.concat(batches))
    expect(() => reader.next()).toThrow(/base offset 0 claims 2147483647 bytes/)
    expect([reader.next()?.baseOffset, reader.next()?.baseOffset, reader.next()]).toEqual([1, 2, undefined])
    expect(reader.cutOff).toBeUndefined()
  })
})

import {
  ErrorCode,
  InitProducerId,
  KafkaBrokerError,
  KafkaTimeoutError,
  KafkaUsageError,
  Produce,
} from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ProducerOptions } from '../../src/config/producer-config.js'
import { Producer } from '../../src/producer/producer.js'
import { json } from '../../src/serde.js'
import { ScriptedNetwork } from '../scripted-network.js'
import { ScriptedLog, type Fault } from './scripted-log.js'

let clock: VirtualClock
let network: ScriptedNetwork
let log: ScriptedLog
let warnings: string[]
const logger: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message) }

function start(shape = { partitions: 1, nodes: 1 }): void {
  clock = new VirtualClock()
  network = new ScriptedNetwork()
  log = new ScriptedLog(network, 'orders', shape)
  warnings = []
}

beforeEach(() => start())

function producer<K = string | Buffer | null, V = string | Buffer | null>(
  options: Partial<ProducerOptions<K, V>> = {},
  seed = 1,
): Producer<K, V> {
  return new Producer<K, V>({
    bootstrapServers: 'broker-1:9092',
    logger,
    runtime: { clock, random: new SeededRandom(seed), transport: network },
    ...options,
  })
}

/** Runs the clock until the promise is settled. */
async function settled<T>(promise: Promise<T>, limitMs = 300_000): Promise<T> {
  let done = false
  const watched = promise.finally(() => (done = true))
  watched.catch(() => undefined)
  const until = clock.now() + limitMs
  while (!done && clock.now() < until) await clock.advance(10)
  if (!done) throw new Error(`not settled within ${limitMs} ms`)
  return watched
}

const produced = () => [...network.nodes.values()].flatMap((node) => node.seen(Produce))

describe('send()', () => {
  it('resolves with the place of each record', async () => {
    const subject = producer()
    const sent = ['a', 'b', 'c'].map((value) => subject.send({ topic: 'orders', value, timestamp: 5 }))
    expect(await settled(Promise.all(sent))).toEqual(
      [0, 1, 2].map((offset) => ({ topic: 'orders', partition: 0, offset, timestamp: 5 })),
    )
    expect(log.partitions).toEqual([['a', 'b', 'c']])
  })

  it('gathers what is sent within lingerMs into one batch', async () => {
    const subject = producer({ lingerMs: 20 })
    await settled(subject.send({ topic: 'orders', value: 'first' }))
    const before = log.batches
    const startedAt = clock.now()
    const sent = [subject.send({ topic: 'orders', value: 'a' })]
    await clock.advance(10)
    sent.push(subject.send({ topic: 'orders', value: 'b' }))
    await clock.advance(9)
    expect(log.batches).toBe(before)
    await settled(Promise.all(sent))
    expect(log.batches).toBe(before + 1)
    expect(clock.now() - startedAt).toBeLessThanOrEqual(30)
  })

  it('does not wait for a batch that is full', async () => {
    const subject = producer({ lingerMs: 60_000, batchSize: 100 })
    const full = subject.send({ topic: 'orders', value: 'x'.repeat(90) })
    const lingering = subject.send({ topic: 'orders', value: 'y' })
    await settled(full, 1_000)
    expect(log.partitions[0]).toHaveLength(1)
    await settled(subject.flush(), 1_000)
    expect(await lingering).toMatchObject({ offset: 1 })
  })

  it('chooses the partition by key as Java does, and takes one that is given', async () => {
    start({ partitions: 7, nodes: 2 })
    const subject = producer()
    const keyed = await settled(subject.send({ topic: 'orders', key: 'customer-17', value: 'v' }))
    expect(keyed.partition).toBe(6)
    const given = await settled(subject.send({ topic: 'orders', key: 'customer-17', value: 'v', partition: 2 }))
    expect(given.partition).toBe(2)
  })

  it('to a partition that does not exist says how many there are', async () => {
    const subject = producer()
    await expect(settled(subject.send({ topic: 'orders', value: 'v', partition: 5 }))).rejects.toThrow(
      /has one partition, 0; there is no partition 5/,
    )
  })

  it.each([
    [{ topic: 'no pe', value: 'v' }, /legal topic name/],
    [{ topic: 'orders', value: 'v', partition: -1 }, /partition of a record/],
    [{ topic: 'orders', value: 'v', timestamp: 1.5 }, /timestamp of a record/],
    [{ topic: 'orders', value: 'x'.repeat(1_100_000) }, /more than maxRequestSize \(1048576\)/],
    [{ topic: 'orders', value: 17 as never }, /without a serialiser.*valueSerializer/],
    [{ topic: 'orders', value: 'v', headers: { h: 5 as never } }, /record header 'h'/],
    [{ topic: 'orders', value: 'v', headers: new Map([['h', 'x']]) as never }, /headers of a record.*it has a Map/],
    [{ topic: 'orders', messages: [{ value: 'v' }] } as never, /'messages' is no field of one.*send\(\) of its own/],
    [
      { topic: 'orders', vaule: 'v' } as never,
      /'vaule' is no field of one; did you mean 'value'\? Its.*topic, key, value/,
    ],
    [
      { topic: 'orders', value: 'v', header: { a: 'b' } } as never,
      /'header' is no field of one; did you mean 'headers'/,
    ],
    [{ topic: 'orders', value: 'v', offset: 5 } as never, /'offset' is no field of one.*Leave out what it has besides/],
    [[{ topic: 'orders', value: 'v' }] as never, /not a list\. Each record is sent by a send\(\) of its own/],
    [{ value: 'v' } as never, /A topic is named by a text, such as 'orders', not by undefined/],
    [{ topic: ['orders'], value: 'v' } as never, /A topic is named by a text, such as 'orders', not by a list/],
    [{ topic: 'orders', value: 'v', partition: '0' as never }, /at least 0, not the text '0'/],
    [{ topic: 'orders', value: 'v', timestamp: new Date(5) as never }, /such as Date\.now\(\), not a Date/],
    [{ topic: 'orders', value: 'v', key: 5 as never }, /The key .*without a serialiser.*keySerializer/],
    [{ topic: 'orders', value: 'v', headers: null as never }, /headers of a record are an object.*it has null/],
    [{ topic: 'orders', value: 'v', headers: 'a=b' as never }, /it has the text 'a=b'/],
    [{ topic: 'orders', value: 'v', headers: Buffer.from('a') as never }, /it has bytes/],
    [
      { topic: 'orders', value: 'v', headers: [['a', 'b']] as never },
      /list of \{ key, value \}; it has a list with a list/,
    ],
    [{ topic: 'orders', value: 'v', headers: [{ name: 'a', value: 'b' }] as never }, /name of a record header must be/],
    [{ topic: 'orders', value: 'v', headers: [{ key: 'a', vaule: 'b' }] as never }, /record header 'a' must be/],
  ])('refuses %j at once with a usage error', async (record, message) => {
    const failure = await producer()
      .send(record)
      .catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaUsageError.is)
    expect(String(failure)).toMatch(message)
    expect(network.attempts).toEqual([])
  })

  it('takes a record that has no value for a tombstone, and fields that are undefined for none', async () => {
    const subject = producer()
    const forwarded = { topic: 'orders', key: 'k', offset: undefined }
    await settled(subject.send(forwarded))
    await settled(subject.send({ topic: 'orders', key: 'k', value: null, headers: undefined }))
    expect(log.partitions).toEqual([['', '']])
  })

  it.each([
    [JSON.stringify, /returned a text; it must return a Buffer or null\. Take json\(\)/],
    [() => json(), /makes a serialiser: call it where you set it/],
    [() => new Uint8Array(1), /returned a Uint8Array.*Buffer\.from\(bytes\.buffer/],
    [() => ({}), /returned an object/],
  ])('says what a serialiser that returns no bytes should do: %s', async (valueSerializer, message) => {
    const failure: unknown = await producer({ valueSerializer: valueSerializer as never })
      .send({ topic: 'orders', value: 'v' })
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'SERIALIZATION_FAILED', message: expect.stringMatching(message) as string })
  })

  it('waits for an asynchronous serialiser, and reports one that fails', async () => {
    const subject = producer<string, string>({
      valueSerializer: async (value) => {
        await Promise.resolve()
        if (value === 'bad') throw new Error('cannot')
        return Buffer.from(value.toUpperCase())
      },
    })
    const good = subject.send({ topic: 'orders', value: 'good' })
    const bad = subject.send({ topic: 'orders', value: 'bad' })
    await expect(settled(bad)).rejects.toMatchObject({ code: 'SERIALIZATION_FAILED' })
    await settled(Promise.all([good, subject.flush()]))
    expect(log.partitions[0]).toEqual(['GOOD'])
  })

  it('writes JSON with the serde for it, and a tombstone for no value', async () => {
    const subject = producer<string, { id: number }>({ valueSerializer: json() })
    await settled(
      Promise.all([
        subject.send({ topic: 'orders', value: { id: 1 } }),
        subject.send({ topic: 'orders', value: null }),
      ]),
    )
    expect(log.partitions[0]).toEqual(['{"id":1}', ''])
  })

  it('to a topic that does not exist fails within seconds, naming it and what to do', async () => {
    log.missing = true
    const failure = await settled(producer().send({ topic: 'orders', value: 'v' }), 10_000).catch(
      (error: unknown) => error,
    )
    expect(failure).toSatisfy(KafkaBrokerError.is)
    expect(String(failure)).toMatch(/topic 'orders'.*UNKNOWN_TOPIC_OR_PARTITION.*Create the topic/)
  })

  it('to a topic that is created a moment later succeeds', async () => {
    log.missing = true
    const sent = producer().send({ topic: 'orders', value: 'v' })
    await clock.advance(1_000)
    log.missing = false
    expect((await settled(sent)).offset).toBe(0)
  })
})

describe('the memory of a producer', () => {
  it('is bounded: beyond it records wait for room, in order', async () => {
    const subject = producer({ bufferMemory: 1_000, batchSize: 200 })
    const values = Array.from({ length: 100 }, (_, index) => `${index}`.padStart(50, '.'))
    const sent = values.map((value) => subject.send({ topic: 'orders', value }))
    await settled(Promise.all(sent))
    expect(log.partitions[0]).toEqual(values)
  })

  it('that stays full fails a record after maxBlockMs, saying so', async () => {
    const subject = producer({ bufferMemory: 200, maxBlockMs: 1_000, deliveryTimeoutMs: 5_000 })
    log.fault = () => 'silentAfter'
    const first = subject.send({ topic: 'orders', value: 'x'.repeat(150) })
    const failed = first.catch((error: unknown) => error)
    const second = subject.send({ topic: 'orders', value: 'x'.repeat(150) })
    await expect(settled(second, 2_000)).rejects.toMatchObject({ code: 'BUFFER_EXHAUSTED' })
    expect(await settled(failed)).toSatisfy(KafkaTimeoutError.is)
  })
})

describe('a failure', () => {
  it('that is retriable is retried, and the record is written once', async () => {
    const faults: Fault[] = ['cutAfter', { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS }, 'cutBefore', 'none']
    log.fault = () => faults.shift() ?? 'none'
    const subject = producer()
    expect(await settled(subject.send({ topic: 'orders', value: 'a' }))).toMatchObject({ offset: 0 })
    expect(log.partitions[0]).toEqual(['a'])
    expect(faults).toEqual([])
  })

  it('that is final rejects the records of the batch only, and later ones still arrive', async () => {
    const subject = producer({ lingerMs: 0 })
    await settled(subject.send({ topic: 'orders', value: 'a' }))
    log.fault = () => ({ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED })
    const failure = await settled(subject.send({ topic: 'orders', value: 'b' })).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(String(failure)).toContain('orders-0')
    expect(warnings.join()).toContain('records were not delivered')
    log.fault = () => 'none'
    expect(await settled(subject.send({ topic: 'orders', value: 'c' }))).toMatchObject({ offset: 1 })
  })

  it('because of its size names size and remedy', async () => {
    log.fault = () => ({ errorCode: ErrorCode.MESSAGE_TOO_LARGE })
    await expect(settled(producer().send({ topic: 'orders', value: 'a' }))).rejects.toThrow(
      /batch of \d+ bytes with 1 records.*max\.message\.bytes/,
    )
  })

  it('of delivery for deliveryTimeoutMs rejects, with the last reason, and the order holds for what follows', async () => {
    log.fault = () => ({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS })
    const subject = producer({ deliveryTimeoutMs: 3_000 })
    const failure = await settled(subject.send({ topic: 'orders', value: 'late' })).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaTimeoutError.is)
    expect(String(failure)).toMatch(
      /not acknowledged within deliveryTimeoutMs \(3000 ms; \d+ attempts\).*NOT_ENOUGH_REPLICAS/,
    )
    expect(clock.now()).toBeLessThan(3_500)
    log.fault = () => 'none'
    await settled(subject.send({ topic: 'orders', value: 'next' }))
    expect(log.partitions[0]).toEqual(['next'])
  })

  it('by a broker that stops answering is retried over a new connection', async () => {
    const faults: Fault[] = ['silentAfter']
    log.fault = () => faults.shift() ?? 'none'
    const subject = producer({ requestTimeoutMs: 1_000 })
    expect(await settled(subject.send({ topic: 'orders', value: 'a' }))).toMatchObject({ offset: 0 })
    expect(log.partitions[0]).toEqual(['a'])
  })

  it('by a leader that has moved is retried at the new one', async () => {
    start({ partitions: 1, nodes: 2 })
    const subject = producer()
    await settled(subject.send({ topic: 'orders', value: 'a' }))
    log.leaders[0] = 2
    await settled(subject.send({ topic: 'orders', value: 'b' }))
    expect(log.partitions[0]).toEqual(['a', 'b'])
    expect(network.nodes.get('broker-2:9092')?.seen(Produce)).toHaveLength(1)
  })

  it('of a broker to remember this producer starts a new epoch', async () => {
    const subject = producer()
    await settled(subject.send({ topic: 'orders', value: 'a' }))
    let forgot = false
    log.fault = () => {
      if (forgot) return 'none'
      forgot = true
      log.forgetProducers(0)
      return { errorCode: ErrorCode.UNKNOWN_PRODUCER_ID }
    }
    await settled(subject.send({ topic: 'orders', value: 'b' }))
    await settled(subject.send({ topic: 'orders', value: 'c' }))
    expect(log.partitions[0]).toEqual(['a', 'b', 'c'])
  })

  it('to get a producer id fails what was sent, and a later send tries anew', async () => {
    let errorCode: number = ErrorCode.CLUSTER_AUTHORIZATION_FAILED
    network.nodes
      .get('broker-1:9092')
      ?.on(InitProducerId, () => ({ throttleTimeMs: 0, errorCode, producerId: 9, producerEpoch: 0 }))
    const subject = producer()
    await expect(settled(subject.send({ topic: 'orders', value: 'a' }))).rejects.toMatchObject({
      code: 'CLUSTER_AUTHORIZATION_FAILED',
    })
    errorCode = 0
    await settled(subject.send({ topic: 'orders', value: 'b' }))
    expect(log.partitions[0]).toEqual(['b'])
  })

  it('to reach any broker ends in an error that names the address', async () => {
    const subject = producer({ bootstrapServers: 'nowhere:1', bootstrapTimeoutMs: 2_000 })
    await expect(settled(subject.send({ topic: 'orders', value: 'a' }), 10_000)).rejects.toThrow(
      /nowhere:1.*Check bootstrapServers/,
    )
  })
})

describe('flush()', () => {
  it('sends without lingering and waits for everything sent before, failures included', async () => {
    const subject = producer({ lingerMs: 600_000, deliveryTimeoutMs: 700_000 })
    const outcomes: string[] = []
    for (const value of ['a', 'b']) void subject.send({ topic: 'orders', value }).then(() => outcomes.push(value))
    await settled(subject.flush(), 1_000)
    expect(outcomes).toEqual(['a', 'b'])
    log.fault = () => ({ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED })
    subject.send({ topic: 'orders', value: 'c' }).catch(() => outcomes.push('failed'))
    await settled(subject.flush(), 1_000)
    expect(outcomes).toEqual(['a', 'b', 'failed'])
  })

  it('of a producer that has sent nothing resolves', async () => {
    await settled(producer().flush(), 100)
    expect(network.attempts).toEqual([])
  })
})

describe('close()', () => {
  it('delivers what was sent, then refuses more, and leaves nothing behind', async () => {
    const subject = producer({ lingerMs: 60_000 })
    const sent = subject.send({ topic: 'orders', value: 'a' })
    const closing = subject.close()
    expect(subject.close()).toBe(closing)
    await settled(closing, 1_000)
    expect(await sent).toMatchObject({ offset: 0 })
    await expect(settled(subject.send({ topic: 'orders', value: 'b' }))).rejects.toMatchObject({ code: 'CLOSED' })
    await clock.advance(0)
    expect([...network.nodes.values()].flatMap((node) => [...node.connections])).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })

  it('fails what cannot be delivered within its bound', async () => {
    log.fault = () => 'silentAfter'
    const subject = producer()
    const stuck = subject.send({ topic: 'orders', value: 'a' }).catch((error: unknown) => error)
    await clock.advance(100)
    const unknown = subject.send({ topic: 'missing', value: 'a' }).catch((error: unknown) => error)
    await settled(subject.close({ timeoutMs: 500 }), 1_000)
    expect(await stuck).toMatchObject({ code: 'CLOSED' })
    expect(await unknown).toMatchObject({ code: 'CLOSED' })
    await clock.advance(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it('refuses options that it does not know, and stays open', async () => {
    const subject = producer()
    await expect(subject.close({ timeout: 5 } as never)).rejects.toThrow(/close\(\) takes \{ timeoutMs \}.*'timeout'/)
    await expect(subject.close({ timeoutMs: '5' as never })).rejects.toSatisfy(KafkaUsageError.is)
    await settled(subject.send({ topic: 'orders', value: 'a' }))
    await settled(subject.close({ timeoutMs: undefined }))
  })

  it('lets the event loop turn in a loop that goes on sending', async () => {
    const subject = new Producer({ bootstrapServers: 'broker-1:9092', logger })
    await subject.close()
    let fired = false
    setImmediate(() => (fired = true))
    for (let sent = 0; sent < 1_000 && !fired; sent++)
      await subject.send({ topic: 'orders', value: 'a' }).catch(() => 0)
    expect(fired).toBe(true)
  })

  it('with no time at all fails everything at once', async () => {
    const subject = producer()
    const sent = subject.send({ topic: 'orders', value: 'a' }).catch((error: unknown) => error)
    await settled(subject.close({ timeoutMs: 0 }), 100)
    expect(await sent).toMatchObject({ code: 'CLOSED' })
  })
})

it('keeps at most maxInFlightRequests requests at a broker', async () => {
  const waiting: (() => void)[] = []
  let most = 0
  network.nodes.get('broker-1:9092')?.on(Produce, (body, seen) => {
    most = Math.max(most, waiting.length + 1)
    return new Promise((resolve) => {
      waiting.push(() => {
        const responses = body.topicData.map(({ topicId }) => ({
          topicId,
          partitionResponses: [{ index: 0, errorCode: 0, baseOffset: seen.correlationId * 100, recordErrors: [] }],
        }))
        resolve({ responses, throttleTimeMs: 0 })
      })
    })
  })
  const subject = producer({ batchSize: 100, maxInFlightRequests: 3 })
  const sent = Array.from({ length: 20 }, () => subject.send({ topic: 'orders', value: 'x'.repeat(90) }))
  const all = Promise.all(sent)
  let done = false
  void all.then(() => (done = true))
  for (let i = 0; i < 200 && !done; i++) {
    await clock.advance(10)
    waiting.shift()?.()
  }
  await all
  expect(most).toBe(3)
  expect(produced()).toHaveLength(20)
})

const FAULTS: readonly Fault[] = [
  'cutBefore',
  'cutAfter',
  'silentAfter',
  { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS },
  'none',
  'none',
  'none',
]
const pauses = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 10, maxLength: 60 })

/** Sends four records to random partitions at each step, while the cluster does what the script says and moves leaders at random. */
async function history(
  seed: number,
  script: { readonly faults: readonly Fault[]; readonly pauses: readonly number[] },
  options: Partial<ProducerOptions>,
): Promise<{ readonly sent: string[][]; readonly places: Map<string, number> }> {
  start({ partitions: 3, nodes: 2 })
  const random = new SeededRandom(seed)
  const faults = [...script.faults]
  log.fault = () => {
    if (random.next() < 0.1) log.leaders[Math.floor(random.next() * 3)] = 1 + Math.floor(random.next() * 2)
    return faults.shift() ?? 'none'
  }
  const subject = producer({ batchSize: 120, requestTimeoutMs: 500, lingerMs: 5, ...options }, seed)
  const sent: string[][] = [[], [], []]
  const places = new Map<string, number>()
  const outcomes: Promise<unknown>[] = []
  for (const [index, pauseMs] of script.pauses.entries()) {
    for (let burst = 0; burst < 4; burst++) {
      const partition = Math.floor(random.next() * 3)
      const value = `${index}.${burst}`.padEnd(20)
      sent[partition]?.push(value)
      const delivery = subject.send({ topic: 'orders', value, partition })
      outcomes.push(
        delivery.then(
          ({ offset }) => places.set(value, offset),
          () => undefined,
        ),
      )
    }
    await clock.advance(pauseMs)
  }
  await settled(Promise.all(outcomes))
  await settled(subject.close())
  expect(clock.pendingTimers).toBe(0)
  return { sent, places }
}

function placesAreTrue(sent: readonly string[][], places: ReadonlyMap<string, number>): void {
  for (const [partition, values] of sent.entries()) {
    for (const value of values) {
      const offset = places.get(value)
      if (offset !== undefined) expect(log.partitions[partition]?.[offset]).toBe(value)
    }
  }
}

it('writes every record once and in order, whatever fails in between', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(fc.constantFrom(...FAULTS), { minLength: 20, maxLength: 60 }),
      pauses,
      async (seed, faults, steps) => {
        const { sent, places } = await history(seed, { faults, pauses: steps }, {})
        expect(log.partitions).toEqual(sent)
        placesAreTrue(sent, places)
        expect(places.size).toBe(sent.flat().length)
      },
    ),
    { numRuns: 60 },
  )
})

it('writes no record twice or out of order, also when some are refused or run out of time', async () => {
  const faults = [
    ...FAULTS,
    { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED },
    { errorCode: ErrorCode.MESSAGE_TOO_LARGE },
  ]
  await fc.assert(
    fc.asyncProperty(
      fc.integer(),
      fc.array(fc.constantFrom(...faults), { minLength: 20, maxLength: 80 }),
      pauses,
      async (seed, script, steps) => {
        const { sent, places } = await history(seed, { faults: script, pauses: steps }, { deliveryTimeoutMs: 700 })
        for (const [partition, values] of sent.entries()) {
          const written = log.partitions[partition] ?? []
          expect(written).toEqual(values.filter((value) => written.includes(value)))
        }
        placesAreTrue(sent, places)
      },
    ),
    { numRuns: 60 },
  )
})

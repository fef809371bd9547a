import { EmbeddedBroker } from '@milena/embedded-broker'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ShareConsumer, type ShareConsumerOptions } from '../../src/index.js'
import { engineOf } from '../../src/share/share-consumer.js'

// A reader that takes a record and does not come back, over a whole broker in memory and in virtual time.

let broker: EmbeddedBroker<VirtualClock>
let consumers: ShareConsumer[]

beforeEach(async () => {
  broker = await EmbeddedBroker.start({
    network: 'memory',
    clock: new VirtualClock(),
    random: new SeededRandom(5),
    topics: ['orders'],
  })
  broker.setGroupConfig('workers', { 'share.auto.offset.reset': 'earliest' })
  consumers = []
})

afterEach(async () => {
  for (const consumer of consumers) await broker.advanceUntil(consumer.close({ timeoutMs: 1_000 }))
  await broker.stop()
})

function subscribed(options: Partial<ShareConsumerOptions> = {}): ShareConsumer {
  const consumer = new ShareConsumer({
    bootstrapServers: broker.bootstrapServers,
    groupId: 'workers',
    logger: silentLogger,
    runtime: broker.runtime,
    ...options,
  })
  consumer.subscribe(['orders'])
  consumers.push(consumer)
  return consumer
}

const append = (count: number) =>
  broker.append(
    'orders',
    Array.from({ length: count }, () => ({ value: Buffer.from('v') })),
  )

/** The highest delivery count of what the broker keeps, and how many records it has archived or finished. */
function state() {
  const [partition] = broker.inspect().sharePartitions
  return {
    startOffset: partition?.startOffset ?? 0,
    deliveries: Math.max(0, ...(partition?.records ?? []).map(({ deliveryCount }) => deliveryCount)),
    available: (partition?.records ?? [])
      .filter((each) => each.state === 'AVAILABLE')
      .reduce((sum, { firstOffset, lastOffset }) => sum + lastOffset - firstOffset + 1, 0),
  }
}

for (const options of [{}, { maxPollRecords: 500 }] satisfies Partial<ShareConsumerOptions>[]) {
  for (const acknowledgementMode of ['implicit', 'explicit'] as const) {
    describe(`with ${JSON.stringify({ ...options, acknowledgementMode })}`, () => {
      for (const name of ['records', 'batches'] as const) {
        it(`the body of a loop over ${name}() that never ends costs what it has not read one delivery`, async () => {
          const consumer = subscribed({ ...options, acknowledgementMode })
          const stream: AsyncIterator<unknown> = name === 'records' ? consumer.records() : consumer.batches()
          append(1)
          await broker.advanceUntil(stream.next())
          append(20)
          await broker.advanceUntil(stream.next())
          await broker.clock.advance(20_000)
          for (let i = 0; i < 40; i++) {
            await broker.clock.advance(60_000)
            expect(state().deliveries).toBeLessThanOrEqual(1)
            expect(state().startOffset).toBeLessThanOrEqual(1)
          }
        })
      }

      it('an application that polls no more has nothing fetched again', async () => {
        const consumer = subscribed({ ...options, acknowledgementMode })
        append(3)
        await broker.advanceUntil(consumer.poll(5_000))
        append(20)
        for (let i = 0; i < 40; i++) {
          await broker.clock.advance(60_000)
          expect(state().deliveries).toBeLessThanOrEqual(1)
          expect(state().startOffset).toBe(0)
        }
      })
    })
  }
}

for (const [name, bodyMs, readOptions] of [
  ['takes as long for many as for one', 300, {}],
  ['is slower than half a lock', 20_000, {}],
  ['is slower than half a lock, with maxInFlight', 20_000, { maxInFlight: 500 }],
] as const) {
  it(`a loop over batches() in implicit mode whose body ${name} goes on to get batches of the size that was set`, async () => {
    const batches = subscribed({ maxPollRecords: 500 }).batches(readOptions)
    for (let i = 0; i < 20; i++) append(250)
    const sizes: number[] = []
    for (let i = 0; i < 8; i++) {
      const { value } = await broker.advanceUntil(batches.next(), { stepMs: 10 })
      for (const { deliveryCount } of value?.records ?? []) expect(deliveryCount).toBe(1)
      sizes.push(value?.count ?? 0)
      await broker.clock.advance(bodyMs)
    }
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(500)
  })
}

it('an application that hangs, and loses its record with the session before it was found to, has nothing fetched over and over', async () => {
  const engine = engineOf(subscribed({ acknowledgementMode: 'explicit' }))
  engine.keepLocks({ maxExtensionMs: 300_000 })
  for (let i = 0; i < 12; i++) {
    append(1)
    const { records } = await broker.advanceUntil(engine.take())
    await broker.clock.advance(1)
    for (const record of records) engine.settle(record, 'ACCEPT')
  }
  append(1)
  await broker.advanceUntil(engine.take())
  await broker.clock.advance(5_000)
  broker.cutConnections()
  append(20)
  for (let i = 0; i < 40; i++) {
    await broker.clock.advance(60_000)
    expect(state().deliveries).toBeLessThanOrEqual(2)
    expect(state().startOffset).toBeLessThanOrEqual(12)
  }
})

it('a loop over records() that stands still gives back what it has not read, and goes on with it later', async () => {
  const stream = subscribed().records()
  append(1)
  await broker.advanceUntil(stream.next())
  append(20)
  const seen: string[] = []
  for (let i = 0; i < 20; i++) {
    const { value } = await broker.advanceUntil(stream.next(), { stepMs: 10 })
    if (value === undefined || !('offset' in value)) throw new Error('no record')
    seen.push(`${value.offset} ${value.deliveryCount}`)
    if (i === 3) {
      await broker.clock.advance(17_000)
      expect(state().available).toBeGreaterThan(0)
    }
  }
  expect(seen.map((each) => Number(each.split(' ')[0]))).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
  expect(seen.at(-1)).toBe('20 2')
})

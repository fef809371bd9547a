import { systemClock } from '@milena/protocol/runtime'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { json, type AcknowledgementVerdict, type ConsumerRecord } from '../../src/index.js'
import { numbered, RealGroups, receive, receiveFor, results, type Received } from './real-group.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => systemClock.setTimer(resolve, ms))

async function membersOf(broker: TestBroker, groupId: string): Promise<string[]> {
  const [group] = await broker.admin.describeShareGroups([groupId])
  return (group?.members ?? []).map(({ memberId }) => memberId)
}

const places = (records: readonly ConsumerRecord<unknown, unknown>[]): [number, number][] =>
  records.map(({ offset, deliveryCount }): [number, number] => [offset, deliveryCount]).sort(([a], [b]) => a - b)

describeOnBrokers('unsubscribe()', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('leaves the group and gives back its records at once; the consumer comes back as another member', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(3))
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const before = consumer.memberId
    const [first] = await receive(consumer, 3)
    if (first === undefined) throw new Error('nothing came')
    consumer.acknowledge(first)
    await consumer.unsubscribe()
    await groups.untilLag(groupId, 2)
    await vi.waitFor(async () => expect(await membersOf(broker, groupId)).toEqual([]), { timeout: 3_000 })
    expect(consumer.memberId).not.toBe(before)

    const startedAt = systemClock.now()
    consumer.subscribe([topic])
    const again = await receive(consumer, 2, { each: (record) => consumer.acknowledge(record) })
    expect(systemClock.now() - startedAt).toBeLessThan(10_000)
    expect(places(again)).toEqual([
      [1, 2],
      [2, 2],
    ])
    expect(await membersOf(broker, groupId)).toEqual([consumer.memberId])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
    expect(() => consumer.acknowledge(first)).toThrow(/left the group/)
  })
})

describeOnBrokers('close()', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('gives the last batch of implicit mode to another member, without waiting for its locks', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(10))
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    await receive(consumer, 10)
    await consumer.close()
    const next = groups.consumer(groupId)
    next.subscribe([topic])
    const startedAt = systemClock.now()
    expect(places(await receive(next, 10))).toEqual(numbered(10).map((_, offset) => [offset, 2]))
    expect(systemClock.now() - startedAt).toBeLessThan(10_000)
  })
})

describeOnBrokers('wakeup()', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('ends a poll at once, and the records come with the next one', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    await consumer.poll(100)
    const polling = consumer.poll(30_000).catch((error: unknown) => error)
    await pause(100)
    const startedAt = systemClock.now()
    consumer.wakeup()
    expect(await polling).toMatchObject({ code: 'WAKEUP' })
    expect(systemClock.now() - startedAt).toBeLessThan(500)
    await groups.produce(topic, numbered(2))
    expect(places(await receive(consumer, 2))).toEqual([
      [0, 1],
      [1, 1],
    ])
  })
})

describeOnBrokers('commits', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('that overlap each tell of their own partitions, and what they tell is stored', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = await broker.createGroup()
    await groups.produce(topic, [
      { value: 'a', partition: 0 },
      { value: 'b', partition: 1 },
    ])
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const verdicts: AcknowledgementVerdict[] = []
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    const asked: Promise<Record<number, string>>[] = []
    await receive(consumer, 2, {
      each: (record) => {
        consumer.acknowledge(record)
        asked.push(consumer.commitAsync().then(results))
      },
    })
    expect((await Promise.all(asked)).map((each) => Object.entries(each)).sort()).toEqual([
      [['0', 'ok']],
      [['1', 'ok']],
    ])
    expect(await consumer.commitSync()).toEqual(new Map())
    expect(verdicts).toHaveLength(2)
    await groups.untilLag(groupId, 0)
  })

  it('tell the verdict on a single record to whoever asks', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '1000' })
    await groups.produce(topic, numbered(2))
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    const [stored, late] = await receive(consumer, 2)
    if (stored === undefined || late === undefined) throw new Error('nothing came')
    const asked = [stored, late].map((record) => consumer.verdictOf(record))
    consumer.acknowledge(stored)
    await consumer.commitSync()
    await pause(1_500)
    consumer.acknowledge(late)
    await consumer.commitSync()
    const [first, second] = await Promise.all(asked)
    expect(first).toEqual({ error: undefined, type: 'ACCEPT' })
    expect(second?.error).toBeDefined()
  })
})

describeOnBrokers('a poll', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('returns about 500 records unless it is told otherwise', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(3_000), { lingerMs: 0, batchSize: 2_000 })
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const counts: number[] = []
    let left = 3_000
    const until = systemClock.now() + 20_000
    while (left > 0 && systemClock.now() < until) {
      const { count } = await consumer.poll(250)
      if (count > 0) counts.push(count)
      left -= count
    }
    expect(left).toBe(0)
    expect(Math.max(...counts)).toBeLessThan(1_000)
  })

  it('is missed for too long: the member is out of its group, and back in it under its id with the next poll', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(2))
    const consumer = groups.explicit(groupId, { maxPollIntervalMs: 1_000 })
    consumer.subscribe([topic])
    const id = consumer.memberId
    await receive(consumer, 2)
    await vi.waitFor(async () => expect(await membersOf(broker, groupId)).toEqual([]), { timeout: 5_000, interval: 50 })
    expect(groups.warnings).toContainEqual(expect.stringMatching(/maxPollIntervalMs/))
    const again = await receive(consumer, 2, { each: (record) => consumer.acknowledge(record) })
    expect(places(again)).toEqual([
      [0, 2],
      [1, 2],
    ])
    expect(await membersOf(broker, groupId)).toEqual([id])
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })
})

describeOnBrokers('an iteration', (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it('reads everything in order, accepts as it goes, and gives back what it was left in', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '30000' })
    await groups.produce(topic, numbered(1_000))
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const offsets: number[] = []
    for await (const record of consumer) {
      if (record.error !== undefined) throw record.error
      offsets.push(record.offset)
      if (record.offset === 900) break
    }
    expect(offsets).toEqual(numbered(901).map((_, offset) => offset))
    await groups.untilLag(groupId, 100)
    // The one it was left in, and those after it that had been fetched.
    const rest = await receive(consumer, 100)
    expect(places(rest).map(([offset]) => offset)).toEqual(numbered(100).map((_, i) => 900 + i))
    expect(rest.find(({ offset }) => offset === 900)?.deliveryCount).toBe(2)
    await consumer.commitSync()
    await groups.untilLag(groupId, 0)
  })

  it('accepts the last record although none comes after it', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, numbered(1))
    const consumer = groups.consumer(groupId)
    consumer.subscribe([topic])
    const read = (async () => {
      let count = 0
      for await (const record of consumer) if (record.error === undefined) count++
      return count
    })()
    await groups.untilLag(groupId, 0)
    await consumer.close()
    expect(await read).toBe(1)
  })

  it('keeps the locks of what takes longer than they last', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup({ 'share.record.lock.duration.ms': '1000' })
    await groups.produce(topic, numbered(2))
    const consumer = groups.consumer(groupId)
    const other = groups.consumer(groupId)
    consumer.subscribe([topic])
    other.subscribe([topic])
    const seen: Received[] = []
    const reading = (async () => {
      for await (const record of consumer) {
        if (record.error !== undefined) continue
        seen.push(record)
        await pause(2_500)
      }
    })()
    await vi.waitFor(() => expect(seen).toHaveLength(1), { timeout: 10_000 })
    const elsewhere = await receiveFor(other, 5_000)
    await groups.untilLag(groupId, 0)
    await consumer.close()
    await reading
    expect([...seen, ...elsewhere].map(({ offset }) => offset).sort()).toEqual([0, 1])
    expect(seen[0]?.deliveryCount).toBe(1)
    expect(consumer.metrics()).toMatchObject({ lost: 0, stale: 0 })
  })

  it('tells of a bad record in its place and goes on; rejected, it does not come again', async () => {
    const topic = await broker.createTopic()
    const groupId = await broker.createGroup()
    await groups.produce(topic, ['1', '{', '3'])
    const consumer = groups.consumer<number>(groupId, { valueDeserializer: json() })
    consumer.subscribe([topic])
    const seen: unknown[] = []
    for await (const record of consumer) {
      if (record.error === undefined) seen.push(record.value)
      else {
        seen.push(record.error.code)
        if ('offset' in record) consumer.acknowledge(record, 'REJECT')
      }
      if (seen.length === 3) {
        await consumer.commitSync()
        break
      }
    }
    expect(seen).toEqual([1, 'RECORD_DESERIALIZATION', 3])
    await groups.untilLag(groupId, 0)
    expect(await receiveFor(consumer, 500)).toEqual([])
  })

  it('over batches works on many records at once, none twice, with at most maxInFlight out', async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const groupId = await broker.createGroup()
    const count = 600
    await groups.produce(
      topic,
      numbered(count).map((value, i) => ({ value, partition: i % 2 })),
    )
    const consumer = groups.explicit(groupId)
    consumer.subscribe([topic])
    let running = 0
    let most = 0
    const done = new Set<string>()
    const work: Promise<void>[] = []
    const one = async (record: Received): Promise<void> => {
      most = Math.max(most, ++running)
      await pause(5)
      running--
      done.add(String(record.value))
      consumer.acknowledge(record)
    }
    for await (const batch of consumer.batches({ maxInFlight: 50 })) {
      for (const record of batch) work.push(one(record))
      if (work.length >= count) break
    }
    await Promise.all(work)
    await consumer.commitSync()
    expect(work).toHaveLength(count)
    expect(done.size).toBe(count)
    expect(most).toBeLessThanOrEqual(50)
    await groups.untilLag(groupId, 0)
  })
})

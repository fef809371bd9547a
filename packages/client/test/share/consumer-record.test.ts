import { inspect } from 'node:util'
import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { ConsumerRecord } from '../../src/share/consumer-record.js'
import { ConsumerRecords } from '../../src/share/consumer-records.js'

const holder = {
  live: true,
  renewable: true,
  outstanding: 0,
  answered: () => undefined,
  urged: () => undefined,
  renew: () => undefined,
  giveUp: () => undefined,
}
const clock = new VirtualClock()
const range = (partition = 0, topic = 'orders') =>
  new AcquiredRange({ topic, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition }, holder, 10, 19, 3, clock.now() + 1_000)

function record(
  offset: number,
  acquired = range(),
  headers?: () => { key: string; value: Buffer | null }[],
): ConsumerRecord<string, number> {
  return new ConsumerRecord(
    { offset, timestamp: 5, timestampType: 'create', leaderEpoch: 2, headers },
    'k',
    7,
    acquired,
    clock,
  )
}

describe('a consumer record', () => {
  it('decodes its headers when they are asked for, once', () => {
    let decoded = 0
    const subject = record(10, range(), () => {
      decoded++
      return [{ key: 'a', value: null }]
    })
    expect(decoded).toBe(0)
    expect(subject.headers).toEqual([{ key: 'a', value: null }])
    expect(subject.headers).toBe(subject.headers)
    expect(decoded).toBe(1)
    expect(record(10).headers).toEqual([])
  })

  it('tells when its lock runs out, also after that was renewed', () => {
    const acquired = range()
    const [renewed, other] = [record(12, acquired), record(13, acquired)]
    expect(renewed.lockExpiresAt).toBe(clock.wallTime() + 1_000)
    acquired.answer(2, AckCode.RENEW)
    acquired.sendRuns()
    acquired.settle(2, 3, { outcome: 'done', lockDeadline: clock.now() + 9_000 })
    expect(renewed.lockExpiresAt).toBe(clock.wallTime() + 9_000)
    expect(other.lockExpiresAt).toBe(clock.wallTime() + 1_000)
  })

  it('tells it in whole milliseconds, early rather than late', async () => {
    const fine = new VirtualClock()
    const acquired = new AcquiredRange(
      { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 0 },
      holder,
      0,
      0,
      1,
      fine.now() + 1_000.75,
    )
    const fields = { offset: 0, timestamp: 5, timestampType: 'create', leaderEpoch: 2, headers: undefined } as const
    expect(new ConsumerRecord(fields, 'k', 7, acquired, fine).lockExpiresAt).toBe(fine.wallTime() + 1_000)
  })

  it('can be logged and written as JSON with everything that it says', () => {
    const subject = record(11)
    const plain = JSON.parse(JSON.stringify(subject)) as object
    expect(plain).toEqual({
      topic: 'orders',
      partition: 0,
      offset: 11,
      timestamp: 5,
      timestampType: 'create',
      key: 'k',
      value: 7,
      deliveryCount: 3,
      leaderEpoch: 2,
      headers: [],
      lockExpiresAt: clock.wallTime() + 1_000,
    })
    expect(inspect(subject)).toContain("topic: 'orders'")
    expect(inspect(subject)).toContain('lockExpiresAt')
  })

  it('is told from anything that looks like one', () => {
    expect(ConsumerRecord.isRecord(record(10))).toBe(true)
    for (const other of [{ ...record(10) }, {}, null, undefined, 'record', 7])
      expect(ConsumerRecord.isRecord(other)).toBe(false)
  })
})

describe('consumer records', () => {
  it('are a list that knows its partitions', () => {
    const list = [record(10), record(11), record(10, range(1)), record(10, range(0, 'payments'))]
    const records = new ConsumerRecords(list)
    expect(records).toMatchObject({ count: 4, isEmpty: false })
    expect([...records]).toEqual(list)
    expect(records.records).toBe(list)
    expect(records.partitions()).toEqual([
      { topic: 'orders', partition: 0 },
      { topic: 'orders', partition: 1 },
      { topic: 'payments', partition: 0 },
    ])
    expect(new ConsumerRecords([])).toMatchObject({ count: 0, isEmpty: true })
  })
})

import { KafkaError, KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import {
  AcknowledgmentFailedEvent,
  RecovererFailedEvent,
  REJECTING,
  RELEASING,
  type RecovererAnswer,
  type ShareConsumerRecordRecoverer,
} from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'

const bad = new Error('bad order')

function failing(recoverer: ShareConsumerRecordRecoverer<string, unknown>, properties = {}): ContainerHarness {
  return new ContainerHarness({
    properties: { shareConsumerRecordRecoverer: recoverer, ...properties },
    listener: () => {
      throw bad
    },
  })
}

describe('the recoverer', () => {
  test.each(['ACCEPT', 'RELEASE', 'REJECT'] as const)('decides with %s, at once or by a promise', async (answer) => {
    const harness = failing((record) => (record.offset === 0 ? answer : Promise.resolve(answer)))
    await harness.run(2)
    expect(harness.engine().answers).toEqual([`${answer} orders-0@0`, `${answer} orders-0@1`])
  })

  test('is given the record and the very error that the listener threw', async () => {
    const calls: unknown[][] = []
    const harness = failing((record, error) => {
      calls.push([record, error])
      return 'REJECT'
    })
    const [record] = await harness.run(1)
    expect(calls).toEqual([[record, bad]])
  })

  test('is not asked about a record whose listener returned', async () => {
    let asked = 0
    const harness = new ContainerHarness({
      properties: {
        shareConsumerRecordRecoverer: () => {
          asked++
          return 'REJECT'
        },
      },
    })
    await harness.run(3)
    expect(asked).toBe(0)
  })

  test('REJECTING and RELEASING answer so, and log each error with the place of the record', async () => {
    for (const [recoverer, answer] of [
      [REJECTING, 'REJECT'],
      [RELEASING, 'RELEASE'],
    ] as const) {
      const harness = failing(recoverer)
      await harness.run(2)
      expect(harness.engine().answers).toEqual([`${answer} orders-0@0`, `${answer} orders-0@1`])
      expect(harness.log.at('error')).toMatchObject([
        { message: expect.stringContaining('orders-0@0'), facts: { err: bad, topic: 'orders', offset: 0 } },
        { message: expect.stringContaining('orders-0@1'), facts: { err: bad, topic: 'orders', offset: 1 } },
      ])
    }
  })

  const faults: readonly (readonly [string, () => unknown])[] = [
    [
      'throws',
      () => {
        throw new Error('recoverer')
      },
    ],
    ['rejects', () => Promise.reject(new Error('recoverer'))],
    ['answers RENEW', () => 'RENEW'],
    ['answers nothing', () => undefined],
    ['answers nonsense', () => 'toString'],
    ['answers a negative delay', () => ({ type: 'RELEASE', delayMs: -1 })],
    ['answers a delay that is no number', () => ({ type: 'RELEASE', delayMs: 'soon' })],
    ['answers null', () => null],
  ]
  test.each(faults)(
    'that %s: the record is rejected, with an event, a log line, and both errors',
    async (_name, recoverer) => {
      const harness = failing(recoverer as ShareConsumerRecordRecoverer<string, unknown>)
      const records = await harness.run(2)
      expect(harness.engine().answers).toEqual(['REJECT orders-0@0', 'REJECT orders-0@1'])
      const events = harness.events.filter((event) => event instanceof RecovererFailedEvent)
      expect(events.map(({ record, listenerError }) => [record, listenerError])).toEqual([
        [records[0], bad],
        [records[1], bad],
      ])
      expect(events[0]?.cause).toBeInstanceOf(Error)
      expect(harness.log.at('error')[0]).toMatchObject({ facts: { listenerError: bad, err: events[0]?.cause } })
      expect(harness.container.state).toBe('running')
    },
  )
})

describe('an answer with a delay', () => {
  const after = (delayMs: number) => (): RecovererAnswer => ({ type: 'RELEASE', delayMs })

  test('is sent when the delay is over; other records of the batch do not wait, the next batch does', async () => {
    const seen: number[] = []
    const harness = new ContainerHarness({
      properties: { shareConsumerRecordRecoverer: after(5_000) },
      listener: (record) => {
        seen.push(record.offset)
        if (record.offset === 0) throw bad
      },
    })
    await harness.run(2)
    harness.engine().feedMany(1, 2)
    await harness.clock.advance(4_999)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@1'])
    expect(seen).toEqual([0, 1])
    await harness.clock.advance(1)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@1', 'RELEASE orders-0@0', 'ACCEPT orders-0@2'])
  })

  test('keeps its place in a sliding window', async () => {
    const harness = failing(after(5_000), { maxInFlight: 2 })
    await harness.run(4)
    expect(harness.container.metrics().get('orders-0')?.delivered).toBe(2)
    await harness.clock.advance(5_000)
    expect(harness.container.metrics().get('orders-0')?.delivered).toBe(4)
  })

  test('never waits past the lock of its record, and the cut is logged with the remedy', async () => {
    const harness = failing(after(60_000))
    await harness.run(1)
    await harness.clock.advance(28_999)
    expect(harness.engine().answers).toEqual([])
    await harness.clock.advance(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.log.at('warn')[0]?.message).toMatch(
      /31000 ms longer than its lock allows.*share\.record\.lock\.duration\.ms/,
    )
  })

  test('waits on where the lock is renewed meanwhile', async () => {
    const harness = failing(after(60_000))
    const [record] = await harness.run(1)
    for (let i = 0; i < 3; i++) {
      await harness.clock.advance(14_000)
      if (record !== undefined) harness.engine().renew(record, 30_000)
    }
    await harness.clock.advance(17_999)
    expect(harness.engine().answers).toEqual([])
    await harness.clock.advance(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.log.at('warn')).toEqual([])
  })

  test('is dropped when the lock of its record is lost: the next batch need not wait', async () => {
    const harness = failing(after(20_000))
    const [record] = await harness.run(1)
    harness.engine().feedMany(1, 1)
    await harness.settle()
    expect(harness.container.metrics().get('orders-0')?.delivered).toBe(1)
    if (record !== undefined) harness.engine().lose(record, 'session')
    await harness.settle()
    expect(harness.container.metrics().get('orders-0')?.delivered).toBe(2)
    await harness.clock.advance(20_000)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@1'])
  })

  test('is sent at once when the container stops', async () => {
    const harness = failing(after(20_000))
    await harness.run(1)
    await harness.container.stop()
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test.each([undefined, 2])(
    'decided only while the container stops is sent at once (maxInFlight %s)',
    async (maxInFlight) => {
      const decision = deferred<RecovererAnswer>()
      const harness = failing(() => decision.promise, { maxInFlight })
      await harness.run(1)
      void harness.container.stop()
      await harness.settle()
      decision.resolve({ type: 'RELEASE', delayMs: 20_000 })
      await harness.settle()
      expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
      expect(harness.container.state).toBe('stopped')
    },
  )
})

describe('answers that the broker does not take', () => {
  test('become events with topic, partition and offsets', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feed({ topic: 'orders', partition: 3, offset: 42 })
    await harness.settle()
    const error = new KafkaError('the lock was gone', { code: 'INVALID_RECORD_STATE' })
    harness.engine().confirm(error)
    await harness.settle()
    const [event] = harness.events.filter((each) => each instanceof AcknowledgmentFailedEvent)
    expect(event).toMatchObject({
      topic: 'orders',
      partition: 3,
      ranges: [{ firstOffset: 42, lastOffset: 42 }],
      cause: error,
      clientId: 'orders-0',
    })
    expect(harness.log.at('warn')[0]?.message).toContain('orders-3')
  })

  test('also while the container stops', async () => {
    const harness = new ContainerHarness({ properties: { maxInFlight: 1 } })
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feedMany(1)
    await harness.settle()
    harness.container.on('shareConsumerStopping', () =>
      harness.engine().confirm(new KafkaError('session gone', { code: 'SHARE_SESSION_NOT_FOUND' })),
    )
    await harness.container.stop()
    expect(harness.events.filter((event) => event instanceof AcknowledgmentFailedEvent)).toHaveLength(1)
  })

  test('also one that came when the lock or the session was gone, once', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ listener: () => work.promise })
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().expire(record)
    work.resolve()
    await harness.settle()
    expect(harness.engine().answers).toEqual(['stale ACCEPT orders-0@0'])
    expect(harness.events.filter((event) => event instanceof AcknowledgmentFailedEvent)).toMatchObject([
      { ranges: [{ firstOffset: 0, lastOffset: 0 }], cause: { code: 'INVALID_RECORD_STATE' } },
    ])
  })

  test('and an answer that the engine itself refuses ends nothing', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    const refusal = new KafkaUsageError('acknowledged already')
    const settle = harness.engine().settle.bind(harness.engine())
    harness.engine().settle = (record, type) => {
      if ((record as { offset: number }).offset === 0) throw refusal
      return settle(record, type)
    }
    harness.engine().feedMany(2)
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@1'])
    expect(harness.events.filter((event) => event instanceof AcknowledgmentFailedEvent)).toMatchObject([
      { cause: refusal },
    ])
  })
})

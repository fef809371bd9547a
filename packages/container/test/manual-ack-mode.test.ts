import { KafkaError, KafkaUnsupportedVersionError, KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { AcknowledgmentFailedEvent, ListenerFailedEvent, ShareAcknowledgment } from '../src/index.js'
import { deferred, outcomeOf } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

const thrownBy = (call: () => void): unknown => {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

const already = { name: 'KafkaUsageError', code: 'ALREADY_ACKNOWLEDGED' }
const tooLate = { name: 'KafkaUsageError', code: 'ACKNOWLEDGMENT_TOO_LATE' }

describe('the acknowledgment of a record', () => {
  test('answers it with ACCEPT, RELEASE or REJECT, in the call that gives the answer', async () => {
    const harness = new ManualHarness({}, ({ offset }, acknowledgment) => {
      if (offset === 0) acknowledgment.acknowledge()
      else if (offset === 1) acknowledgment.release()
      else acknowledgment.reject()
      expect(harness.engine().answers).toHaveLength(offset + 1)
      expect(acknowledgment.isAcknowledged).toBe(true)
    })
    await harness.run(3)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'RELEASE orders-0@1', 'REJECT orders-0@2'])
    expect(harness.log.at('error')).toEqual([])
  })

  test('is a ShareAcknowledgment at run time, and can be logged', async () => {
    const harness = new ManualHarness()
    await harness.run(2)
    expect(harness.handle(0)).toBeInstanceOf(ShareAcknowledgment)
    expect(JSON.parse(JSON.stringify(harness.handle(1)))).toEqual({
      topic: 'orders',
      partition: 0,
      offset: 1,
      state: 'open',
    })
  })

  test('takes one terminal answer: the second one throws, and the first stands', async () => {
    const harness = new ManualHarness()
    await harness.run(1)
    const handle = harness.handle(0)
    expect(handle.isAcknowledged).toBe(false)
    handle.release()
    for (const again of ['acknowledge', 'release', 'reject', 'renew'] as const) {
      const error = thrownBy(() => handle[again]())
      expect(error).toMatchObject(already)
      expect(String(error)).toMatch(/orders-0@0 is acknowledged already, with RELEASE/)
    }
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
  })

  test('renews as often as one likes, and then takes its terminal answer', async () => {
    const harness = new ManualHarness()
    await harness.run(1)
    const handle = harness.handle(0)
    for (let i = 0; i < 3; i++) handle.renew()
    expect(handle.isAcknowledged).toBe(false)
    handle.acknowledge()
    expect(harness.engine().answers).toEqual([
      'RENEW orders-0@0',
      'RENEW orders-0@0',
      'RENEW orders-0@0',
      'ACCEPT orders-0@0',
    ])
  })

  test('that cannot be renewed stays usable', async () => {
    const harness = new ManualHarness()
    await harness.run(1)
    const settle = harness.engine().settle.bind(harness.engine())
    harness.engine().settle = (record, type) => {
      if (type === 'RENEW') throw new KafkaUnsupportedVersionError('its broker is older than Apache Kafka 4.2')
      return settle(record, type)
    }
    expect(thrownBy(() => harness.handle(0).renew())).toBeInstanceOf(KafkaUnsupportedVersionError)
    harness.handle(0).acknowledge()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  })

  test('is used from anywhere, long after the listener returned', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 1_000_000 })
    await harness.run(2)
    await harness.clock.advance(20_000)
    expect(harness.engine().answers).toEqual([])
    harness.handle(1).acknowledge()
    await harness.clock.advance(5_000)
    harness.handle(0).reject()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@1', 'REJECT orders-0@0'])
  })

  test('throws when the lock of its record was lost, saying so; the answer is told as failed', async () => {
    const harness = new ManualHarness()
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    const error = thrownBy(() => harness.handle(0).acknowledge())
    expect(error).toMatchObject(tooLate)
    expect(String(error)).toMatch(/ACCEPT of orders-0@0 came too late: its lock or its session is lost/)
    expect(thrownBy(() => harness.handle(0).renew())).toMatchObject(tooLate)
    expect(harness.handle(0).isAcknowledged).toBe(false)
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ lateOutcomes: 1, locksLost: 1 })
    expect(harness.events.filter((event) => event instanceof AcknowledgmentFailedEvent)).toMatchObject([
      { ranges: [{ firstOffset: 0, lastOffset: 0 }], records: [record] },
    ])
  })

  test.each([
    ['expired', /its lock or its session is lost.*Call renew\(\) in time/],
    ['session', /the session with the broker.*is lost.*nothing to mend/],
    ['extension-ended', /had been renewed for maxLockExtensionMs.*raise maxLockExtensionMs/],
  ] as const)('says what would have helped when its lock was lost: %s', async (cause, message) => {
    const harness = new ManualHarness()
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record, cause)
    expect(() => harness.handle(0).acknowledge()).toThrow(message)
  })

  test('throws also when only the attempt finds that the lock is gone', async () => {
    const harness = new ManualHarness()
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().expire(record)
    expect(thrownBy(() => harness.handle(0).release())).toMatchObject(tooLate)
    await harness.settle()
    expect(harness.container.metrics().get('orders-0')?.lateOutcomes).toBe(1)
  })

  test('throws when the container has given its record back', async () => {
    const harness = new ManualHarness()
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    expect(harness.engine().released).toBe(1)
    const error = thrownBy(() => harness.handle(0).acknowledge())
    expect(error).toMatchObject(tooLate)
    expect(String(error)).toMatch(/its container has stopped and given it back.*shutdownTimeoutMs/)
    expect(harness.engine().answers).toEqual([])
  })

  test('of one member is never answered by another', async () => {
    const harness = new ManualHarness({ maxInFlight: 2, shutdownTimeoutMs: 1_000 })
    await harness.run(1)
    harness.engine(0).failTake(new KafkaError('fenced', { code: 'FENCED_MEMBER_EPOCH' }))
    await harness.clock.advance(15_000)
    expect(harness.factory.consumers).toHaveLength(2)
    expect(thrownBy(() => harness.handle(0).acknowledge())).toMatchObject(tooLate)
    expect([harness.engine(0).answers, harness.engine(1).answers]).toEqual([[], []])
  })

  test('that was answered past it, by the engine, frees its place', async () => {
    const harness = new ManualHarness()
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().settle(record, 'REJECT')
    expect(thrownBy(() => harness.handle(0).acknowledge())).toMatchObject(already)
    harness.engine().feedMany(1, 1)
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
  })

  test('tells the word of the broker on its answer, to whoever asks', async () => {
    const harness = new ManualHarness()
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feedMany(2)
    await harness.settle()
    const { result } = harness.handle(0)
    harness.handle(0).acknowledge()
    harness.handle(1).acknowledge()
    expect(await outcomeOf(result)).toBe('pending')
    harness.engine().confirm()
    expect(await result).toEqual({ error: undefined, type: 'ACCEPT' })
  })

  test('whose renewal failed for good is lost', async () => {
    const harness = new ManualHarness()
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feedMany(1)
    await harness.settle()
    harness.handle(0).renew()
    harness.engine().confirm(new KafkaError('the lock was gone', { code: 'INVALID_RECORD_STATE' }))
    expect(thrownBy(() => harness.handle(0).acknowledge())).toMatchObject(tooLate)
    harness.engine().autoConfirm = true
    harness.engine().feedMany(1, 1)
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
  })
})

describe('the batch rule in MANUAL mode', () => {
  test('delivers on when a listener returns, answered or not, and nothing of the next batch before all is answered', async () => {
    const harness = new ManualHarness()
    await harness.run(3)
    harness.engine().feedMany(2, 3)
    await harness.clock.advance(10_000)
    expect(harness.seen).toEqual([0, 1, 2])
    harness.handle(2).acknowledge()
    harness.handle(0).release()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2])
    harness.handle(1).reject()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2, 3, 4])
  })

  test('waits for the promise of a listener before the next record', async () => {
    const works = [deferred(), deferred()]
    const harness = new ManualHarness({}, ({ offset }) => works[offset]?.promise)
    await harness.run(2)
    harness.handle(0).acknowledge()
    await harness.settle()
    expect(harness.seen).toEqual([0])
    works[0]?.resolve()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
  })

  test('waits for the verdicts, too', async () => {
    const harness = new ManualHarness({}, (_record, acknowledgment) => acknowledgment.acknowledge())
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feedMany(1)
    harness.engine().feedMany(1, 1)
    await harness.settle()
    expect(harness.seen).toEqual([0])
    harness.engine().confirm()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
  })

  test('goes on when what is open is lost', async () => {
    const harness = new ManualHarness()
    const records = await harness.run(2)
    harness.engine().feedMany(1, 2)
    for (const record of records) harness.engine().lose(record)
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2])
  })

  test('is no matter for another member', async () => {
    const harness = new ManualHarness({ concurrency: 2 })
    await harness.container.start()
    harness.engine(0).feedMany(1)
    harness.engine(0).feedMany(1, 1)
    harness.engine(1).feedMany(1, 10)
    await harness.settle()
    harness.handle(10).acknowledge()
    harness.engine(1).feedMany(1, 11)
    await harness.settle()
    expect(harness.seen).toEqual([0, 10, 11])
  })

  test('holds a paused container to its batch: what is answered late is taken, and nothing more is delivered', async () => {
    const harness = new ManualHarness()
    await harness.run(1)
    harness.container.pause()
    harness.handle(0).acknowledge()
    harness.engine().feedMany(1, 1)
    await harness.clock.advance(1_000)
    expect(harness.seen).toEqual([0])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    harness.container.resume()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
  })
})

describe('a window in MANUAL mode', () => {
  test('has at most n records delivered and unanswered, whether their listeners have returned or not', async () => {
    const work = deferred()
    const harness = new ManualHarness({ maxInFlight: 3 }, ({ offset }) => (offset === 1 ? work.promise : undefined))
    await harness.run(6)
    expect(harness.seen).toEqual([0, 1, 2])
    harness.handle(2).acknowledge()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2, 3])
    // Its listener still runs.
    harness.handle(1).acknowledge()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2, 3])
    work.resolve()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2, 3, 4])
    harness.handle(0).reject()
    harness.handle(3).release()
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2, 3, 4, 5])
  })
})

describe('a MANUAL listener that throws', () => {
  const failing = (answer: (acknowledgment: ShareAcknowledgment) => void, asked: unknown[] = []): ManualHarness =>
    new ManualHarness(
      {
        shareConsumerRecordRecoverer: (record) => {
          asked.push(record.offset)
          return 'RELEASE'
        },
      },
      (_record, acknowledgment) => {
        answer(acknowledgment)
        throw new Error('bad order')
      },
    )

  test('before it answered leaves the record to the recoverer, and its handle is closed', async () => {
    const asked: unknown[] = []
    const harness = failing(() => undefined, asked)
    await harness.run(1)
    expect(asked).toEqual([0])
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.handle(0).isAcknowledged).toBe(true)
    const error = thrownBy(() => harness.handle(0).acknowledge())
    expect(error).toMatchObject(tooLate)
    expect(String(error)).toMatch(/the recoverer has decided/)
  })

  test('after it answered leaves the answer as it is: nobody is asked, the error is told', async () => {
    const asked: unknown[] = []
    const harness = failing((acknowledgment) => acknowledgment.acknowledge(), asked)
    const [record] = await harness.run(1)
    expect(asked).toEqual([])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.log.at('error')).toMatchObject([
      { message: expect.stringMatching(/orders-0@0; its answer, ACCEPT, stands/) },
    ])
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { record, error: new Error('bad order'), acknowledgement: 'ACCEPT' },
    ])
  })

  test('after it renewed is decided by the recoverer', async () => {
    const harness = failing((acknowledgment) => acknowledgment.renew())
    await harness.run(1)
    expect(harness.engine().answers).toEqual(['RENEW orders-0@0', 'RELEASE orders-0@0'])
  })

  test('may still be answered while the recoverer thinks; what the recoverer says then is passed over', async () => {
    const decision = deferred<'REJECT'>()
    const harness = new ManualHarness({ shareConsumerRecordRecoverer: () => decision.promise }, () => {
      throw new Error('bad order')
    })
    await harness.run(1)
    harness.handle(0).acknowledge()
    decision.resolve('REJECT')
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { acknowledgement: 'ACCEPT' },
    ])
  })

  test('whose record was lost is told, and nobody is asked', async () => {
    const work = deferred()
    const asked: unknown[] = []
    const harness = new ManualHarness(
      { shareConsumerRecordRecoverer: () => (asked.push(1), 'REJECT') },
      () => work.promise,
    )
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    work.reject(new Error('bad order'))
    await harness.settle()
    expect(asked).toEqual([])
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { acknowledgement: undefined },
    ])
  })

  test('and whose answer is to wait holds its place until then', async () => {
    const harness = new ManualHarness(
      { shareConsumerRecordRecoverer: () => ({ type: 'RELEASE', delayMs: 5_000 }) },
      ({ offset }, acknowledgment) => {
        if (offset === 0) throw new Error('bad order')
        acknowledgment.acknowledge()
      },
    )
    await harness.run(1)
    harness.engine().feedMany(1, 1)
    await harness.clock.advance(4_999)
    expect(harness.engine().answers).toEqual([])
    await harness.clock.advance(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0', 'ACCEPT orders-0@1'])
  })
})

describe('stop() in MANUAL mode', () => {
  test('waits for open acknowledgments within its time, and sends them', async () => {
    const harness = new ManualHarness()
    await harness.run(2)
    const stopped = harness.container.stop({ timeoutMs: 10_000 })
    await harness.clock.advance(3_000)
    harness.handle(0).acknowledge()
    await harness.clock.advance(1_000)
    expect(await outcomeOf(stopped)).toBe('pending')
    harness.handle(1).release()
    await harness.settle()
    await stopped
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'RELEASE orders-0@1'])
    expect(harness.engine().released).toBe(0)
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('gives back what is open when its time is over', async () => {
    const harness = new ManualHarness()
    await harness.run(2)
    harness.handle(1).acknowledge()
    const stopped = harness.container.stop({ timeoutMs: 4_000 })
    await harness.clock.advance(3_000)
    await stopped
    expect(harness.engine().released).toBe(1)
    expect(harness.events.at(-1)).toMatchObject({
      type: 'consumerStopped',
      releasedRecords: 1,
      unfinishedListenerCalls: 0,
    })
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('does not wait for records that are overdue', async () => {
    const harness = new ManualHarness({ shareAcknowledgmentTimeoutMs: 5_000 })
    await harness.run(2)
    await harness.clock.advance(4_000)
    harness.handle(1).renew()
    const stopped = harness.container.stop({ timeoutMs: 60_000 })
    // The one is overdue after 1 s, the other was renewed.
    await harness.clock.advance(4_999)
    expect(await outcomeOf(stopped)).toBe('pending')
    await harness.clock.advance(1)
    expect(await outcomeOf(stopped)).toBe('resolved')
    expect(harness.engine().released).toBe(2)
  })

  test('inside a listener works: the answer that it gives afterwards goes out', async () => {
    const harness = new ManualHarness({}, async (_record, acknowledgment) => {
      await harness.container.stop()
      acknowledgment.acknowledge()
    })
    await harness.run(1)
    await harness.container.stop()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.container.state).toBe('stopped')
  })
})

test('MANUAL with a listener that takes no acknowledgment is refused at the start, before anything joins', async () => {
  const harness = new ManualHarness()
  harness.container.setupMessageListener(() => undefined, { kind: 'plain' })
  const refused = await outcomeOf(harness.container.start())
  expect(refused).toMatchObject({ rejected: expect.any(KafkaUsageError) })
  expect(harness.factory.consumers).toEqual([])
})

test('stop() in a task that a listener has started, and that still has the record to answer, does not wait for itself', async () => {
  let answered: Promise<void> | undefined
  const harness = new ManualHarness({}, (_record, acknowledgment) => {
    answered = (async () => {
      await Promise.resolve()
      await harness.container.stop()
      acknowledgment.acknowledge()
    })()
  })
  await harness.run(1)
  await answered
  await harness.container.stop()
  expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  expect(harness.engine().released).toBe(0)
  expect(harness.container.state).toBe('stopped')
})

import { KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ProcessingDeadlineError, ProcessingDeadlineExceededEvent, RecordLockLostError } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

const deadlines = (harness: ContainerHarness): ProcessingDeadlineExceededEvent[] =>
  harness.events.filter((event) => event instanceof ProcessingDeadlineExceededEvent)

describe('a listener that takes longer than processingDeadlineMs', () => {
  test('is given up: its recoverer decides with a ProcessingDeadlineError, and the loop goes on', async () => {
    const asked: unknown[] = []
    const harness = new ContainerHarness({
      properties: {
        processingDeadlineMs: 5_000,
        shareConsumerRecordRecoverer: (_record, error) => (asked.push(error), 'RELEASE'),
      },
      listener: ({ offset }) => (offset === 0 ? new Promise(() => undefined) : undefined),
    })
    const records = await harness.run(2)
    await harness.clock.advance(4_999)
    expect(harness.engine().answers).toEqual([])
    await harness.clock.advance(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0', 'ACCEPT orders-0@1'])
    expect(asked).toEqual([expect.any(ProcessingDeadlineError)])
    expect(asked[0]).toMatchObject({ code: 'PROCESSING_DEADLINE', deadlineMs: 5_000, name: 'ProcessingDeadlineError' })
    expect(deadlines(harness)).toMatchObject([{ record: records[0], deadlineMs: 5_000 }])
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ deadlinesExceeded: 1, failed: 1 })
  })

  test.each(['resolves', 'rejects'] as const)('and %s in the end is late: nothing is answered by that', async (how) => {
    const work = deferred()
    const harness = new ContainerHarness({ properties: { processingDeadlineMs: 1_000 }, listener: () => work.promise })
    await harness.run(1)
    await harness.clock.advance(1_000)
    if (how === 'resolves') work.resolve()
    else work.reject(new Error('late'))
    await harness.settle()
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
    expect(harness.container.metrics().get('orders-0')?.lateOutcomes).toBe(1)
    expect(harness.log.at('warn')).toMatchObject([
      { message: expect.stringMatching(/orders-0@0 after its processing deadline/), facts: { offset: 0 } },
    ])
  })

  test('has its signal fire with the error, where it takes one', async () => {
    const reasons: unknown[] = []
    const harness = new ContainerHarness({
      properties: { processingDeadlineMs: 1_000 },
      acknowledging: true,
      listener: (_record, _acknowledgment, _consumer, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason as Error)
          })
        }),
    })
    await harness.run(1)
    await harness.clock.advance(1_000)
    expect(reasons).toEqual([expect.any(ProcessingDeadlineError)])
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
  })

  test.each([
    ['its reason', (signal: AbortSignal) => signal.reason as unknown, 0],
    ['what the platform makes of it', () => new DOMException('This operation was aborted', 'AbortError'), 0],
    ['an error caused by its reason', (signal: AbortSignal) => new Error('gave up', { cause: signal.reason }), 0],
    ['an error of its own', () => new Error('late'), 1],
    ['what cannot be read', () => new Proxy(new Error('odd'), { get: () => JSON.parse('{') as never }), 1],
  ])('and ends by its signal, with %s, is late only where that is not said', async (_what, errorOf, late) => {
    const harness = new ContainerHarness({
      properties: { processingDeadlineMs: 1_000 },
      acknowledging: true,
      listener: async (_record, _acknowledgment, _consumer, signal) => {
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
        throw errorOf(signal)
      },
    })
    await harness.run(1)
    await harness.clock.advance(1_000)
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
    expect(harness.container.metrics().get('orders-0')?.lateOutcomes).toBe(late)
    const told = harness.log.at('warn').filter(({ message }) => message.includes('after its processing deadline'))
    expect(told).toHaveLength(late)
  })

  test('is not given up when it ends in time, or while its recoverer thinks', async () => {
    const decision = deferred<'RELEASE'>()
    const harness = new ContainerHarness({
      properties: { processingDeadlineMs: 1_000, shareConsumerRecordRecoverer: () => decision.promise },
      listener: ({ offset }) =>
        new Promise((resolve, reject) => {
          harness.clock.setTimer(() => (offset === 0 ? resolve(undefined) : reject(new Error('bad'))), 999)
        }),
    })
    await harness.run(2)
    await harness.clock.advance(60_000)
    decision.resolve('RELEASE')
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'RELEASE orders-0@1'])
    expect(deadlines(harness)).toEqual([])
    await harness.container.stop()
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('in a window costs the others nothing', async () => {
    const harness = new ContainerHarness({
      properties: { processingDeadlineMs: 1_000, maxInFlight: 2 },
      listener: ({ offset }) => (offset % 2 === 0 ? new Promise(() => undefined) : undefined),
    })
    await harness.run(6)
    await harness.clock.advance(2_000)
    expect(harness.engine().answers.toSorted()).toEqual([
      'ACCEPT orders-0@1',
      'ACCEPT orders-0@3',
      'ACCEPT orders-0@5',
      'REJECT orders-0@0',
      'REJECT orders-0@2',
      'REJECT orders-0@4',
    ])
    expect(deadlines(harness)).toHaveLength(3)
  })
})

describe('the deadline of a MANUAL listener', () => {
  test('counts until the record is answered, also when the listener has returned', async () => {
    const harness = new ManualHarness({ processingDeadlineMs: 1_000 })
    await harness.run(3)
    harness.handle(1).acknowledge()
    await harness.clock.advance(1_000)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@1', 'REJECT orders-0@0', 'REJECT orders-0@2'])
    expect(harness.signals.map(({ aborted }) => aborted)).toEqual([true, false, true])
    expect(() => harness.handle(0).acknowledge()).toThrow(
      /too late: its processing deadline had passed.*raise processingDeadlineMs/,
    )
  })

  test('keeps the next batch back until its recoverers have decided on all of this one', async () => {
    const decisions = [deferred<'RELEASE'>(), deferred<'RELEASE'>()]
    const harness = new ManualHarness({
      processingDeadlineMs: 1_000,
      shareConsumerRecordRecoverer: ({ offset }) => decisions[offset]?.promise ?? 'REJECT',
    })
    await harness.run(2)
    await harness.clock.advance(1_500)
    harness.engine().feedMany(1, 2)
    decisions[1]?.resolve('RELEASE')
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
    decisions[0]?.resolve('RELEASE')
    await harness.settle()
    expect(harness.seen).toEqual([0, 1, 2])
  })

  test('leaves an answer alone that was given before', async () => {
    const harness = new ManualHarness({ processingDeadlineMs: 1_000 }, ({ offset }, acknowledgment) => {
      acknowledgment.acknowledge()
      return offset === 0 ? new Promise(() => undefined) : undefined
    })
    await harness.run(2)
    await harness.clock.advance(1_000)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'ACCEPT orders-0@1'])
    expect(deadlines(harness)).toHaveLength(1)
  })

  test('asks once, also when the listener throws while somebody decides', async () => {
    const decision = deferred<'RELEASE'>()
    let asked = 0
    const harness = new ManualHarness(
      { processingDeadlineMs: 1_000, shareConsumerRecordRecoverer: () => (asked++, decision.promise) },
      () => {
        throw new Error('bad order')
      },
    )
    await harness.run(1)
    await harness.clock.advance(5_000)
    decision.resolve('RELEASE')
    await harness.settle()
    expect(asked).toBe(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
  })
})

describe('the signal of a listener', () => {
  const hanging = (properties = {}): ContainerHarness & { signals: AbortSignal[] } => {
    const signals: AbortSignal[] = []
    const harness = new ContainerHarness({
      properties,
      acknowledging: true,
      listener: (_record, _acknowledgment, _consumer, signal) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
      takesSignal: true,
    })
    return Object.assign(harness, { signals })
  }

  test('fires when the lock of its record is lost', async () => {
    const harness = hanging({ maxInFlight: 2 })
    const [record] = await harness.run(2)
    const error = new KafkaError('the broker forgot the session', { code: 'SHARE_SESSION_NOT_FOUND' })
    if (record !== undefined) harness.engine().lose(record, 'session', error)
    expect(harness.signals.map(({ aborted }) => aborted)).toEqual([true, false])
    expect(harness.signals[0]?.reason).toBeInstanceOf(RecordLockLostError)
    expect(harness.signals[0]?.reason).toMatchObject({ code: 'RECORD_LOCK_LOST', lossCause: 'session', cause: error })
  })

  test('fires when the container gives up waiting, not when it is asked to stop', async () => {
    const harness = hanging()
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 4_000 })
    await harness.clock.advance(2_999)
    expect(harness.signals[0]?.aborted).toBe(false)
    await harness.clock.advance(1)
    await stopped
    expect(harness.signals[0]?.reason).toMatchObject({ code: 'STOPPED' })
  })

  test('is one for all where nobody asked for it', async () => {
    const signals: AbortSignal[] = []
    const harness = new ContainerHarness({
      acknowledging: true,
      listener: (_record, _acknowledgment, consumer, ...rest: unknown[]) => {
        expect(consumer).toBe(harness.factory.at(0))
        signals.push(...(rest as AbortSignal[]))
      },
      takesSignal: false,
    })
    await harness.run(2)
    expect(signals).toHaveLength(2)
    expect(signals[0]).toBe(signals[1])
  })

  test('does not fire after its listener has ended', async () => {
    const signals: AbortSignal[] = []
    const harness = new ContainerHarness({
      acknowledging: true,
      takesSignal: true,
      properties: { processingDeadlineMs: 1_000 },
      listener: (_record, _acknowledgment, _consumer, signal) => void signals.push(signal),
    })
    await harness.run(1)
    await harness.clock.advance(10_000)
    await harness.container.stop()
    expect(signals[0]?.aborted).toBe(false)
  })
})

describe('the signal of a MANUAL listener that has handed its record on', () => {
  const handedOn = (properties = {}): ManualHarness =>
    new ManualHarness(properties, () => undefined, { takesSignal: true })

  test('fires when the lock is lost', async () => {
    const harness = handedOn()
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    expect(harness.signals[0]?.reason).toMatchObject({ code: 'RECORD_LOCK_LOST' })
  })

  test('fires when the container has given the record back', async () => {
    const harness = handedOn()
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    expect(harness.signals[0]?.reason).toMatchObject({ code: 'STOPPED' })
  })

  test('does not fire once the record is answered', async () => {
    const harness = handedOn({ processingDeadlineMs: 1_000 })
    await harness.run(1)
    harness.handle(0).acknowledge()
    await harness.clock.advance(5_000)
    await harness.container.stop()
    expect(harness.signals[0]?.aborted).toBe(false)
  })
})

describe('a MANUAL record that somebody decides on', () => {
  test('is neither overdue nor beyond its deadline meanwhile', async () => {
    const decision = deferred<'RELEASE'>()
    const harness = new ManualHarness(
      {
        processingDeadlineMs: 1_000,
        shareAcknowledgmentTimeoutMs: 500,
        shareConsumerRecordRecoverer: () => decision.promise,
      },
      () => {
        throw new Error('bad order')
      },
    )
    await harness.run(1)
    await harness.clock.advance(5_000)
    expect(harness.story.filter((event) => !event.startsWith('consumer'))).toEqual([])
    decision.resolve('RELEASE')
    await harness.settle()
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
  })

  test('takes one place in the window, also when its deadline had it decided on', async () => {
    const decision = deferred<'RELEASE'>()
    const harness = new ManualHarness({
      processingDeadlineMs: 1_000,
      maxInFlight: 2,
      shareConsumerRecordRecoverer: () => decision.promise,
    })
    await harness.run(1)
    await harness.clock.advance(1_000)
    expect(harness.container.health().members).toMatchObject([{ inFlight: 1 }])
    harness.engine().feedMany(1, 1)
    await harness.settle()
    expect(harness.seen).toEqual([0, 1])
    decision.resolve('RELEASE')
  })

  test('does not make a recoverer wait for itself that stops the container', async () => {
    const harness = new ManualHarness({
      processingDeadlineMs: 1_000,
      shareConsumerRecordRecoverer: async () => {
        await harness.container.stop()
        return 'REJECT' as const
      },
    })
    await harness.run(1)
    await harness.clock.advance(1_001)
    await harness.container.stop()
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
  })
})

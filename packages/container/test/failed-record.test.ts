import { describe, expect, test } from 'vitest'
import { ListenerFailedEvent, type ContainerProperties, type ListenerErrorHandler } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

const bad = new Error('bad order')

function failing(errorHandler: unknown, properties: ContainerProperties = {}): ContainerHarness & { asked: unknown[] } {
  const asked: unknown[] = []
  const harness = new ContainerHarness({
    properties: {
      errorHandler: errorHandler as ListenerErrorHandler,
      shareConsumerRecordRecoverer: (_record, error) => (asked.push(error), 'RELEASE'),
      ...properties,
    },
    listener: () => {
      throw bad
    },
  })
  return Object.assign(harness, { asked })
}

describe('an error handler', () => {
  test.each(['ACCEPT', 'RELEASE', 'REJECT'] as const)('that answers %s decides, at once or later', async (answer) => {
    const harness = failing(({ offset }: { offset: number }) => (offset === 0 ? answer : Promise.resolve(answer)))
    await harness.run(2)
    expect(harness.engine().answers).toEqual([`${answer} orders-0@0`, `${answer} orders-0@1`])
    expect(harness.asked).toEqual([])
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { error: bad, acknowledgement: answer },
      { error: bad, acknowledgement: answer },
    ])
  })

  test('may answer with a delay', async () => {
    const harness = failing(() => ({ type: 'RELEASE', delayMs: 1_000 }))
    await harness.run(1)
    await harness.clock.advance(999)
    expect(harness.engine().answers).toEqual([])
    await harness.clock.advance(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
  })

  test('is given the record, the error, a logger, and the acknowledgment where there is one', async () => {
    const calls: unknown[][] = []
    const handler: ListenerErrorHandler = (...call) => void calls.push(call)
    const explicit = failing(handler)
    const [record] = await explicit.run(1)
    expect(calls[0]).toMatchObject([record, bad, { acknowledgment: undefined, logger: expect.anything() }])
    const manual = new ManualHarness({ errorHandler: handler }, () => {
      throw bad
    })
    await manual.run(1)
    expect(calls[1]?.[2]).toMatchObject({ acknowledgment: manual.handle(0) })
  })

  test('that answers its MANUAL record itself has decided', async () => {
    const asked: unknown[] = []
    const harness = new ManualHarness(
      {
        errorHandler: (_record, _error, { acknowledgment }) => acknowledgment?.reject(),
        shareConsumerRecordRecoverer: () => (asked.push(1), 'RELEASE'),
      },
      () => {
        throw bad
      },
    )
    await harness.run(1)
    expect(asked).toEqual([])
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { acknowledgement: 'REJECT' },
    ])
  })

  const left: readonly (readonly [string, number, () => unknown])[] = [
    ['answers nothing', 0, () => undefined],
    ['answers null', 0, () => null],
    ['answers nothing later', 0, () => Promise.resolve()],
    [
      'throws what it was given',
      0,
      () => {
        throw bad
      },
    ],
    [
      'throws something else',
      1,
      () => {
        throw new Error('handler')
      },
    ],
    ['rejects', 1, () => Promise.reject(new Error('handler'))],
    ['answers RENEW', 1, () => 'RENEW'],
    ['answers nonsense', 1, () => ({ type: Object.create(null) as unknown })],
    [
      'answers what cannot be read',
      1,
      () => ({
        get type(): string {
          throw new Error('no type')
        },
      }),
    ],
    ['answers a negative delay', 1, () => ({ type: 'RELEASE', delayMs: -1 })],
  ]
  test.each(left)(
    'that %s leaves it to the recoverer, which gets what the listener threw',
    async (_what, errors, handler) => {
      const harness = failing(handler)
      await harness.run(1)
      expect(harness.asked).toEqual([bad])
      expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
      expect(harness.log.at('error')).toHaveLength(errors)
      if (errors > 0) {
        expect(harness.log.at('error')[0]).toMatchObject({
          message: expect.stringMatching(/The error handler failed on orders-0@0/),
          facts: { listenerError: bad },
        })
      }
    },
  )

  test('is waited for, and so is the recoverer after it', async () => {
    const [handled, recovered] = [deferred(), deferred<'REJECT'>()]
    const harness = failing(() => handled.promise, { shareConsumerRecordRecoverer: () => recovered.promise })
    await harness.run(2)
    handled.resolve()
    await harness.settle()
    expect(harness.engine().answers).toEqual([])
    recovered.resolve('REJECT')
    await harness.settle()
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0', 'REJECT orders-0@1'])
  })
})

test.each(['resolves', 'rejects'] as const)(
  'a recoverer asked after an error handler that %s later holds the next record and stop() until it has decided',
  async (how) => {
    const [handled, decision] = [deferred(), deferred<'RELEASE'>()]
    const seen: number[] = []
    const harness = new ContainerHarness({
      properties: { errorHandler: () => handled.promise, shareConsumerRecordRecoverer: () => decision.promise },
      listener: ({ offset }) => {
        seen.push(offset)
        if (offset === 0) throw bad
      },
    })
    await harness.run(2)
    if (how === 'resolves') handled.resolve()
    else handled.reject(new Error('the handler failed'))
    await harness.settle()
    expect(seen).toEqual([0])
    void harness.container.stop()
    await harness.settle()
    expect(harness.container.state).toBe('stopping')
    decision.resolve('RELEASE')
    await harness.settle()
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.container.state).toBe('stopped')
  },
)

test.each(['throws', 'rejects'] as const)('a listener that %s in time has no deadline any more', async (how) => {
  const harness = new ContainerHarness({
    properties: { processingDeadlineMs: 1_000 },
    listener: () => {
      if (how === 'throws') throw bad
      return Promise.reject(bad)
    },
  })
  await harness.run(1)
  await harness.clock.advance(3_000)
  expect(harness.container.metrics().get('orders-0')).toMatchObject({ failed: 1, deadlinesExceeded: 0 })
  expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
})

test('a MANUAL listener that throws is counted for each record', async () => {
  const harness = new ManualHarness({}, () => {
    throw bad
  })
  await harness.run(2)
  expect(harness.container.metrics().get('orders-0')?.failed).toBe(2)
})

describe('a listener may throw anything', () => {
  const things: readonly (readonly [string, unknown])[] = [
    ['a text', 'bad'],
    ['undefined', undefined],
    ['null', null],
    ['a frozen object', Object.freeze({ code: 1 })],
    ['an object without prototype', Object.create(null)],
    ['a symbol', Symbol('bad')],
    [
      'an error whose message cannot be read',
      Object.defineProperty(new Error('bad'), 'message', {
        get: () => {
          throw new Error('no message')
        },
      }),
    ],
    ['a function', () => 'bad'],
  ]
  test.each(things)('%s: the recoverer gets it as it is', async (_what, thing) => {
    const asked: unknown[] = []
    const harness = new ContainerHarness({
      properties: { shareConsumerRecordRecoverer: (_record, error) => (asked.push(error), 'RELEASE') },
      listener: ({ offset }) => {
        const fail = (): never => {
          throw thing
        }
        return offset === 1 ? Promise.resolve().then(fail) : fail()
      },
    })
    await harness.run(2)
    expect(asked).toHaveLength(2)
    expect(asked.every((error) => error === thing)).toBe(true)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0', 'RELEASE orders-0@1'])
    expect(harness.container.state).toBe('running')
  })

  test('a thenable that throws in then, or calls back twice, is a listener that failed, or ended once', async () => {
    const harness = new ContainerHarness({
      properties: { processingDeadlineMs: 60_000 },
      listener: ({ offset }) =>
        offset === 0
          ? {
              then: () => {
                throw bad
              },
            }
          : {
              then: (yes: () => void, no: (error: unknown) => void) => {
                yes()
                yes()
                no(bad)
              },
            },
    })
    await harness.run(2)
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0', 'ACCEPT orders-0@1'])
  })
})

describe('the event of a failed listener', () => {
  test('comes once, with the answer, also where the recoverer fails', async () => {
    const harness = new ContainerHarness({
      properties: {
        shareConsumerRecordRecoverer: () => {
          throw new Error('recoverer')
        },
      },
      listener: () => {
        throw bad
      },
    })
    const [record] = await harness.run(1)
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { record, error: bad, acknowledgement: 'REJECT', clientId: 'orders-0', containerId: 'orders' },
    ])
  })

  test('says that nothing was answered when the record had been given back', async () => {
    const decision = deferred<'REJECT'>()
    const harness = failing(undefined, { shareConsumerRecordRecoverer: () => decision.promise })
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    decision.resolve('REJECT')
    await harness.settle()
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { acknowledgement: undefined },
    ])
    expect(harness.container.metrics().get('orders-0')?.lateOutcomes).toBe(1)
  })
})

describe('a record that was lost before its listener failed', () => {
  test.each(['EXPLICIT', 'IMPLICIT'] as const)('has no acknowledgement in its event (%s)', async (shareAckMode) => {
    const work = deferred()
    const harness = new ContainerHarness({ properties: { shareAckMode }, listener: () => work.promise })
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    work.reject(bad)
    await harness.settle()
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { error: bad, acknowledgement: undefined },
    ])
  })
})

test('an error handler that answers by the handle and then throws has answered: no recoverer is asked', async () => {
  let asked = 0
  const harness = new ManualHarness(
    {
      errorHandler: (_record, error, { acknowledgment }) => {
        acknowledgment?.reject()
        throw error
      },
      shareConsumerRecordRecoverer: () => (asked++, 'RELEASE'),
    },
    () => {
      throw bad
    },
  )
  await harness.run(1)
  expect(asked).toBe(0)
  expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
  expect(harness.story.filter((event) => event.startsWith('listenerFailed'))).toHaveLength(1)
})

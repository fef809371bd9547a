import { KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { RecordDeserializationFailedEvent, RecordLockLostEvent } from '../src/index.js'
import { ContainerHarness, deferred, type HarnessOptions } from './container-harness.js'

type Properties = HarnessOptions['properties']

/** A listener that tells what it has begun, and whose call for offset n ends with the nth of `works`. */
function held(count: number) {
  const works = Array.from({ length: count }, () => deferred())
  const begun: number[] = []
  const listener = ({ offset }: { readonly offset: number }) => {
    begun.push(offset)
    return works[offset]?.promise
  }
  return { works, begun, listener }
}

/** Starts, and feeds two batches of two records each whose answers the broker does not confirm by itself. */
async function runUnconfirmed(harness: ContainerHarness): Promise<void> {
  await harness.container.start()
  harness.engine().autoConfirm = false
  harness.engine().feedMany(2)
  harness.engine().feedMany(2, 2)
  await harness.settle()
}

/** The first of three records is worked on for so long that the second loses its lock meanwhile. */
async function afterALockRanOut(properties: Properties = {}) {
  const { works, begun, listener } = held(1)
  const harness = new ContainerHarness({ properties, listener })
  await harness.container.start()
  const [, lost] = harness.engine().feed({ offset: 0 }, { offset: 1, lockMs: 5_000 }, { offset: 2 })
  await harness.clock.advance(6_000)
  works[0]?.resolve()
  await harness.settle()
  return { harness, begun, lost }
}

describe('a listener loop in EXPLICIT mode', () => {
  test('accepts each record whose listener returns', async () => {
    const seen: number[] = []
    const harness = new ContainerHarness({ listener: (record) => void seen.push(record.offset) })
    await harness.run(3)
    expect(seen).toEqual([0, 1, 2])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'ACCEPT orders-0@1', 'ACCEPT orders-0@2'])
  })

  test('accepts a record when the promise of its listener resolves, not before', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ listener: () => work.promise })
    await harness.run(1)
    expect(harness.engine().answers).toEqual([])
    work.resolve()
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  })

  test('hands out one record after another: the next waits for the promise of the one before', async () => {
    const { works, begun, listener } = held(2)
    const harness = new ContainerHarness({ listener })
    await harness.run(2)
    expect(begun).toEqual([0])
    works[0]?.resolve()
    await harness.settle()
    expect(begun).toEqual([0, 1])
  })

  test('rejects a record whose listener throws, and goes on with the next', async () => {
    const harness = new ContainerHarness({
      listener: (record) => {
        if (record.offset === 1) throw new Error('bad order')
      },
    })
    await harness.run(3)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'REJECT orders-0@1', 'ACCEPT orders-0@2'])
    expect(harness.log.at('error')).toMatchObject([
      { facts: { topic: 'orders', partition: 0, offset: 1, deliveryCount: 1 } },
    ])
  })

  test('rejects a record whose listener rejects, and one whose thenable throws while it is asked for then', async () => {
    const trap = Object.defineProperty({}, 'then', {
      get: () => {
        throw new Error('no then')
      },
    })
    const harness = new ContainerHarness({
      listener: (record) => (record.offset === 0 ? Promise.reject(new Error('bad order')) : trap),
    })
    await harness.run(2)
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0', 'REJECT orders-0@1'])
  })

  test('takes a listener object with onMessage, and keeps its this', async () => {
    const listener = {
      seen: [] as number[],
      onMessage(record: { offset: number }) {
        this.seen.push(record.offset)
      },
    }
    const harness = new ContainerHarness({ listener })
    await harness.run(2)
    expect(listener.seen).toEqual([0, 1])
  })

  test('gives an acknowledging listener no handle, its consumer, and a signal that does not fire', async () => {
    const calls: unknown[][] = []
    const harness = new ContainerHarness({
      acknowledging: true,
      listener: (...call: unknown[]) => void calls.push(call),
    })
    const [record] = await harness.run(1)
    expect(calls).toEqual([[record, undefined, harness.factory.at(0), expect.any(AbortSignal)]])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  })

  test('is not taken down by a listener that answers its record by itself', async () => {
    const harness = new ContainerHarness({
      listener: (record) => {
        harness.engine().settle(record, 'RELEASE')
      },
    })
    await harness.run(2)
    expect(harness.container.state).toBe('running')
    expect(harness.engine().answers.filter((answer) => !answer.startsWith('stale'))).toEqual([
      'RELEASE orders-0@0',
      'RELEASE orders-0@1',
    ])
  })
})

describe('the batch rule (maxInFlight unset)', () => {
  test('delivers nothing of the next batch before the broker has confirmed this one', async () => {
    const seen: number[] = []
    const harness = new ContainerHarness({ listener: (record) => void seen.push(record.offset) })
    await runUnconfirmed(harness)
    expect(seen).toEqual([0, 1])
    harness.engine().confirm()
    await harness.settle()
    expect(seen).toEqual([0, 1, 2, 3])
  })

  test('with syncShareCommits false waits for no verdict', async () => {
    const seen: number[] = []
    const harness = new ContainerHarness({
      properties: { syncShareCommits: false },
      listener: (record) => void seen.push(record.offset),
    })
    await runUnconfirmed(harness)
    expect(seen).toEqual([0, 1, 2, 3])
  })

  test('waiting for verdicts batch after batch leaves no abort listeners behind', async () => {
    const warnings: Error[] = []
    const warned = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warned)
    try {
      const harness = new ContainerHarness()
      await harness.container.start()
      for (let offset = 0; offset < 40; offset++) {
        harness.engine().feedMany(1, offset)
        await harness.settle()
      }
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      process.off('warning', warned)
    }
    expect(warnings).toEqual([])
  })

  test('one member that waits does not hold up another', async () => {
    const hung = deferred()
    const harness = new ContainerHarness({
      properties: { concurrency: 2 },
      listener: (record) => (record.offset === 0 ? hung.promise : undefined),
    })
    await harness.container.start()
    harness.engine(0).feedMany(2, 0)
    harness.engine(1).feedMany(2, 10)
    await harness.settle()
    expect(harness.engine(0).answers).toEqual([])
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@10', 'ACCEPT orders-0@11'])
    hung.resolve()
  })
})

describe('a sliding window (maxInFlight: n)', () => {
  test('runs n records at once, and another as soon as one is answered', async () => {
    const { works, begun, listener } = held(5)
    const harness = new ContainerHarness({ properties: { maxInFlight: 2 }, listener })
    await harness.run(5)
    expect(begun).toEqual([0, 1])
    works[1]?.resolve()
    await harness.settle()
    expect(begun).toEqual([0, 1, 2])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@1'])
  })

  test('reaches over batches and waits for no verdict', async () => {
    const { works, begun, listener } = held(4)
    const harness = new ContainerHarness({ properties: { maxInFlight: 3 }, listener })
    await runUnconfirmed(harness)
    expect(begun).toEqual([0, 1, 2])
    works[0]?.resolve()
    await harness.settle()
    expect(begun).toEqual([0, 1, 2, 3])
  })

  test('hands over no record whose lock ran out while the window was full', async () => {
    const { harness, begun, lost } = await afterALockRanOut({ maxInFlight: 1 })
    expect(begun).toEqual([0, 2])
    expect(harness.events.filter((event) => event instanceof RecordLockLostEvent)).toMatchObject([{ records: [lost] }])
  })

  test('takes no more at a time than it can soon begin; the rest stays where its locks are looked after', async () => {
    const asked: (number | undefined)[] = []
    for (const maxInFlight of [undefined, 1, 500]) {
      const harness = new ContainerHarness({ properties: { maxInFlight } })
      harness.factory.prepare = ({ engine }) => {
        const take = engine.take.bind(engine)
        engine.take = (options) => {
          asked.push(options?.maxInFlight)
          return take(options)
        }
      }
      await harness.container.start()
    }
    expect(asked).toEqual([undefined, 1, 500])
  })

  test('never has more than n records delivered and unanswered, also while a recoverer decides', async () => {
    const decisions = Array.from({ length: 6 }, () => deferred<'REJECT'>())
    let open = 0
    let most = 0
    const harness = new ContainerHarness({
      properties: {
        maxInFlight: 2,
        shareConsumerRecordRecoverer: async (record: { offset: number }) => {
          const answer = await decisions[record.offset]?.promise
          open--
          return answer ?? 'REJECT'
        },
      },
      listener: async () => {
        most = Math.max(most, ++open)
        throw new Error('always')
      },
    })
    await harness.run(6)
    for (const { resolve } of decisions) {
      resolve('REJECT')
      await harness.settle()
    }
    expect(most).toBe(2)
    expect(harness.engine().answers).toHaveLength(6)
  })
})

describe('records that never reach the listener', () => {
  test('one whose lock ran out while it waited: not handed over, told by an event, counted', async () => {
    const { harness, begun, lost } = await afterALockRanOut()
    expect(begun).toEqual([0, 2])
    expect(harness.events.filter((event) => event instanceof RecordLockLostEvent)).toMatchObject([
      {
        topic: 'orders',
        partition: 0,
        firstOffset: 1,
        lastOffset: 1,
        deliveryCount: 1,
        cause: 'expired',
        records: [lost],
      },
    ])
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ delivered: 2, locksLost: 1 })
    expect(harness.log.at('warn')[0]?.message).toMatch(/orders-0 lost their locks.*share\.record\.lock\.duration\.ms/)
  })

  test('one that cannot be deserialised: rejected before any listener, told by an event and a log line with its place', async () => {
    const seen: number[] = []
    const harness = new ContainerHarness({ listener: (record) => void seen.push(record.offset) })
    await harness.container.start()
    const error = new KafkaError('not UTF-8', { code: 'DESERIALIZATION' })
    harness.engine().feedWithFailure({ offset: 1, error }, { offset: 0 }, { offset: 2 })
    await harness.settle()
    expect(seen).toEqual([0, 2])
    expect(harness.engine().answers).toEqual(['REJECT orders-0@1', 'ACCEPT orders-0@0', 'ACCEPT orders-0@2'])
    const [event] = harness.events.filter((each) => each instanceof RecordDeserializationFailedEvent)
    expect(event?.failure).toMatchObject({ topic: 'orders', partition: 0, offset: 1, error })
    expect(harness.log.at('warn')).toMatchObject([
      {
        message: expect.stringMatching(/^orders-0@1 could not be deserialised and is rejected\. Mend/),
        facts: { err: error },
      },
    ])
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ undeserializable: 1, delivered: 2 })
  })
})

describe('taking records', () => {
  test('survives a retriable error: an event, a pause that grows, and on it goes', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    const pauses: number[] = []
    harness.container.on('pollFailed', (event) => pauses.push(event.retryInMs))
    for (let i = 0; i < 3; i++) {
      harness.engine().failTake(new KafkaError('try later', { code: 'COORDINATOR_NOT_AVAILABLE', retriable: true }))
      await harness.clock.advance(2_000)
    }
    expect(pauses).toHaveLength(3)
    expect(pauses[2]).toBeGreaterThan(2 * (pauses[0] ?? 0))
    harness.engine().feedMany(1)
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.factory.consumers).toHaveLength(1)
  })

  test('does not spin on a refused topic, and heals when access is granted', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    const refused = new KafkaError('no access', { code: 'TOPIC_AUTHORIZATION_FAILED' })
    harness.engine().failTake(refused)
    await harness.settle()
    const takes = harness.engine().takes
    await harness.clock.advance(50)
    expect(harness.engine().takes).toBe(takes)
    harness.engine().feedMany(1)
    await harness.clock.advance(10_000)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  })

  test('begins with the shortest pause again after a take that succeeded', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    const pauses: number[] = []
    harness.container.on('pollFailed', (event) => pauses.push(event.retryInMs))
    const fail = async (): Promise<void> => {
      harness.engine().failTake(new KafkaError('try later', { code: 'COORDINATOR_NOT_AVAILABLE', retriable: true }))
      await harness.clock.advance(5_000)
    }
    for (let i = 0; i < 4; i++) await fail()
    harness.engine().feedMany(1)
    await harness.settle()
    await fail()
    expect(pauses[3]).toBeGreaterThan(500)
    expect(pauses[4]).toBeLessThan(200)
  })

  test.each([undefined, 4])(
    'with maxInFlight %s yields between records that cost no promise: the event loop is not starved',
    async (maxInFlight) => {
      let heartbeats = 0
      let heartbeatsBeforeEnd = 0
      const harness = new ContainerHarness({
        properties: { maxInFlight },
        listener: (record) => {
          harness.clock.block(1)
          if (record.offset === 999) heartbeatsBeforeEnd = heartbeats
        },
      })
      await harness.container.start()
      const beat = (): void => {
        heartbeats++
        if (heartbeats < 1_000) harness.clock.immediate(beat)
      }
      harness.clock.immediate(beat)
      harness.engine().feed(...Array.from({ length: 1_000 }, (_, offset) => ({ offset, lockMs: 60_000 })))
      await harness.settle()
      expect(harness.engine().answers).toHaveLength(1_000)
      // 1,000 records of 1 ms in slices of 10 ms.
      expect(heartbeatsBeforeEnd).toBeGreaterThan(50)
    },
  )
})

describe('pause and resume', () => {
  test('paused: finishes the batch at hand, gives back what was fetched ahead, and takes no other until resumed', async () => {
    const { works, begun, listener } = held(2)
    const harness = new ContainerHarness({ listener })
    await harness.run(2)
    harness.engine().feedMany(2, 10)
    harness.container.pause()
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@10', 'RELEASE orders-0@11'])
    harness.engine().feedMany(1, 2)
    works[0]?.resolve()
    works[1]?.resolve()
    await harness.clock.advance(1_000)
    expect(begun).toEqual([0, 1])
    expect(harness.container.state).toBe('paused')
    expect(harness.container.isRunning).toBe(true)
    harness.container.resume()
    await harness.settle()
    expect(begun).toEqual([0, 1, 2])
  })

  test('stop() ends a paused container', async () => {
    const harness = new ContainerHarness()
    await harness.run(0)
    harness.container.pause()
    await harness.container.stop()
    expect(harness.container.state).toBe('stopped')
  })
})

describe('a listener loop whose member stands still', () => {
  for (const maxInFlight of [undefined, 2]) {
    test(`gives back what it has not begun, and goes on with what comes next; maxInFlight: ${maxInFlight}`, async () => {
      const { works, begun, listener } = held(2)
      const harness = new ContainerHarness({ listener, properties: maxInFlight === undefined ? {} : { maxInFlight } })
      await harness.run(5)
      harness.engine().stand()
      const running = maxInFlight ?? 1
      expect(begun).toHaveLength(running)
      const behind = [0, 1, 2, 3, 4].slice(running)
      expect(harness.engine().answers).toEqual(behind.map((offset) => `RELEASE orders-0@${offset}`))
      for (const work of works) work.resolve()
      harness.engine().feedMany(1, 7)
      await harness.settle()
      expect(begun.slice(running)).toEqual([7])
      expect(harness.engine().answers.slice(behind.length).sort()).toEqual(
        [...begun].sort((a, b) => a - b).map((offset) => `ACCEPT orders-0@${offset}`),
      )
      expect(harness.container.metrics().get('orders-0')).toMatchObject({ delivered: running + 1, locksLost: 0 })
    })
  }

  test('gives back nothing that it has begun, or none where it waits', async () => {
    const harness = new ContainerHarness({ listener: () => undefined })
    await harness.run(3)
    harness.engine().stand()
    expect(harness.engine().answers.filter((answer) => answer.startsWith('RELEASE'))).toEqual([])
  })
})

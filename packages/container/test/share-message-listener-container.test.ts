import { KafkaError, KafkaTimeoutError, KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import {
  AcknowledgeType,
  ConsumerFailedToStartEvent,
  ConsumerStoppedEvent,
  ShareConsumerStoppingEvent,
  ShareMessageListenerContainer,
} from '../src/index.js'
import { ContainerHarness, deferred, outcomeOf } from './container-harness.js'

describe('start()', () => {
  test('makes a member for each place, with numbered client ids, subscribed and in explicit mode', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 3, topics: ['orders', 'returns'] } })
    await harness.container.start()
    expect(harness.factory.consumers.map(({ request }) => request.clientId)).toEqual([
      'orders-0',
      'orders-1',
      'orders-2',
    ])
    expect(harness.factory.at(2)).toMatchObject({
      topics: ['orders', 'returns'],
      request: { acknowledgementMode: 'explicit' },
    })
    expect(harness.container.state).toBe('running')
    expect(harness.container.isRunning).toBe(true)
  })

  test('names members after clientId, else clientIdPrefix, else the id', async () => {
    for (const [properties, expected] of [
      [{ clientId: 'a', clientIdPrefix: 'b' }, 'a-0'],
      [{ clientIdPrefix: 'b' }, 'b-0'],
      [{ properties: { 'client.id': 'c' } }, 'c-0'],
      [{}, 'orders-0'],
    ] as const) {
      const harness = new ContainerHarness({ properties })
      await harness.container.start()
      expect(harness.factory.at(0).request.clientId).toBe(expected)
    }
  })

  test('resolves only when every member has joined; no records are taken before', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    const joined = deferred()
    harness.factory.prepare = ({ engine }, index) => {
      if (index === 1) engine.whenJoined = () => joined.promise
    }
    const started = harness.container.start()
    await harness.settle()
    expect(await outcomeOf(started)).toBe('pending')
    expect(harness.container.state).toBe('starting')
    expect(harness.engine(0).takes).toBe(0)
    expect(harness.story).toEqual(['consumerStarting 0', 'consumerStarting 1'])
    joined.resolve()
    await started
    expect(harness.story.slice(2)).toEqual(['consumerStarted 0', 'consumerStarted 1'])
    expect(harness.engine(0).takes).toBe(1)
  })

  test('one called by an observer of the first event joins it too, also after a start that failed', async () => {
    const harness = new ContainerHarness()
    harness.factory.prepare = ({ engine }, index) => {
      if (index === 0) engine.joining = new Error('not today')
    }
    const within: Promise<string>[] = []
    harness.container.on('consumerStarting', ({ container }) => {
      within.push(
        container.start().then(
          () => container.state,
          (error: unknown) => String(error),
        ),
      )
    })
    await expect(harness.container.start()).rejects.toThrow('not today')
    await harness.container.start()
    expect(await Promise.all(within)).toEqual(['Error: not today', 'running'])
  })

  test('a second start() joins the first, and is nothing to a running container', async () => {
    const harness = new ContainerHarness()
    await Promise.all([harness.container.start(), harness.container.start()])
    await harness.container.start()
    expect(harness.factory.consumers).toHaveLength(1)
  })

  test('when a member cannot be made: one event with the cause, the others closed without one', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 3 } })
    const cause = new Error('no more consumers')
    harness.factory.prepare = (_, index) => {
      if (index === 2) throw cause
    }
    await expect(harness.container.start()).rejects.toBe(cause)
    expect(harness.story).toEqual(['consumerFailedToStart 2'])
    expect(harness.events[0]).toMatchObject({ cause })
    expect(harness.factory.consumers.map(({ closed }) => closed !== undefined)).toEqual([true, true])
    expect(harness.container.state).toBe('failed')
  })

  test('when a member is kept out of the group: rejects with that very error', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    const cause = new KafkaError('no access to group workers', { code: 'GROUP_AUTHORIZATION_FAILED' })
    harness.factory.prepare = ({ engine }, index) => {
      engine.joining = index === 1 ? cause : 'never'
    }
    await expect(harness.container.start()).rejects.toBe(cause)
    expect(harness.story).toEqual(['consumerStarting 0', 'consumerStarting 1', 'consumerFailedToStart 1'])
    expect(harness.factory.at(0).closed).toBeDefined()
    await expect(harness.container.whenStopped()).rejects.toBe(cause)
  })

  test('when not all join in time: rejects with a KafkaTimeoutError that says what to look at', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2, consumerStartTimeoutMs: 5_000 } })
    harness.factory.prepare = ({ engine }, index) => {
      engine.joining = index === 0 ? 'at once' : 'never'
    }
    const started = outcomeOf(harness.container.start().then(() => undefined))
    const settled = harness.container.start().catch((error: unknown) => error)
    await harness.clock.advance(4_999)
    expect(await started).toBe('pending')
    await harness.clock.advance(1)
    const error = await settled
    expect(KafkaTimeoutError.is(error)).toBe(true)
    expect(error).toMatchObject({ code: 'START_TIMED_OUT', message: expect.stringContaining('within 5000 ms') })
    expect(harness.story.at(-1)).toBe('consumerFailedToStart 1')
    expect(harness.events.filter((event) => event instanceof ConsumerFailedToStartEvent)).toHaveLength(1)
    expect(harness.factory.consumers.every(({ closed }) => closed !== undefined)).toBe(true)
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('of many members is no leak of listeners to Node', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    try {
      const harness = new ContainerHarness({ properties: { concurrency: 12 } })
      harness.factory.prepare = ({ engine }) => {
        engine.joining = 'never'
      }
      const started = harness.container.start().catch((error: unknown) => error)
      await harness.settle()
      await harness.container.stop()
      await started
    } finally {
      process.off('warning', note)
    }
    expect(warnings).toEqual([])
  })

  test('without a listener, or without topics: fails with a usage error as any other start, and nothing is made', async () => {
    const harness = new ContainerHarness({ properties: { topics: undefined } })
    const { container, events, log } = harness
    expect(() => container.checkReady()).toThrow(/no topics/)
    await expect(container.start()).rejects.toThrow(/no topics/)
    await expect(container.whenStopped()).rejects.toThrow(/no topics/)
    expect([container.state, container.health().cause]).toEqual(['failed', expect.stringMatching(/no topics/)])
    expect(events).toMatchObject([{ type: 'consumerFailedToStart', clientId: 'orders' }])
    expect(log.at('error')).toHaveLength(1)

    const bare = new ShareMessageListenerContainer(harness.factory, { topics: 'orders' }, { logger: log.logger() })
    expect(() => bare.checkReady()).toThrow(/setupMessageListener/)
    await expect(bare.start()).rejects.toThrow(/setupMessageListener/)
    expect(bare.state).toBe('failed')
    expect(harness.factory.consumers).toHaveLength(0)
  })

  test('an observer that starts it again when it could not be started holds up nobody', async () => {
    const { container, events } = new ContainerHarness({ properties: { topics: undefined } })
    let starts = 1
    container.on('consumerFailedToStart', () => {
      if (starts++ < 5000) container.start().catch(() => undefined)
    })
    await expect(container.start()).rejects.toThrow(/no topics/)
    expect(events.length).toBeLessThan(5000)
    while (events.length < 5000) await new Promise(setImmediate)
    expect(container.state).toBe('failed')
  })

  test('after a failure it starts again', async () => {
    const harness = new ContainerHarness()
    harness.factory.prepare = ({ engine }, index) => {
      if (index === 0) engine.joining = new Error('not today')
    }
    await expect(harness.container.start()).rejects.toThrow('not today')
    await harness.container.start()
    expect(harness.container.state).toBe('running')
    await harness.container.stop()
    expect(harness.container.state).toBe('stopped')
    await expect(harness.container.whenStopped()).resolves.toBeUndefined()
  })
})

describe('stop()', () => {
  test('tells each member: stopping, its consumer still usable, then closed, then stopped with NORMAL', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    await harness.container.start()
    harness.container.on('shareConsumerStopping', ({ consumer }) => {
      expect((consumer as unknown as { closed: unknown }).closed).toBeUndefined()
      expect(consumer.metrics()).toEqual({})
    })
    harness.container.on('consumerStopped', ({ clientId }) => {
      expect(harness.factory.at(Number(clientId.slice(-1))).closed).toBeDefined()
    })
    await harness.container.stop()
    expect(harness.story.slice(4).toSorted()).toEqual([
      'consumerStopped 0',
      'consumerStopped 1',
      'shareConsumerStopping 0',
      'shareConsumerStopping 1',
    ])
    const stopped = harness.events.filter((event) => event instanceof ConsumerStoppedEvent)
    expect(stopped).toMatchObject([{ reason: 'NORMAL' }, { reason: 'NORMAL' }])
    expect(harness.log.at('error')).toEqual([])
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('lets the running listener call end, answers it, and gives the rest back before it closes', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ listener: () => work.promise })
    await harness.run(5)
    const stopped = harness.container.stop()
    await harness.settle()
    expect(await outcomeOf(stopped)).toBe('pending')
    expect(harness.container.state).toBe('stopping')
    expect(harness.factory.at(0).closed).toBeUndefined()
    work.resolve()
    await stopped
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.engine().released).toBe(4)
    expect(harness.events.at(-1)).toMatchObject({
      type: 'consumerStopped',
      releasedRecords: 4,
      unfinishedListenerCalls: 0,
    })
  })

  test('gives no records back before the fetches of all members are over: one that leaves, too, would acquire them again', async () => {
    const work = deferred()
    const fetched = deferred()
    const harness = new ContainerHarness({ properties: { concurrency: 3 }, listener: () => work.promise })
    await harness.container.start()
    harness.engine(2).fetchOut = fetched.promise
    harness.engine(1).feedMany(3)
    await harness.settle()
    harness.engine(1).feedMany(2, 10)
    const stopped = harness.container.stop()
    work.resolve()
    await harness.settle()
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.factory.consumers.map(({ closed }) => closed)).toEqual([undefined, undefined, undefined])
    fetched.resolve()
    await stopped
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@0', 'RELEASE orders-0@10', 'RELEASE orders-0@11'])
    expect(harness.engine(1).released).toBe(2)
    const ends = harness.events.filter((event) => event instanceof ConsumerStoppedEvent)
    expect(ends.find(({ clientId }) => clientId === 'orders-1')).toMatchObject({ releasedRecords: 4 })
    expect(harness.clock.now()).toBe(0)
  })

  test('gives back what was fetched ahead while a listener call may still end', async () => {
    const harness = new ContainerHarness({
      properties: { concurrency: 2 },
      listener: () => new Promise(() => undefined),
    })
    await harness.run(2)
    harness.engine().feedMany(2, 10)
    void harness.container.stop()
    await harness.settle()
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@10', 'RELEASE orders-0@11'])
    expect(harness.container.state).toBe('stopping')
    await harness.clock.advance(10_000)
    expect(harness.events.at(-1)).toMatchObject({ releasedRecords: 4, unfinishedListenerCalls: 1 })
  })

  test('gives records back within its bound also when a fetch does not end', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    await harness.container.start()
    harness.engine(1).fetchOut = new Promise(() => undefined)
    // It waits for the word of the broker on its first batch, with two more records behind it.
    harness.engine().autoConfirm = false
    harness.engine().feedMany(1)
    await harness.settle()
    harness.engine().feedMany(2, 10)
    const stopped = harness.container.stop({ timeoutMs: 4_000 })
    await harness.clock.advance(2_999)
    expect(harness.engine().released).toBeUndefined()
    await harness.clock.advance(1)
    expect(harness.engine().released).toBe(2)
    await stopped
  })

  test('waits for a listener that hangs no longer than its bound, and says so', async () => {
    const harness = new ContainerHarness({
      properties: { maxInFlight: 2 },
      listener: () => new Promise(() => undefined),
    })
    await harness.run(3)
    const stopped = harness.container.stop({ timeoutMs: 4_000 })
    await harness.clock.advance(2_999)
    expect(harness.factory.at(0).closed).toBeUndefined()
    await harness.clock.advance(1)
    expect(harness.factory.at(0).closed).toEqual({ timeoutMs: 1_000 })
    await stopped
    expect(harness.events.at(-1)).toMatchObject({ releasedRecords: 3, unfinishedListenerCalls: 2, reason: 'NORMAL' })
    expect(harness.log.at('warn').at(-1)?.message).toContain('2 listener calls of orders-0 did not end in time')
  })

  test('sends no answer of a listener call that ends after its record was given back', async () => {
    const [first, second] = [deferred(), deferred()]
    const harness = new ContainerHarness({
      properties: { maxInFlight: 2 },
      listener: (record) => (record.offset === 0 ? first.promise : second.promise),
    })
    await harness.run(2)
    const stopped = harness.container.stop({ timeoutMs: 100 })
    await harness.clock.advance(100)
    await stopped
    first.resolve()
    second.reject(new Error('too late'))
    await harness.settle()
    expect(harness.engine().answers).toEqual([])
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ lateOutcomes: 2 })
  })

  test('resolves also when a consumer never closes, or cannot', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    await harness.container.start()
    harness.factory.at(0).closing = 'never'
    harness.factory.at(1).closing = new Error('leave refused')
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    expect(harness.container.state).toBe('stopped')
    expect(harness.log.at('warn').map(({ message }) => message)).toEqual([
      'The consumer orders-1 did not close cleanly.',
      expect.stringContaining('The consumer orders-0 did not close in time'),
    ])
  })

  test('is bounded by shutdownTimeoutMs where it is told nothing, or nonsense', async () => {
    for (const options of [{}, { timeoutMs: -1 }, { timeoutMs: Number.NaN }]) {
      const harness = new ContainerHarness({
        properties: { shutdownTimeoutMs: 2_000 },
        listener: () => new Promise(() => undefined),
      })
      await harness.run(1)
      const stopped = harness.container.stop(options)
      await harness.clock.advance(1_499)
      expect(harness.container.state).toBe('stopping')
      await harness.clock.advance(1)
      await stopped
    }
  })

  test('a second stop() joins the first, and is nothing to a container at rest', async () => {
    const harness = new ContainerHarness()
    await harness.container.stop()
    await harness.container.start()
    await Promise.all([harness.container.stop(), harness.container.stop()])
    await harness.container.stop()
    expect(harness.story.filter((line) => line.startsWith('consumerStopped'))).toHaveLength(1)
  })

  test('a further stop() shortens the one under way where it allows less time, and never lengthens it', async () => {
    const harness = new ContainerHarness({ listener: () => new Promise(() => undefined) })
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 8_000 })
    void harness.container.stop({ timeoutMs: 60_000 })
    await harness.clock.advance(1_000)
    void harness.container.stop({ timeoutMs: 400 })
    await harness.clock.advance(299)
    expect(harness.factory.at(0).closed).toBeUndefined()
    await harness.clock.advance(1)
    await stopped
    expect(harness.factory.at(0).closed).toEqual({ timeoutMs: 100 })
  })

  test('does not wait for the word of the broker on the batch at hand; closing sends what is answered', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feedMany(2)
    await harness.settle()
    expect(harness.engine().answers).toHaveLength(2)
    await harness.container.stop()
    expect(harness.clock.now()).toBe(0)
  })

  test('gives up a start that is under way: quietly, and that start() rejects', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    harness.factory.prepare = ({ engine }) => {
      engine.joining = 'never'
    }
    const started = harness.container.start().catch((error: unknown) => error)
    await harness.settle()
    await harness.container.stop()
    expect(await started).toMatchObject({ code: 'START_CANCELLED' })
    expect(harness.container.state).toBe('stopped')
    expect(harness.story).toEqual(['consumerStarting 0', 'consumerStarting 1'])
    expect(harness.factory.consumers.every(({ closed }) => closed !== undefined)).toBe(true)
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('a start() while stopping begins when all is stopped', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ listener: () => work.promise })
    await harness.run(1)
    const stopped = harness.container.stop()
    const started = harness.container.start()
    expect(harness.container.state).toBe('stopping')
    work.resolve()
    await stopped
    await started
    expect(harness.container.state).toBe('running')
    expect(harness.factory.consumers).toHaveLength(2)
  })

  test('a stop() after such a start() takes it back', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ listener: () => work.promise })
    await harness.run(1)
    const first = harness.container.stop()
    const started = harness.container.start().catch((error: unknown) => error)
    const second = harness.container.stop()
    work.resolve()
    await Promise.all([first, second])
    expect(await started).toMatchObject({ code: 'START_CANCELLED' })
    expect(harness.container.state).toBe('stopped')
  })
})

describe('calls from inside a listener of the same container', () => {
  test('stop() resolves while the listener still runs; the stop goes on when it has ended', async () => {
    let inside: string | undefined
    const harness = new ContainerHarness({
      listener: async () => {
        await Promise.resolve()
        await harness.container.stop()
        inside = harness.container.state
      },
    })
    await harness.run(2)
    expect(inside).toBe('stopping')
    expect(harness.container.state).toBe('stopped')
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  })

  test('so does a stop() from a listener that returns no promise, and from a recoverer', async () => {
    const states: string[] = []
    const harness = new ContainerHarness({
      properties: {
        shareConsumerRecordRecoverer: async () => {
          await harness.container.stop()
          states.push(harness.container.state)
          return AcknowledgeType.RELEASE
        },
      },
      listener: () => {
        throw new Error('stop everything')
      },
    })
    await harness.run(2)
    expect(states).toEqual(['stopping'])
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.container.state).toBe('stopped')
  })

  test('whenStopped() rejects there, and says why', async () => {
    let error: unknown
    const harness = new ContainerHarness({
      listener: async () => {
        await harness.container.whenStopped().catch((reason: unknown) => (error = reason))
      },
    })
    await harness.run(1)
    expect(KafkaUsageError.is(error)).toBe(true)
    expect(error).toMatchObject({ message: expect.stringContaining('inside a listener') })
    expect(harness.container.state).toBe('running')
  })

  test('what a listener left behind is not inside it: its stop() waits until all is stopped', async () => {
    const later = deferred()
    let left: Promise<string> | undefined
    const harness = new ContainerHarness({
      listener: () => {
        left = later.promise.then(() => harness.container.stop()).then(() => harness.container.state)
      },
    })
    await harness.run(1)
    later.resolve()
    await harness.settle()
    expect(await left).toBe('stopped')
  })

  test('what a listener starts is not inside it, nor is what observers do while it hangs', async () => {
    const work = deferred()
    const told: string[] = []
    const second = new ContainerHarness({
      listener: async () => {
        await first.container.stop()
        told.push(`the stop of another container: ${first.container.state}`)
      },
    })
    const first: ContainerHarness = new ContainerHarness({
      listener: async () => {
        await second.container.start()
        void first.container.stop({ timeoutMs: 1_000 })
        await work.promise
      },
    })
    first.container.on('shareConsumerStopping', async ({ container }) => {
      await (container as typeof first.container).whenStopped()
      told.push('an observer: stopped')
    })
    await first.run(1)
    await second.run(1)
    expect(told).toEqual([])
    await first.clock.advance(1_000)
    await second.settle()
    expect(told.toSorted()).toEqual(['an observer: stopped', 'the stop of another container: stopped'])
    work.resolve()
  })

  test('stopping another container waits for that one to be stopped', async () => {
    const other = new ContainerHarness()
    await other.container.start()
    let seen: string | undefined
    const harness = new ContainerHarness({
      listener: async () => {
        await other.container.stop()
        seen = other.container.state
      },
    })
    await harness.run(1)
    expect(seen).toBe('stopped')
  })
})

describe('observers', () => {
  test('one that throws, or rejects, is logged and reaches nobody', async () => {
    const harness = new ContainerHarness()
    harness.container.on('consumerStarted', () => {
      throw new Error('observer')
    })
    harness.container.on('consumerStarting', () => Promise.reject(new Error('late observer')))
    await harness.run(1)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.log.at('error').map(({ facts }) => facts['event'])).toEqual(
      expect.arrayContaining(['consumerStarted', 'consumerStarting']),
    )
  })

  test('one is removed by the function that on() returned', async () => {
    const harness = new ContainerHarness()
    let calls = 0
    const observer = (): number => calls++
    const remove = harness.container.on('consumerStarted', observer)
    harness.container.on('consumerStarted', observer)
    remove()
    await harness.container.start()
    expect(calls).toBe(1)
  })

  test('one may restart the container when a member has stopped', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    let restarted: Promise<void> | undefined
    harness.container.on('consumerStopped', ({ container }) => {
      restarted ??= container.start()
    })
    await harness.container.stop()
    await restarted
    expect(harness.container.state).toBe('running')
    expect(harness.factory.consumers).toHaveLength(2)
  })

  test('one may restart the container when its start failed', async () => {
    const harness = new ContainerHarness()
    let attempts = 0
    harness.factory.prepare = () => {
      if (attempts++ === 0) throw new Error('first time')
    }
    let restarted: Promise<void> | undefined
    harness.container.on('consumerFailedToStart', ({ container }) => {
      restarted = container.start()
    })
    await expect(harness.container.start()).rejects.toThrow('first time')
    await restarted
    expect(harness.container.state).toBe('running')
  })

  test('one may stop the container as soon as it hears that a member begins to start', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    let stopped: Promise<string> | undefined
    harness.container.on('consumerStarting', ({ container }) => {
      stopped ??= container.stop().then(() => container.state)
    })
    await expect(harness.container.start()).rejects.toMatchObject({ code: 'START_CANCELLED' })
    expect(await stopped).toBe('stopped')
    expect(harness.factory.consumers.map(({ closed }) => closed !== undefined)).toEqual([true, true])
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test.each(['outside', 'inside'])(
    'one that stops the container over an answer that a stop %s of its listener sends waits until it is stopped',
    async (where) => {
      const second = deferred()
      const harness: ContainerHarness = new ContainerHarness({
        properties: { shareConsumerRecordRecoverer: () => ({ type: 'RELEASE', delayMs: 10_000 }) },
        listener: async ({ offset }) => {
          if (offset === 0) throw new Error('bad order')
          await second.promise
          if (where === 'inside') await harness.container.stop()
        },
      })
      const [first] = await harness.run(2)
      if (first !== undefined) harness.engine().expire(first)
      let state: string | undefined
      harness.container.on('acknowledgmentFailed', async ({ container }) => {
        await container.stop()
        state = container.state
      })
      if (where === 'outside') void harness.container.stop()
      second.resolve()
      await harness.settle()
      expect(state).toBe('stopped')
    },
  )

  test('one may stop the container as soon as it hears that a member started', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    harness.container.on('consumerStarted', ({ container }) => container.stop())
    await harness.container.start()
    await harness.settle()
    expect(harness.container.state).toBe('stopped')
    const told = (type: string): number => harness.story.filter((line) => line.startsWith(type)).length
    expect(told('consumerStarted')).toBe(told('consumerStopped'))
  })

  test('Stopping comes with the consumer of its member', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    await harness.container.stop()
    const event = harness.events.find((each) => each instanceof ShareConsumerStoppingEvent)
    expect(event?.consumer).toBe(harness.factory.at(0))
    expect(event?.containerId).toBe('orders')
  })
})

describe('settings', () => {
  test.each([0, -1, 1.5, Number.NaN])('concurrency %s is refused, naming the container', (concurrency) => {
    expect(() => new ContainerHarness({ properties: { concurrency } })).toThrow(/Container 'orders'.*concurrency/)
    expect(() => {
      new ContainerHarness().container.concurrency = concurrency
    }).toThrow(/Container 'orders'.*concurrency/)
  })

  test('concurrency cannot change while the container runs, and can once it is stopped', async () => {
    const { container, factory } = new ContainerHarness()
    await container.start()
    expect(() => {
      container.concurrency = 2
    }).toThrow(KafkaUsageError)
    await container.stop()
    container.concurrency = 2
    await container.start()
    expect(factory.consumers).toHaveLength(3)
  })

  test('concurrency may be set by name, as a text, and says whose it is when it is wrong', async () => {
    const { container, factory } = new ContainerHarness()
    container.setConcurrency('3')
    expect(container.concurrency).toBe(3)
    for (const wrong of [0, -1, 1.5, '2x', '']) {
      expect(() => container.setConcurrency(wrong)).toThrow(/^Container 'orders': concurrency must be/)
    }
    await container.start()
    expect(factory.consumers).toHaveLength(3)
    expect(() => container.setConcurrency(2)).toThrow(/is running: concurrency can be set only while it is stopped/)
  })

  test('the recoverer can be set at rest, and not while the container runs', async () => {
    const harness = new ContainerHarness({
      listener: () => {
        throw new Error('bad')
      },
    })
    harness.container.setShareConsumerRecordRecoverer(() => 'RELEASE')
    await harness.run(1)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(() => harness.container.setShareConsumerRecordRecoverer(() => 'ACCEPT')).toThrow(/is running: the recoverer/)
    await harness.container.stop()
    expect(() => harness.container.setShareConsumerRecordRecoverer('REJECT' as never)).toThrow(/must be a function/)
  })

  test('all properties can be looked at with their defaults, and not be changed', () => {
    const { container } = new ContainerHarness({ properties: { topics: 'orders', info: 7 } })
    expect(container.containerProperties).toMatchObject({ shareAckMode: 'EXPLICIT', concurrency: 1, info: 7, phase: 0 })
    expect([container.info, container.phase, container.containerGroup]).toEqual([7, 0, undefined])
    expect(() => Object.assign(container.containerProperties, { concurrency: 9 })).toThrow(TypeError)
  })

  test('a warning about listener and mode is said once, however often the container starts', async () => {
    const { container, log } = new ContainerHarness({ acknowledging: true })
    for (let starts = 0; starts < 3; starts++) {
      await container.start()
      await container.stop()
    }
    expect(log.at('warn')).toMatchObject([
      { message: expect.stringMatching(/^Container 'orders': .*takes an acknowledgment/) as string },
    ])
  })

  test('MANUAL with a listener that takes no acknowledgment is refused before anything is made', async () => {
    const { container, factory, events } = new ContainerHarness({ properties: { shareAckMode: 'MANUAL' } })
    await expect(container.start()).rejects.toSatisfy(KafkaUsageError.is)
    expect(factory.consumers).toEqual([])
    expect(events).toMatchObject([{ type: 'consumerFailedToStart' }])
    expect(container.state).toBe('failed')
  })

  test('the deprecated explicitShareAcknowledgment is warned of when the container is made', () => {
    const { container, log } = new ContainerHarness({ properties: { explicitShareAcknowledgment: true } })
    expect(container.containerProperties.shareAckMode).toBe('MANUAL')
    expect(log.at('warn')).toMatchObject([
      { message: expect.stringMatching(/^Container 'orders': explicitShareAcknowledgment is deprecated/) as string },
    ])
  })

  test('the listener cannot change while the container runs', async () => {
    const { container } = new ContainerHarness()
    await container.start()
    expect(() => container.setupMessageListener(() => undefined)).toThrow(/can be set only while it is stopped/)
  })

  test('a logger that is none is refused, naming what it lacks', () => {
    const { factory } = new ContainerHarness()
    const logger = { info: () => undefined, error: () => undefined } as never
    expect(() => new ShareMessageListenerContainer(factory, { id: 'orders' }, { logger })).toThrow(
      /Container 'orders': its logger has no child\(\)\. Give a pino logger/,
    )
  })

  test('pause() and resume() are refused unless running', () => {
    const { container } = new ContainerHarness()
    expect(() => container.pause()).toThrow(KafkaUsageError)
    expect(() => container.resume()).toThrow(KafkaUsageError)
  })

  test("the group is the container's, else that of the consumer factory", async () => {
    const own = new ContainerHarness({ properties: { groupId: 'mine' } })
    await own.container.start()
    expect(own.container.groupId).toBe('mine')
    expect(own.factory.at(0).request.groupId).toBe('mine')
    const inherited = new ContainerHarness()
    await inherited.container.start()
    expect(inherited.container.groupId).toBe('workers')
    expect(inherited.factory.at(0).request.groupId).toBeUndefined()
  })
})

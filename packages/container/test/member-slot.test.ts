import { KafkaError, KafkaUnsupportedVersionError, KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ConsumerStoppedEvent } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'

const fenced = new KafkaError('the group has no place', { code: 'GROUP_MAX_SIZE_REACHED' })

describe('a member that dies of something that may heal', () => {
  test('is closed with ABNORMAL and its cause, and replaced after a pause by a new one with the same client id', async () => {
    const harness = new ContainerHarness()
    await harness.run(1)
    harness.engine(0).failTake(fenced)
    await harness.settle()
    expect(harness.story).toEqual([
      'consumerStarting 0',
      'consumerStarted 0',
      'shareConsumerStopping 0',
      'consumerStopped 0',
    ])
    expect(harness.events.at(-1)).toMatchObject({ reason: 'ABNORMAL', cause: fenced })
    expect(harness.factory.at(0).closed).toBeDefined()
    expect(harness.container.state).toBe('running')
    expect(harness.factory.consumers).toHaveLength(1)

    await harness.clock.advance(1_200)
    expect(harness.story.slice(4)).toEqual(['consumerStarting 0', 'consumerStarted 0'])
    expect(harness.factory.at(1).request.clientId).toBe('orders-0')
    harness.engine(1).feedMany(1, 7)
    await harness.settle()
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@7'])
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ delivered: 2, broker: { accepted: 2 } })
  })

  test('its siblings go on meanwhile', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    await harness.container.start()
    harness.engine(0).failTake(fenced)
    await harness.settle()
    harness.engine(1).feedMany(1)
    await harness.settle()
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@0'])
  })

  test('lets listener calls that are running end before it closes', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ properties: { maxInFlight: 4 }, listener: () => work.promise })
    await harness.run(2)
    harness.engine().failTake(fenced)
    await harness.settle()
    expect(harness.factory.at(0).closed).toBeUndefined()
    work.resolve()
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'ACCEPT orders-0@1'])
    expect(harness.factory.at(0).closed).toBeDefined()
  })

  test('and whose listener hangs: a stop() of the container ends it within its own, tighter bound', async () => {
    const harness = new ContainerHarness({
      properties: { maxInFlight: 4, shutdownTimeoutMs: 60_000 },
      listener: () => new Promise(() => undefined),
    })
    await harness.run(1)
    harness.engine().failTake(fenced)
    await harness.settle()
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(750)
    await stopped
    expect(harness.factory.at(0).closed).toEqual({ timeoutMs: 250 })
  })

  test('is heard no more once it is closed', async () => {
    const harness = new ContainerHarness()
    await harness.run(1)
    harness.engine(0).failTake(fenced)
    await harness.settle()
    expect(harness.engine(0).verdictListeners).toBe(0)
    await harness.clock.advance(1_200)
    expect(harness.engine(1).verdictListeners).toBe(1)
    await harness.container.stop()
    expect(harness.engine(1).verdictListeners).toBe(0)
  })

  test('that keeps dying: the pauses grow from 1 s to 30 s, and it is never given up', async () => {
    const harness = new ContainerHarness()
    harness.factory.prepare = ({ engine }, index) => {
      if (index > 0) engine.failTake(fenced)
    }
    await harness.container.start()
    harness.engine(0).failTake(fenced)
    const bornAt: number[] = []
    harness.container.on('consumerStarting', () => bornAt.push(harness.clock.now()))
    await harness.clock.advance(300_000)
    const pauses = bornAt.slice(1).map((at, index) => at - (bornAt[index] ?? 0))
    expect(bornAt[0]).toBeGreaterThanOrEqual(800)
    expect(bornAt[0]).toBeLessThanOrEqual(1_200)
    expect(Math.max(...pauses)).toBeLessThan(30_000.1)
    expect(pauses.at(-1)).toBeGreaterThan(20_000)
    expect(harness.container.state).toBe('running')
    await harness.container.stop()
    expect(harness.container.state).toBe('stopped')
  })

  test('whose replacement cannot join: an event for each attempt, and another attempt', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    harness.factory.prepare = ({ engine }, index) => {
      if (index < 3)
        engine.joining = new KafkaError('coordinator is gone', { code: 'COORDINATOR_NOT_AVAILABLE', retriable: true })
    }
    harness.engine(0).failTake(fenced)
    await harness.clock.advance(10_000)
    expect(harness.story.slice(4)).toEqual([
      'consumerStarting 0',
      'consumerFailedToStart 0',
      'consumerStarting 0',
      'consumerFailedToStart 0',
      'consumerStarting 0',
      'consumerStarted 0',
    ])
    expect(harness.factory.at(1).closed).toBeDefined()
    expect(harness.factory.at(2).closed).toBeDefined()
  })

  test('stop() during the pause, or while the replacement joins, ends it at once', async () => {
    for (const waited of [100, 2_000]) {
      const harness = new ContainerHarness()
      harness.factory.prepare = ({ engine }, index) => {
        if (index === 1) engine.joining = 'never'
      }
      await harness.container.start()
      harness.engine(0).failTake(fenced)
      await harness.clock.advance(waited)
      await harness.container.stop()
      expect(harness.container.state).toBe('stopped')
      expect(harness.clock.pendingTimers).toBe(0)
      expect(harness.factory.consumers.every(({ closed }) => closed !== undefined)).toBe(true)
    }
  })

  test('while the container is paused: its replacement is paused too', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    harness.engine(0).failTake(fenced)
    await harness.settle()
    harness.container.pause()
    await harness.clock.advance(2_000)
    harness.engine(1).feedMany(1)
    await harness.settle()
    expect(harness.engine(1).answers).toEqual([])
    harness.container.resume()
    await harness.settle()
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@0'])
  })
})

describe('a fatal cause', () => {
  test.each([
    ['wrong configuration', new KafkaUsageError('no such option'), 'ABNORMAL'],
    ['a broker that is too old', new KafkaUnsupportedVersionError('too old'), 'ABNORMAL'],
    ['refused credentials', new KafkaError('who are you', { code: 'SASL_AUTHENTICATION_FAILED' }), 'ABNORMAL'],
    ['a fault of Milena itself', new TypeError('undefined is not a function'), 'ERROR'],
  ])('%s fails the container: siblings drain and stop with NORMAL', async (_name, cause, reason) => {
    const work = deferred()
    const harness = new ContainerHarness({ properties: { concurrency: 2 }, listener: () => work.promise })
    await harness.container.start()
    const ended = harness.container.whenStopped().catch((error: unknown) => error)
    harness.engine(1).feedMany(2)
    await harness.settle()
    harness.engine(0).failTake(cause)
    await harness.settle()
    expect(harness.container.state).toBe('stopping')
    work.resolve()
    expect(await ended).toBe(cause)
    expect(harness.container.state).toBe('failed')
    expect(harness.engine(1).answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.engine(1).released).toBe(1)
    const stopped = harness.events.filter((event) => event instanceof ConsumerStoppedEvent)
    expect(stopped.map(({ clientId, reason: why, cause: what }) => [clientId, why, what])).toEqual([
      ['orders-0', reason, cause],
      ['orders-1', 'NORMAL', undefined],
    ])
    expect(harness.factory.consumers).toHaveLength(2)
  })

  test('of a replacement fails the container as well', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    const cause = new KafkaUnsupportedVersionError('share groups were switched off')
    harness.factory.prepare = ({ engine }) => {
      engine.joining = cause
    }
    harness.engine(0).failTake(fenced)
    await harness.clock.advance(2_000)
    expect(harness.container.state).toBe('failed')
    await expect(harness.container.whenStopped()).rejects.toBe(cause)
  })

  test('a subscriber may start the container again', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    let restarted: Promise<void> | undefined
    harness.container.on('consumerStopped', ({ container, reason }) => {
      if (reason === 'ABNORMAL') restarted = container.start()
    })
    harness.engine(0).failTake(new KafkaUsageError('for now'))
    await harness.settle()
    await restarted
    expect(harness.container.state).toBe('running')
  })
})

describe("restartPolicy 'never'", () => {
  test('leaves the place empty, and the others go on', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2, restartPolicy: 'never' } })
    await harness.container.start()
    harness.engine(0).failTake(fenced)
    await harness.clock.advance(60_000)
    expect(harness.container.state).toBe('running')
    expect(harness.factory.consumers).toHaveLength(2)
    await harness.container.stop()
    expect(harness.container.state).toBe('stopped')
  })

  test('fails the container when its last member is gone', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2, restartPolicy: 'never' } })
    await harness.container.start()
    harness.engine(0).failTake(fenced)
    harness.engine(1).failTake(fenced)
    await harness.settle()
    expect(harness.container.state).toBe('failed')
    await expect(harness.container.whenStopped()).rejects.toBe(fenced)
    await harness.container.stop()
    expect(harness.container.state).toBe('failed')
  })
})

import { KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ConsumerStoppedEvent } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'

// stop() of a container that waits for something: what it does not wait for, and what it leaves behind.

describe('stop()', () => {
  test('ends a paused container without any time', async () => {
    const harness = new ContainerHarness()
    await harness.run(1)
    harness.container.pause()
    await harness.settle()
    void harness.container.stop()
    await harness.settle()
    expect(harness.container.state).toBe('stopped')
  })

  test('in a listener does not wait for the verdicts on its batch', async () => {
    const harness: ContainerHarness = new ContainerHarness({ listener: () => void harness.container.stop() })
    await harness.container.start()
    harness.engine().autoConfirm = false
    harness.engine().feedMany(1)
    await harness.settle()
    expect(harness.container.state).toBe('stopped')
  })

  test('that a further one shortens leaves no timer behind', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ listener: () => work.promise })
    await harness.run(1)
    void harness.container.stop({ timeoutMs: 60_000 })
    void harness.container.stop({ timeoutMs: 10_000 })
    work.resolve()
    await harness.settle()
    expect(harness.container.state).toBe('stopped')
    expect(harness.clock.pendingTimers).toBe(0)
  })

  test('that gives up a listener call takes the timer of its deadline along', async () => {
    const harness = new ContainerHarness({
      properties: { processingDeadlineMs: 60_000 },
      listener: () => new Promise(() => undefined),
    })
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    expect(harness.clock.pendingTimers).toBe(0)
  })
})

describe('an error of taking records', () => {
  const fenced = (): KafkaError => new KafkaError('closed', { code: 'FENCED_MEMBER_EPOCH' })
  const reasons = (harness: ContainerHarness) =>
    harness.events.flatMap((event) => (event instanceof ConsumerStoppedEvent ? [event.reason] : []))

  test('that comes once the container is stopping is no reason for its end', async () => {
    const harness = new ContainerHarness()
    await harness.run(1)
    harness.engine().take = () => Promise.reject(fenced())
    void harness.container.stop()
    await harness.settle()
    expect(reasons(harness)).toEqual(['NORMAL'])
  })

  test('that the stop itself causes is none either', async () => {
    const harness = new ContainerHarness()
    harness.factory.prepare = ({ engine }) => {
      engine.take = (options) =>
        new Promise((_resolve, reject) => options?.signal?.addEventListener('abort', () => reject(fenced())))
    }
    await harness.run(0)
    void harness.container.stop()
    await harness.settle()
    expect(reasons(harness)).toEqual(['NORMAL'])
    expect(harness.container.state).toBe('stopped')
  })
})

describe('stop() in a task that outlives its listener', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const endings: Record<string, () => unknown> = {
    throws: () => {
      throw new Error('bad order')
    },
    rejects: () => Promise.reject(new Error('bad order')),
    resolves: () => Promise.resolve(),
    returns: () => undefined,
  }

  /** The state of the container when the stop() of a task resolved that each listener call leaves behind. */
  async function statesSeen(end: () => unknown, properties = {}): Promise<string[]> {
    const states: string[] = []
    const harness: ContainerHarness = new ContainerHarness({
      properties,
      listener: () => {
        setImmediate(() => void harness.container.stop().then(() => states.push(harness.container.state)))
        return end()
      },
    })
    await harness.run(1)
    await turn()
    await turn()
    await harness.clock.advance(10)
    return states
  }

  test.each(Object.entries(endings))('is not inside it: it waits for the end (the listener %s)', async (_name, end) => {
    expect(await statesSeen(end)).toEqual(['stopped'])
  })

  test('is not inside it where a filter took its time before it, either', async () => {
    expect(await statesSeen(() => undefined, { filter: () => Promise.resolve(true) })).toEqual(['stopped'])
  })
})

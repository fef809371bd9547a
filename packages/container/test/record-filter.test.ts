import { describe, expect, test } from 'vitest'
import type { ContainerProperties, RecordFilter } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

function filtering(
  filter: RecordFilter<string, unknown>,
  properties: ContainerProperties = {},
): ContainerHarness & { seen: number[] } {
  const seen: number[] = []
  const harness = new ContainerHarness({
    properties: { filter, ...properties },
    listener: ({ offset }) => void seen.push(offset),
  })
  return Object.assign(harness, { seen })
}

describe('a record filter', () => {
  test('delivers what it says true to; the rest is accepted, never handed out, and counted', async () => {
    const harness = filtering(({ offset }) => offset % 2 === 0)
    await harness.run(4)
    expect(harness.seen).toEqual([0, 2])
    expect(harness.engine().answers.toSorted()).toEqual([0, 1, 2, 3].map((offset) => `ACCEPT orders-0@${offset}`))
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ delivered: 2, filtered: 2 })
  })

  test.each([undefined, 3])('may take its time (maxInFlight %s)', async (maxInFlight) => {
    const verdicts = [deferred<boolean>(), deferred<boolean>()]
    const harness = filtering(({ offset }) => verdicts[offset]?.promise ?? true, { maxInFlight })
    await harness.run(2)
    expect(harness.seen).toEqual([])
    verdicts[0]?.resolve(true)
    verdicts[1]?.resolve(false)
    await harness.settle()
    expect(harness.seen).toEqual([0])
    expect(harness.engine().answers.toSorted()).toEqual(['ACCEPT orders-0@0', 'ACCEPT orders-0@1'])
  })

  test.each(['throws', 'rejects'])('that %s is as a listener that did: the recoverer decides', async (how) => {
    const bad = new Error('filter')
    const asked: unknown[] = []
    const harness = filtering(
      () => {
        if (how === 'throws') throw bad
        return Promise.reject(bad)
      },
      { shareConsumerRecordRecoverer: (_record, error) => (asked.push(error), 'RELEASE') },
    )
    await harness.run(1)
    expect(asked).toEqual([bad])
    expect(harness.seen).toEqual([])
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
    expect(harness.story).toContain('listenerFailed 0')
  })

  test('accepts what it keeps from a MANUAL listener, too', async () => {
    const harness = new ManualHarness({ filter: ({ offset }) => offset === 1 })
    await harness.run(2)
    expect(harness.seen).toEqual([1])
    harness.handle(1).release()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'RELEASE orders-0@1'])
  })

  test('whose record is lost meanwhile has it not delivered', async () => {
    const verdict = deferred<boolean>()
    const harness = filtering(() => verdict.promise)
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    verdict.resolve(true)
    await harness.settle()
    expect(harness.seen).toEqual([])
    expect(harness.engine().answers).toEqual([])
  })

  test('that takes longer than the lock of its record has it told as lost', async () => {
    const verdict = deferred<boolean>()
    const harness = filtering(() => verdict.promise)
    await harness.container.start()
    harness.engine().feed({ offset: 0, lockMs: 100 })
    await harness.clock.advance(200)
    verdict.resolve(true)
    await harness.settle()
    expect(harness.seen).toEqual([])
    expect(harness.container.metrics().get('orders-0')).toMatchObject({ delivered: 0, locksLost: 1 })
  })

  test('that takes its time leaves the batch rule as it is: the next record waits for the listener', async () => {
    const work = deferred()
    const seen: number[] = []
    const harness = new ContainerHarness({
      properties: { filter: () => Promise.resolve(true) },
      listener: ({ offset }) => {
        seen.push(offset)
        return work.promise
      },
    })
    await harness.run(2)
    expect(seen).toEqual([0])
    work.resolve()
    await harness.settle()
    expect(seen).toEqual([0, 1])
  })

  test('that says true while the container stops has its record given back', async () => {
    const verdict = deferred<boolean>()
    const harness = filtering(() => verdict.promise)
    await harness.run(1)
    const stopped = harness.container.stop()
    verdict.resolve(true)
    await stopped
    expect(harness.seen).toEqual([])
    expect(harness.engine().released).toBe(1)
  })
})

test('a filter that stops its own container does not wait for itself', async () => {
  const harness = filtering(async () => {
    await harness.container.stop()
    return true
  })
  await harness.container.start()
  const began = harness.clock.now()
  harness.engine().feedMany(1)
  await harness.settle()
  await harness.container.stop()
  expect(harness.container.state).toBe('stopped')
  expect(harness.clock.now() - began).toBeLessThan(10)
  expect(harness.engine().released).toBe(1)
})

test('a filter that fails when its record was given back is late: nobody is asked', async () => {
  const verdict = deferred<boolean>()
  let asked = 0
  const harness = new ManualHarness({
    filter: () => verdict.promise,
    shareConsumerRecordRecoverer: () => (asked++, 'REJECT'),
  })
  await harness.run(1)
  const stopped = harness.container.stop({ timeoutMs: 1_000 })
  await harness.clock.advance(1_000)
  await stopped
  verdict.reject(new Error('filter'))
  await harness.settle()
  expect(asked).toBe(0)
  expect(harness.container.metrics().get('orders-0')?.lateOutcomes).toBe(1)
  expect(harness.story).not.toContain('listenerFailed 0')
})

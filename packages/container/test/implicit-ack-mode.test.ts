import { KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ListenerFailedEvent } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'

const implicit = { shareAckMode: 'IMPLICIT' } as const

describe('a listener loop in IMPLICIT mode', () => {
  test('asks for a consumer in implicit mode, whatever its factory is set to', async () => {
    const harness = new ContainerHarness({ properties: implicit })
    await harness.container.start()
    expect(harness.factory.at(0).request.acknowledgementMode).toBe('implicit')
    const explicit = new ContainerHarness()
    await explicit.container.start()
    expect(explicit.factory.at(0).request.acknowledgementMode).toBe('explicit')
  })

  test('accepts each record when its listener has ended, not before', async () => {
    const work = deferred()
    const harness = new ContainerHarness({
      properties: implicit,
      listener: ({ offset }) => (offset === 1 ? work.promise : undefined),
    })
    await harness.run(2)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    work.resolve()
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'ACCEPT orders-0@1'])
  })

  test('accepts a record whose listener throws, too, without asking anybody; log and event tell of it', async () => {
    const asked: string[] = []
    const bad = new Error('bad order')
    const harness = new ContainerHarness({
      properties: {
        ...implicit,
        shareConsumerRecordRecoverer: () => (asked.push('recoverer'), 'REJECT'),
        errorHandler: () => void asked.push('error handler'),
      },
      listener: ({ offset }) => {
        if (offset === 0) throw bad
        return Promise.reject(bad)
      },
    })
    const records = await harness.run(2)
    expect(asked).toEqual([])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'ACCEPT orders-0@1'])
    expect(harness.events.filter((event) => event instanceof ListenerFailedEvent)).toMatchObject([
      { record: records[0], error: bad, acknowledgement: 'ACCEPT' },
      { record: records[1], error: bad, acknowledgement: 'ACCEPT' },
    ])
    expect(harness.log.at('error')).toMatchObject([
      {
        message: expect.stringMatching(/orders-0@0; the record is accepted all the same/),
        facts: { err: bad, offset: 0 },
      },
      { facts: { err: bad, offset: 1 } },
    ])
    expect(harness.container.metrics().get('orders-0')?.failed).toBe(2)
  })

  test('has no acknowledgment for its listener', async () => {
    const given: unknown[] = []
    const harness = new ContainerHarness({
      properties: implicit,
      acknowledging: true,
      listener: (_record, acknowledgment) => void given.push(acknowledgment),
    })
    await harness.run(1)
    expect(given).toEqual([undefined])
  })

  test('rejects what cannot be deserialised: it is not counted as accepted', async () => {
    const harness = new ContainerHarness({ properties: implicit })
    await harness.container.start()
    harness.engine().feedWithFailure({ offset: 0, error: new KafkaError('not JSON') }, { offset: 1 })
    await harness.settle()
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0', 'ACCEPT orders-0@1'])
    expect(harness.events.map(({ type }) => type)).toContain('recordDeserializationFailed')
  })

  test('gives back what its listener had not finished when it was stopped', async () => {
    const harness = new ContainerHarness({ properties: implicit, listener: () => new Promise(() => undefined) })
    await harness.run(2)
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    expect(harness.engine().answers).toEqual([])
    expect(harness.engine().released).toBe(2)
  })

  test('counts an outcome as late that comes after the record was given back', async () => {
    const work = deferred()
    const harness = new ContainerHarness({ properties: implicit, listener: () => work.promise })
    await harness.run(1)
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(1_000)
    await stopped
    work.reject(new Error('late'))
    await harness.settle()
    expect(harness.container.metrics().get('orders-0')?.lateOutcomes).toBe(1)
    expect(harness.engine().answers).toEqual([])
  })

  test('has a deadline fire the signal and accept the record', async () => {
    const signals: AbortSignal[] = []
    const harness = new ContainerHarness({
      properties: { ...implicit, processingDeadlineMs: 1_000 },
      acknowledging: true,
      listener: (_record, _acknowledgment, _consumer, signal) => {
        signals.push(signal)
        return new Promise(() => undefined)
      },
    })
    await harness.run(1)
    await harness.clock.advance(1_000)
    expect(signals[0]?.aborted).toBe(true)
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
    expect(harness.events.map(({ type }) => type)).toContain('processingDeadlineExceeded')
  })
})

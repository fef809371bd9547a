import { describe, expect, test } from 'vitest'
import { ListenerFailedEvent, type RecovererAnswer } from '../src/index.js'
import { ContainerHarness, deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

// Listeners, error handlers and recoverers that come to an end when their record is no longer theirs to decide on.

const metricsOf = (harness: ContainerHarness) => harness.container.metrics().get('orders-0')

/** What the events of failed listeners say was answered. */
const answersTold = (harness: ContainerHarness) =>
  harness.events.flatMap((event) => (event instanceof ListenerFailedEvent ? [event.acknowledgement] : []))

/** Stops the container; its records are given back while somebody is still at work on them. */
async function giveBack(harness: ContainerHarness): Promise<void> {
  const stopped = harness.container.stop({ timeoutMs: 1_000 })
  await harness.clock.advance(1_000)
  await stopped
}

const throwing = (): never => {
  throw new Error('bad order')
}

describe('when its record was given back', () => {
  test.each(['EXPLICIT', 'IMPLICIT', 'MANUAL'] as const)(
    'a listener that rejects is late: no recoverer is asked, no event told (%s)',
    async (shareAckMode) => {
      let asked = 0
      const work = deferred()
      const harness = new ContainerHarness({
        properties: {
          shareAckMode,
          shareConsumerRecordRecoverer: () => {
            asked++
            return 'REJECT'
          },
        },
        acknowledging: shareAckMode === 'MANUAL',
        listener: () => work.promise,
      })
      await harness.run(1)
      await giveBack(harness)
      work.reject(new Error('bad order'))
      await harness.settle()
      expect(asked).toBe(0)
      expect(answersTold(harness)).toEqual([])
      expect(metricsOf(harness)).toMatchObject({ failed: 1, lateOutcomes: 1 })
    },
  )

  test('a recoverer that decides is late: its event says that nothing was answered', async () => {
    const decision = deferred<RecovererAnswer>()
    const harness = new ManualHarness({ shareConsumerRecordRecoverer: () => decision.promise }, throwing)
    await harness.run(1)
    await giveBack(harness)
    decision.resolve('RELEASE')
    await harness.settle()
    expect(metricsOf(harness)?.lateOutcomes).toBe(1)
    expect(answersTold(harness)).toEqual([undefined])
  })

  test('a recoverer that decides on an answer with a delay is late, and leaves no timer', async () => {
    const decision = deferred<RecovererAnswer>()
    const harness = new ContainerHarness({
      properties: { shareConsumerRecordRecoverer: () => decision.promise },
      listener: throwing,
    })
    await harness.run(1)
    await giveBack(harness)
    decision.resolve({ type: 'RELEASE', delayMs: 20_000 })
    await harness.clock.advance(1)
    expect(metricsOf(harness)?.lateOutcomes).toBe(1)
    expect(harness.clock.pendingTimers).toBe(0)
  })
})

describe('when the lock of its record was lost', () => {
  test('a recoverer decides in vain: its event says that nothing was answered', async () => {
    const decision = deferred<RecovererAnswer>()
    const harness = new ManualHarness({ shareConsumerRecordRecoverer: () => decision.promise }, throwing)
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    decision.resolve('RELEASE')
    await harness.settle()
    expect(answersTold(harness)).toEqual([undefined])
    expect(harness.engine().answers).toEqual([])
  })

  test('an error handler leaves nothing to the recoverer', async () => {
    const handled = deferred<undefined>()
    let asked = 0
    const harness = new ManualHarness(
      {
        errorHandler: () => handled.promise,
        shareConsumerRecordRecoverer: () => {
          asked++
          return 'REJECT'
        },
      },
      throwing,
    )
    const [record] = await harness.run(1)
    if (record !== undefined) harness.engine().lose(record)
    handled.resolve(undefined)
    await harness.settle()
    expect(asked).toBe(0)
    expect(answersTold(harness)).toEqual([undefined])
  })
})

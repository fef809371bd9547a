import { KafkaError } from '@milena/protocol'
import { expect, test } from 'vitest'
import { AcknowledgmentFailedEvent } from '../src/index.js'
import { ContainerHarness } from './container-harness.js'

test('the commit callback is registered with the consumer of each member', async () => {
  const told: string[] = []
  const harness = new ContainerHarness({
    properties: {
      concurrency: 2,
      syncShareCommits: false,
      acknowledgementCommitCallback: ({ partition, counts, error }) =>
        told.push(`${partition.topic} ${counts.accept} ${error?.code ?? 'stored'}`),
    },
  })
  await harness.container.start()
  harness.engine(0).feedMany(1)
  harness.engine(1).autoConfirm = false
  harness.engine(1).feedMany(1)
  await harness.settle()
  harness.engine(1).confirm(new KafkaError('gone', { code: 'SHARE_SESSION_NOT_FOUND' }))
  expect(told).toEqual(['orders 1 stored', 'orders 1 SHARE_SESSION_NOT_FOUND'])
})

test('without one nothing is registered; what fails is logged, and an event with its records', async () => {
  const harness = new ContainerHarness({ properties: { syncShareCommits: false } })
  await harness.container.start()
  expect(harness.engine().verdictListeners).toBe(1)
  harness.engine().autoConfirm = false
  const [record] = harness.engine().feedMany(1)
  await harness.settle()
  harness.engine().confirm(new KafkaError('gone', { code: 'SHARE_SESSION_NOT_FOUND' }))
  expect(harness.log.at('warn')).toMatchObject([{ message: expect.stringContaining('did not take acknowledgements') }])
  expect(harness.events.filter((event) => event instanceof AcknowledgmentFailedEvent)).toMatchObject([
    { records: [record], cause: { code: 'SHARE_SESSION_NOT_FOUND' } },
  ])
})

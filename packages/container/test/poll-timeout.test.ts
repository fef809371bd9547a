import { KafkaError } from '@milena/protocol'
import { expect, test } from 'vitest'
import { ContainerHarness } from './container-harness.js'

test('one wait for records lasts pollTimeoutMs, then the member looks round and waits again', async () => {
  const harness = new ContainerHarness({ properties: { pollTimeoutMs: 1_000 } })
  await harness.run(0)
  const before = harness.engine().takes
  await harness.clock.advance(3_500)
  expect(harness.engine().takes - before).toBe(3)
  harness.engine().feedMany(1)
  await harness.settle()
  expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
})

test('records that come keep it from that', async () => {
  const harness = new ContainerHarness({ properties: { pollTimeoutMs: 1_000 } })
  await harness.run(0)
  const before = harness.engine().takes
  for (let i = 0; i < 10; i++) {
    await harness.clock.advance(500)
    harness.engine().feedMany(1, i)
    await harness.settle()
  }
  expect(harness.engine().takes - before).toBe(10)
})

test('stop() and pause() cut the wait short, and leave no timer behind', async () => {
  const harness = new ContainerHarness({ properties: { pollTimeoutMs: 1_000_000 } })
  await harness.run(0)
  harness.container.pause()
  await harness.settle()
  harness.container.resume()
  harness.engine().feedMany(1)
  await harness.settle()
  expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0'])
  await harness.container.stop()
  expect(harness.clock.pendingTimers).toBe(0)
})

test('an error that came before is no trouble any more when it has waited in vain for a while', async () => {
  const harness = new ContainerHarness({ properties: { pollTimeoutMs: 1_000 } })
  await harness.run(0)
  harness.engine().failTake(new KafkaError('try later', { code: 'COORDINATOR_NOT_AVAILABLE', retriable: true }))
  await harness.settle()
  expect(harness.container.health().status).toBe('degraded')
  await harness.clock.advance(35_000)
  expect(harness.container.health().status).toBe('up')
})

test('the pauses after errors in a row are not cut short by it', async () => {
  const harness = new ContainerHarness({ properties: { pollTimeoutMs: 300 } })
  harness.factory.prepare = ({ engine }) => {
    engine.take = () => Promise.reject(new KafkaError('not allowed', { code: 'TOPIC_AUTHORIZATION_FAILED' }))
  }
  await harness.run(0)
  await harness.clock.advance(60_000)
  expect(harness.events.filter(({ type }) => type === 'pollFailed').length).toBeLessThan(25)
})

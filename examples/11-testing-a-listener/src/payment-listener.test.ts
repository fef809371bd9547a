import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PaymentBench } from './payment-bench.js'
import { GatewayBusyError } from './payments.js'

test('a payment that goes through is accepted', async () => {
  await using bench = await PaymentBench.start()
  bench.pay('p-1', 'p-2')
  await bench.untilFinished(2)
  assert.deepEqual(
    bench.gateway.charges.map(({ id }) => id),
    ['p-1', 'p-2'],
  )
})

test('a busy gateway is asked again two seconds later', async () => {
  await using bench = await PaymentBench.start()
  bench.gateway.next.push(() => Promise.reject(new GatewayBusyError()))
  bench.pay('p-1')
  await bench.untilFinished(1)
  const [first, second] = bench.gateway.charges
  assert.ok(first !== undefined && second !== undefined)
  assert.equal(Math.round((second.atMs - first.atMs) / 1000), 2)
})

test('a payment that is declined goes to the dead-letter topic', async () => {
  await using bench = await PaymentBench.start()
  bench.gateway.next.push(() => Promise.reject(new Error('The card is stolen.')))
  bench.pay('p-1')
  await bench.untilFinished(1)
  const [letter] = await bench.broker.records('dlq.payments')
  assert.equal(letter?.value?.toString(), '{"id":"p-1","cents":100}')
})

test('a payment whose gateway hangs is given to the next delivery when its lock is not renewed any more', async () => {
  await using bench = await PaymentBench.start()
  const { broker, gateway } = bench
  let answer = (): void => undefined
  gateway.next.push(() => new Promise<void>((resolve) => (answer = resolve)))
  bench.pay('p-1')
  await broker.advanceUntil(() => gateway.charges.length === 1)

  // The container renews the lock, of half a minute, for five minutes; here that takes no time at all.
  await broker.clock.advance(240_000)
  const [held] = broker.inspect().sharePartitions[0]?.records ?? []
  assert.equal(held?.state, 'ACQUIRED')
  assert.equal(held.deliveryCount, 1)
  await broker.clock.advance(120_000)

  answer() // too late: the broker would refuse this answer
  await bench.untilFinished(1)
  assert.deepEqual(
    gateway.charges.map(({ id }) => id),
    ['p-1', 'p-1'],
  )
})

test('an acknowledgement that gets lost has the payment come twice', async () => {
  await using bench = await PaymentBench.start()
  // The connection breaks under the first request that carries one; the broker has not seen it then.
  const lost = bench.broker.intercept('*', () => ({ do: 'cut' }), {
    times: 1,
    when: ({ api, body }) =>
      (api === 'ShareAcknowledge' || api === 'ShareFetch') && JSON.stringify(body).includes('"acknowledgeTypes":[1]'),
  })
  bench.pay('p-1')
  await bench.untilFinished(1)
  assert.equal(lost.count, 1)
  assert.deepEqual(
    bench.gateway.charges.map(({ id }) => id),
    ['p-1', 'p-1'],
  )
})

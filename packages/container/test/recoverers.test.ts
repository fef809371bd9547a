import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { deliveryCountAware, REJECTING, releasing, RELEASING, type ShareConsumerRecordRecoverer } from '../src/index.js'
import { KeptLog } from './container-harness.js'

const log = new KeptLog()

function answerOf(recoverer: ShareConsumerRecordRecoverer, deliveryCount: number): unknown {
  const record = { topic: 'orders', partition: 0, offset: 7, deliveryCount }
  return recoverer(record as never, new Error('bad order'), { logger: log.logger() })
}

describe('releasing()', () => {
  test('holds a record for as long as it is told', () => {
    expect(answerOf(releasing({ delayMs: 500 }), 1)).toEqual({ type: 'RELEASE', delayMs: 500 })
    expect(answerOf(releasing({ delayMs: 500 }), 4)).toEqual({ type: 'RELEASE', delayMs: 500 })
    expect(log.at('error').at(-1)?.message).toMatch(/orders-0@7; the record is released in 500 ms/)
  })

  test('backs off: twice as long with each delivery, up to a limit', () => {
    const recoverer = releasing({ backoff: { initialMs: 1_000, maxMs: 5_000 } })
    expect([1, 2, 3, 4, 50].map((count) => answerOf(recoverer, count))).toEqual(
      [1_000, 2_000, 4_000, 5_000, 5_000].map((delayMs) => ({ type: 'RELEASE', delayMs })),
    )
    // An approximate count may be 0.
    expect(answerOf(recoverer, 0)).toEqual({ type: 'RELEASE', delayMs: 1_000 })
  })

  test.each([
    undefined,
    null,
    500,
    {},
    { delayMs: -1 },
    { delayMs: '5' },
    { delayMs: Infinity },
    { backoff: 5 },
    { backoff: { initialMs: 5 } },
    { backoff: { initialMs: 500, maxMs: 100 } },
  ])('refuses %o, naming what it takes', (given) => {
    expect(() => releasing(given as never)).toThrow(KafkaUsageError)
    expect(() => releasing(given as never)).toThrow(/delayMs: 5000.*backoff: \{ initialMs: 1000, maxMs: 30000 \}/)
  })
})

test('releasing() takes delayMs or backoff, and says so where it is given both', () => {
  const both = { delayMs: 5, backoff: { initialMs: 1, maxMs: 2 } }
  expect(() => releasing(both)).toThrow(/delayMs or backoff, not both/)
})

describe('deliveryCountAware()', () => {
  test('releases the first deliveries, and rejects from maxDeliveries on', () => {
    const recoverer = deliveryCountAware({ maxDeliveries: 3 })
    expect([1, 2, 3, 4].map((count) => answerOf(recoverer, count))).toEqual(['RELEASE', 'RELEASE', 'REJECT', 'REJECT'])
  })

  test('asks the recoverers that it is given', () => {
    const recoverer = deliveryCountAware({
      maxDeliveries: 2,
      recoverer: releasing({ delayMs: 5 }),
      exhausted: () => 'ACCEPT',
    })
    expect([1, 2].map((count) => answerOf(recoverer, count))).toEqual([{ type: 'RELEASE', delayMs: 5 }, 'ACCEPT'])
  })

  test.each([
    [undefined, /maxDeliveries is a whole number, 1 or more; not undefined/],
    [{ maxDeliveries: 0 }, /maxDeliveries is a whole number/],
    [{ maxDeliveries: 1.5 }, /maxDeliveries is a whole number/],
    [{ maxDeliveries: 2, recoverer: 'RELEASE' }, /recoverer is a function/],
    [{ maxDeliveries: 2, exhausted: 7 }, /exhausted is a function/],
  ])('refuses %o', (given, message) => {
    expect(() => deliveryCountAware(given as never)).toThrow(KafkaUsageError)
    expect(() => deliveryCountAware(given as never)).toThrow(message)
  })
})

test('REJECTING and RELEASING answer as they are called', () => {
  expect([answerOf(REJECTING, 1), answerOf(RELEASING, 1)]).toEqual(['REJECT', 'RELEASE'])
})

import { VirtualClock } from '@milena/protocol/runtime'
import { expect, test } from 'vitest'
import { TimeSlice } from '../src/time-slice.js'

/** How many records of `recordMs` a loop works on between two yields. */
function recordsInASlice(recordMs: number): number {
  const clock = new VirtualClock()
  const slice = new TimeSlice(clock)
  for (let records = 1; ; records++) {
    clock.block(recordMs)
    if (slice.isSpent()) return records
  }
}

test('slow records: it is spent with the first that ends after 10 ms', () => {
  expect(recordsInASlice(2)).toBe(5)
  expect(recordsInASlice(50)).toBe(1)
})

test('quick records: it is spent after about 10 ms, though the clock is read for one in 16 only', () => {
  let reads = 0
  class CountingClock extends VirtualClock {
    override now(): number {
      reads++
      return super.now()
    }
  }
  const clock = new CountingClock()
  const slice = new TimeSlice(clock)
  let records = 0
  do {
    clock.block(0.01)
    records++
  } while (!slice.isSpent())
  expect(records).toBeGreaterThanOrEqual(1_000)
  expect(records).toBeLessThan(1_032)
  expect(reads).toBeLessThan(records / 14)
})

test('yield() lets what waits run, and begins anew', async () => {
  const clock = new VirtualClock()
  const slice = new TimeSlice(clock)
  clock.block(20)
  expect(slice.isSpent()).toBe(true)
  const order: string[] = []
  clock.immediate(() => order.push('heartbeat'))
  const yielded = slice.yield().then(() => order.push('record'))
  await clock.advance(0)
  await yielded
  expect(order).toEqual(['heartbeat', 'record'])
  expect(slice.isSpent()).toBe(false)
})

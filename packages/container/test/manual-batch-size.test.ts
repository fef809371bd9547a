import { expect, test } from 'vitest'
import { ManualBatchSize } from '../src/manual-batch-size.js'

test('a batch begins with 16 records, and doubles while listener calls return quickly', () => {
  const size = new ManualBatchSize()
  expect(size.records).toBe(16)
  size.started(16, 1)
  expect(size.records).toBe(32)
  for (let i = 0; i < 20; i++) size.started(size.records, 1)
  expect(size.records).toBe(2_000)
})

test('a batch that was not full makes the next one no larger', () => {
  const size = new ManualBatchSize()
  size.started(15, 1)
  expect(size.records).toBe(16)
})

test('a slow listener gets what it starts within a quarter of a second, and one at least', () => {
  const size = new ManualBatchSize()
  size.started(16, 16 * 50)
  expect(size.records).toBe(5)
  size.started(5, 5 * 2_000)
  expect(size.records).toBe(1)
  size.started(1, 1)
  expect(size.records).toBe(2)
})

test('an empty batch tells nothing', () => {
  const size = new ManualBatchSize()
  size.started(0, 0)
  expect(size.records).toBe(16)
})

import { expect, test } from 'vitest'
import { RecordState, TrackedBatch } from '../../../src/share/records/tracked-batch.js'

test('a batch of any size has one state until it is divided', () => {
  const batch = new TrackedBatch(0, 1_999, RecordState.ACQUIRED, 1)
  expect([...batch.runs(0, 1_999)]).toHaveLength(1)
  batch.set(0, 1_999, RecordState.ACKNOWLEDGED, 1, undefined)
  expect(batch.isDivided).toBe(false)
  batch.set(7, 8, RecordState.ARCHIVED, 2, undefined)
  expect(batch.isDivided).toBe(true)
  expect([...batch.runs(5, 10)].map(({ first, last, state }) => [first, last, state])).toEqual([
    [5, 6, RecordState.ACKNOWLEDGED],
    [7, 8, RecordState.ARCHIVED],
    [9, 10, RecordState.ACKNOWLEDGED],
  ])
})

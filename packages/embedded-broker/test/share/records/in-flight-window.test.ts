import { expect, test } from 'vitest'
import { InFlightWindow } from '../../../src/share/records/in-flight-window.js'
import { RecordState, TrackedBatch } from '../../../src/share/records/tracked-batch.js'

function tracking(...ranges: readonly (readonly [first: number, last: number])[]): InFlightWindow {
  const window = new InFlightWindow(0)
  for (const [first, last] of ranges) window.track(new TrackedBatch(first, last, RecordState.ACQUIRED, 1))
  return window
}

function finish(window: InFlightWindow, first: number, last: number): void {
  for (const batch of window.overlapping(first, last)) {
    batch.set(
      Math.max(first, batch.firstOffset),
      Math.min(last, batch.lastOffset),
      RecordState.ACKNOWLEDGED,
      1,
      undefined,
    )
  }
  window.countFinished(first, last)
}

test('batches below the start are forgotten when all of them is finished', () => {
  const window = tracking([0, 4], [5, 9], [10, 14])
  finish(window, 0, 6)
  expect(window.advance()).toBe(true)
  expect(window.startOffset).toBe(7)
  expect(window.finishedCount).toBe(0)
  expect(window.batches.map((batch) => batch.firstOffset)).toEqual([5, 10])
  expect(window.size).toBe(8)
  finish(window, 7, 14)
  expect(window.advance()).toBe(true)
  expect(window.batches).toEqual([])
  expect(window.size).toBe(0)
  expect(window.nextFetchOffset).toBe(15)
})

test('batches are kept in the order of offsets, wherever a hole is filled', () => {
  const window = tracking([0, 4], [10, 14], [5, 9], [20, 24])
  expect(window.batches.map((batch) => batch.firstOffset)).toEqual([0, 5, 10, 20])
  expect(window.floor(7)?.firstOffset).toBe(5)
  expect(window.floor(17)?.firstOffset).toBe(10)
  expect(window.overlapping(9, 17).map((batch) => batch.firstOffset)).toEqual([5, 10])
  expect(window.beginningIn(5, 20).map((batch) => batch.firstOffset)).toEqual([5, 10, 20])
  expect(window.endOffset).toBe(24)
})

test('the start jumps over offsets that were never there', () => {
  const window = tracking([0, 4], [10, 14])
  finish(window, 0, 4)
  window.advance()
  expect(window.startOffset).toBe(10)
})

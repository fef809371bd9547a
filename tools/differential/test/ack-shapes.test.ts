import { describe, expect, it } from 'vitest'
import { batchesOf, runsOf, type PartitionView } from '../src/ack-shapes.js'
import type { AckPlan, AckShape } from '../src/step.js'

const view: PartitionView = { mine: [4, 5, 6, 7, 20], others: [10, 11], finished: [0, 1], available: [2, 3], end: 21 }

function batches(shape: AckShape, over: Partial<AckPlan> = {}) {
  return batchesOf({ seat: 0, shape, types: [1], at: 0, share: 1, ...over }, view).map(
    ({ firstOffset, lastOffset, acknowledgeTypes }) => `${firstOffset}-${lastOffset}:${acknowledgeTypes.join(',')}`,
  )
}

describe('acknowledgements of a plan', () => {
  it('join neighbours to runs', () => {
    expect(runsOf([])).toEqual([])
    expect(runsOf([1, 2, 3, 7, 9, 10])).toEqual([
      { first: 1, last: 3 },
      { first: 7, last: 7 },
      { first: 9, last: 10 },
    ])
  })

  it('name what the member holds', () => {
    expect(batches('everything')).toEqual(['4-7:1', '20-20:1'])
    expect(batches('run', { at: 0.9 })).toEqual(['20-20:1'])
    expect(batches('slice', { share: 0.5 })).toEqual(['4-5:1'])
    expect(batches('everySecond')).toEqual(['4-4:1', '6-6:1'])
  })

  it('repeat a pattern of types over the offsets', () => {
    expect(batches('run', { types: [1, 2] })).toEqual(['4-7:1,2,1,2'])
  })

  it('are wrong in the way that is asked for', () => {
    expect(batches('othersOffsets')).toEqual(['10-11:1'])
    expect(batches('available')).toEqual(['2-3:1'])
    expect(batches('reversed')).toEqual(['8-4:1'])
    expect(batches('touching')).toEqual(['4-5:1', '5-7:1'])
    expect(batches('noTypes')).toEqual(['4-7:'])
    expect(batches('noBatches')).toEqual([])
    expect(batches('halfWrong')).toEqual(['4-5:1', '22-23:1'])
  })

  it('name the lowest offsets where there is nothing to choose from', () => {
    const nothing: PartitionView = { mine: [], others: [], finished: [], available: [], end: 0 }
    const plan: AckPlan = { seat: 0, shape: 'finished', types: [1], at: 0.5, share: 1 }
    expect(batchesOf(plan, nothing)).toEqual([{ firstOffset: 0, lastOffset: 2, acknowledgeTypes: [1] }])
  })
})

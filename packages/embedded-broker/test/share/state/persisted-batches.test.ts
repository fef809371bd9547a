import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyBatches, PersistedState, type PersistedBatch } from '../../../src/share/state/persisted-batches.js'
import { versionProfile } from '../../../src/version-profile.js'

const latest = versionProfile('4.4')
const { AVAILABLE, ACKNOWLEDGED, ARCHIVED } = PersistedState

function batch(firstOffset: number, lastOffset: number, state: PersistedState, deliveryCount: number): PersistedBatch {
  return { firstOffset, lastOffset, state, deliveryCount }
}

describe('Batches written over stored ones', () => {
  it('cut them where they overlap', () => {
    expect(applyBatches([batch(0, 9, AVAILABLE, 1)], [batch(3, 5, ACKNOWLEDGED, 2)], 0, latest)).toEqual([
      batch(0, 2, AVAILABLE, 1),
      batch(3, 5, ACKNOWLEDGED, 2),
      batch(6, 9, AVAILABLE, 1),
    ])
  })

  it('join neighbours of one state and count, and leave holes open', () => {
    const stored = [batch(0, 4, ACKNOWLEDGED, 1), batch(10, 14, ACKNOWLEDGED, 1), batch(20, 24, ACKNOWLEDGED, 1)]
    expect(applyBatches(stored, [batch(5, 9, ACKNOWLEDGED, 1)], 0, latest)).toEqual([
      batch(0, 14, ACKNOWLEDGED, 1),
      batch(20, 24, ACKNOWLEDGED, 1),
    ])
  })

  it('join what is before them at once in 4.4, and in 4.3 where no lower count was in between', () => {
    const stored = [batch(0, 1, AVAILABLE, 2), batch(2, 18, AVAILABLE, 1)]
    const whole = [batch(2, 18, AVAILABLE, 2)]
    const part = [batch(2, 5, AVAILABLE, 2)]
    expect(applyBatches(stored, whole, 0, latest)).toEqual([batch(0, 18, AVAILABLE, 2)])
    const apart = applyBatches(stored, whole, 0, versionProfile('4.3'))
    expect(apart).toEqual([batch(0, 1, AVAILABLE, 2), batch(2, 18, AVAILABLE, 2)])
    expect(applyBatches(apart, [], 0, versionProfile('4.3'))).toEqual([batch(0, 18, AVAILABLE, 2)])
    const joined = [batch(0, 5, AVAILABLE, 2), batch(6, 18, AVAILABLE, 1)]
    expect(applyBatches(stored, part, 0, versionProfile('4.3'))).toEqual(joined)
  })

  it('go when the start offset has passed them', () => {
    expect(applyBatches([batch(0, 9, ARCHIVED, 5), batch(10, 19, AVAILABLE, 2)], [], 15, latest)).toEqual([
      batch(15, 19, AVAILABLE, 2),
    ])
  })

  it('take back neither a delivery nor an end', () => {
    const stored = [batch(0, 4, AVAILABLE, 3), batch(5, 9, ACKNOWLEDGED, 1)]
    expect(applyBatches(stored, [batch(0, 4, ACKNOWLEDGED, 2), batch(5, 9, AVAILABLE, 1)], 0, latest)).toEqual(stored)
  })

  it('are what offset by offset would give', () => {
    const batches = fc
      .array(
        fc.record({
          gap: fc.nat({ max: 3 }),
          length: fc.integer({ min: 1, max: 6 }),
          state: fc.constantFrom(AVAILABLE, ACKNOWLEDGED, ARCHIVED),
          deliveryCount: fc.integer({ min: 1, max: 3 }),
        }),
        { maxLength: 8 },
      )
      .map((parts) => {
        let next = 0
        return parts.map(({ gap, length, state, deliveryCount }) => {
          const firstOffset = next + gap
          next = firstOffset + length
          return batch(firstOffset, next - 1, state, deliveryCount)
        })
      })
    fc.assert(
      fc.property(batches, batches, fc.integer({ min: -1, max: 12 }), (stored, written, startOffset) => {
        const model = new Map<number, PersistedBatch>()
        for (const each of [...stored, ...written]) {
          for (let offset = Math.max(startOffset, each.firstOffset); offset <= each.lastOffset; offset++) {
            const old = model.get(offset)
            const rank = (of: PersistedBatch): number => of.deliveryCount * 10 + of.state
            if (old === undefined || rank(each) >= rank(old)) model.set(offset, each)
          }
        }
        const result = applyBatches(stored, written, startOffset, latest)
        const told = new Map<number, PersistedBatch>()
        let last: PersistedBatch | undefined
        for (const each of result) {
          expect(each.firstOffset).toBeGreaterThan(last?.lastOffset ?? -1)
          const touches = last !== undefined && last.lastOffset + 1 === each.firstOffset
          if (touches) expect([each.state, each.deliveryCount]).not.toEqual([last?.state, last?.deliveryCount])
          for (let offset = each.firstOffset; offset <= each.lastOffset; offset++) told.set(offset, each)
          last = each
        }
        expect([...told.keys()].toSorted((a, b) => a - b)).toEqual([...model.keys()].toSorted((a, b) => a - b))
        for (const [offset, { state, deliveryCount }] of model) {
          expect(told.get(offset)).toMatchObject({ state, deliveryCount })
        }
      }),
    )
  })
})

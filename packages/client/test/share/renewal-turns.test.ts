import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange, type RangeHolder } from '../../src/share/acquired-range.js'
import { RenewalTurns } from '../../src/share/renewal-turns.js'
import { SharePartitions } from '../../src/share/share-partition.js'

const partitions = new SharePartitions()
const first = partitions.of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)
const second = partitions.of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 1)

class Ledger implements RangeHolder {
  live = true
  renewable = true
  outstanding = 0
  /** What would go out with the next request. */
  asked: { range: AcquiredRange; from: number; to: number }[] = []

  answered(): void {}
  urged(): void {}
  giveUp(): void {}

  renew(range: AcquiredRange, from: number, to: number): void {
    this.asked.push({ range, from, to })
  }

  take(): { range: AcquiredRange; from: number; to: number }[] {
    return this.asked.splice(0)
  }
}

function world() {
  const ledger = new Ledger()
  const turns = new RenewalTurns()
  const range = (offset: number, partition = first): AcquiredRange =>
    new AcquiredRange(partition, ledger, offset, offset + 9, 1, 30_000)
  return { ledger, turns, range }
}

describe('renewals', () => {
  it('go out together, a range once', () => {
    const { ledger, turns, range } = world()
    const [a, b] = [range(0), range(10)]
    turns.add(a, 0, 5)
    turns.add(b, 0, 10)
    turns.add(a, 3, 10)
    turns.begin()
    expect(ledger.take()).toEqual([
      { range: a, from: 0, to: 10 },
      { range: b, from: 0, to: 10 },
    ])
    turns.add(a, 0, 10)
    turns.begin()
    expect(ledger.take()).toEqual([])
    turns.ended([{ range: a, from: 0, to: 10 }], false)
    turns.add(a, 0, 10)
    turns.begin()
    expect(ledger.take()).toHaveLength(1)
  })

  it('refused together are tried one by one; only the culprit is given up', () => {
    const { ledger, turns, range } = world()
    const [a, b, c, other] = [range(0), range(10), range(20), range(0, second)]
    for (const each of [a, b, c, other]) turns.add(each, 0, 10)
    turns.begin()
    const together = ledger.take()
    turns.ended(
      together.filter(({ range: { partition } }) => partition === first),
      true,
    )
    const tried: AcquiredRange[] = []
    for (let asked = ledger.take(); asked.length > 0; asked = ledger.take()) {
      expect(asked).toHaveLength(1)
      for (const piece of asked) {
        tried.push(piece.range)
        turns.ended([piece], piece.range === b)
      }
    }
    expect(new Set(tried)).toEqual(new Set([a, b, c]))
    expect([a, b, c, other].map((each) => turns.wasRefused(each))).toEqual([false, true, false, false])
  })

  it('of a session that is gone hold up nobody', () => {
    const { ledger, turns, range } = world()
    const a = range(0)
    turns.add(a, 0, 10)
    turns.begin()
    ledger.live = false
    const next = new Ledger()
    const b = new AcquiredRange(first, next, 0, 9, 2, 30_000)
    turns.add(b, 0, 10)
    turns.begin()
    expect(next.take()).toEqual([{ range: b, from: 0, to: 10 }])
  })

  it('end, whatever the broker refuses: every range is renewed or given up, and none is out twice', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }), (gone) => {
        const { ledger, turns, range } = world()
        const ranges = gone.map((_, i) => range(i * 10))
        for (const each of ranges) turns.add(each, 0, 10)
        turns.begin()
        const renewed = new Set<AcquiredRange>()
        for (let rounds = 0; ledger.asked.length > 0; rounds++) {
          expect(rounds).toBeLessThanOrEqual(gone.length + 1)
          const asked = ledger.take()
          expect(new Set(asked.map((piece) => piece.range)).size).toBe(asked.length)
          const refused = asked.some((piece) => gone[ranges.indexOf(piece.range)])
          if (!refused) for (const piece of asked) renewed.add(piece.range)
          turns.ended(asked, refused)
        }
        expect(ranges.map((each) => turns.wasRefused(each))).toEqual(gone)
        expect(ranges.map((each) => renewed.has(each))).toEqual(gone.map((is) => !is))
      }),
    )
  })

  it('leave the state of a record alone', () => {
    const { turns, range } = world()
    const a = range(0)
    turns.add(a, 0, 10)
    turns.begin()
    expect(a).toMatchObject({ open: 10, unsent: 0, sent: 0 })
    expect(a.answer(0, AckCode.ACCEPT)).toBe('noted')
  })
})

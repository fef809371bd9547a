import { beforeEach, describe, expect, it } from 'vitest'
import { AcquiredRange, type RangeHolder } from '../../src/share/acquired-range.js'
import { RenewalTurns } from '../../src/share/renewal-turns.js'
import { SharePartitions } from '../../src/share/share-partition.js'

// Ranges that were refused their renewal together with others, and how they come clear.

const partition = new SharePartitions().of('AAAAAAAAAAAAAAAAAAAAAQ', 'orders', 0)

class Ledger implements RangeHolder {
  live = true
  renewable = true
  outstanding = 0
  #asked: AcquiredRange[] = []

  answered(): void {}
  urged(): void {}
  giveUp(): void {}

  renew(range: AcquiredRange): void {
    this.#asked.push(range)
  }

  range(firstOffset: number): AcquiredRange {
    return new AcquiredRange(partition, this, firstOffset, firstOffset + 9, 1, 30_000)
  }

  /** What would go out with the next request. */
  asked(): AcquiredRange[] {
    return this.#asked.splice(0)
  }
}

let turns: RenewalTurns

beforeEach(() => {
  turns = new RenewalTurns()
})

function want(...ranges: AcquiredRange[]): void {
  for (const range of ranges) turns.add(range, 0, range.length)
  turns.begin()
}

function answer(ranges: readonly AcquiredRange[], refused: boolean): void {
  turns.ended(
    ranges.map((range) => ({ range, from: 0, to: range.length })),
    refused,
  )
}

describe('a range that was refused its renewal together with others', () => {
  it('goes out with them again once it was renewed by itself', () => {
    const ledger = new Ledger()
    const [a, b] = [ledger.range(0), ledger.range(10)]
    want(a, b)
    answer(ledger.asked(), true)
    for (const range of [a, b]) {
      expect(ledger.asked()).toEqual([range])
      answer([range], false)
    }
    want(a, b)
    expect(ledger.asked()).toEqual([a, b])
  })

  it('holds up nobody of the next session when its own ends while its renewal is out', () => {
    const before = new Ledger()
    const [a, b] = [before.range(0), before.range(10)]
    want(a, b)
    answer(before.asked(), true)
    expect(before.asked()).toEqual([a])
    before.live = false
    const after = new Ledger()
    const [c, d] = [after.range(0), after.range(10)]
    want(c, d)
    expect(after.asked()).toEqual([c, d])
    expect(before.asked()).toEqual([])
    // Nor is it remembered for the suspects of that session.
    answer([c, d], true)
    expect(after.asked()).toEqual([c])
    answer([c], false)
    expect(after.asked()).toEqual([d])
  })
})

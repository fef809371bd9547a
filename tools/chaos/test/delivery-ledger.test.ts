import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeliveryLedger } from '../src/evaluation/delivery-ledger.js'

describe('the ledger of deliveries', () => {
  it('counts a record as received and as confirmed once, however often it was', () => {
    const ledger = new DeliveryLedger([10, 10])
    ledger.add('a', { t: 1, received: [[0, 0, 4, 1]] })
    ledger.add('b', { t: 2, received: [[0, 3, 5, 2]] })
    ledger.add('a', { t: 3, accepted: [[0, 0, 2]] })
    ledger.add('b', { t: 4, accepted: [[0, 2, 4]] })
    expect(ledger).toMatchObject({ total: 20, received: 6, confirmed: 5, confirmedTwice: 1, highestCount: 2 })
  })

  it('tells a redelivery with the hand-out before it', () => {
    const ledger = new DeliveryLedger([10])
    ledger.add('a', { t: 100, received: [[0, 0, 4, 1]] })
    ledger.add('b', { t: 900, received: [[0, 4, 5, 2]] })
    expect(ledger.redeliveries()).toEqual([
      {
        partition: 0,
        offset: 4,
        before: { at: 100, member: 'a', count: 1 },
        again: { at: 900, member: 'b', count: 2 },
        confirmedAt: undefined,
      },
    ])
  })

  it('knows the hand-outs of a record in the order of their times, whoever is heard first', () => {
    const ledger = new DeliveryLedger([1])
    ledger.add('b', { t: 900, received: [[0, 0, 0, 2]] })
    ledger.add('a', { t: 100, received: [[0, 0, 0, 1]] })
    expect(ledger.redeliveries()).toMatchObject([{ before: { member: 'a' }, again: { member: 'b' } }])
  })

  it('tells whether the record had been confirmed before it came again', () => {
    const ledger = new DeliveryLedger([2])
    ledger.add('a', { t: 100, received: [[0, 0, 1, 1]] })
    ledger.add('a', { t: 200, accepted: [[0, 0, 0]] })
    ledger.add('b', { t: 300, received: [[0, 0, 1, 2]] })
    ledger.add('b', { t: 400, accepted: [[0, 1, 1]] })
    expect(ledger.redeliveries().map(({ offset, confirmedAt }) => [offset, confirmedAt])).toEqual([
      [0, 200],
      [1, undefined],
    ])
  })

  it('tells an acceptance of each of two hand-outs from two of one', () => {
    const ledger = new DeliveryLedger([2])
    ledger.add('a', { t: 100, received: [[0, 0, 1, 1]] })
    ledger.add('b', { t: 200, received: [[0, 0, 0, 2]] })
    ledger.add('a', { t: 300, accepted: [[0, 0, 1]] })
    ledger.add('b', { t: 400, accepted: [[0, 0, 0]] })
    expect(ledger).toMatchObject({ confirmedTwice: 1, confirmedBeyondHandOuts: 0 })
    ledger.add('a', { t: 500, accepted: [[0, 1, 1]] })
    expect(ledger).toMatchObject({ confirmedTwice: 2, confirmedBeyondHandOuts: 1 })
  })

  it('tells what no application has finished', () => {
    const ledger = new DeliveryLedger([3])
    ledger.add('a', { t: 1, received: [[0, 0, 1, 1]] })
    ledger.add('a', { t: 2, finished: [[0, 0, 0]] })
    expect(ledger.unfinished()).toEqual([
      { partition: 0, offset: 1, handedOut: 1 },
      { partition: 0, offset: 2, handedOut: 0 },
    ])
  })

  it('measures the longest silence of the group and of a partition', () => {
    const ledger = new DeliveryLedger([10, 10])
    ledger.add('a', { t: 0, received: [[0, 0, 0, 1]] })
    ledger.add('a', { t: 100, received: [[1, 0, 0, 1]] })
    ledger.add('a', { t: 300, received: [[1, 1, 1, 1]] })
    ledger.add('a', { t: 350, received: [[0, 1, 1, 1]] })
    expect(ledger).toMatchObject({ longestGapMs: 200, longestPartitionGapMs: 350 })
  })

  it('refuses offsets that were never written', () => {
    const ledger = new DeliveryLedger([10])
    expect(() => ledger.add('a', { t: 1, received: [[0, 9, 10, 1]] })).toThrow('offset 10 of partition 0')
    expect(() => ledger.add('a', { t: 1, accepted: [[1, 0, 0]] })).toThrow('partition 1')
  })

  it('counts as many redeliveries as there were hand-outs beyond the first of each record', () => {
    const handOut = fc.record({ first: fc.nat(19), more: fc.nat(5), at: fc.nat(1_000) })
    fc.assert(
      fc.property(fc.array(handOut, { maxLength: 30 }), (handOuts) => {
        const ledger = new DeliveryLedger([25])
        const times = new Map<number, number>()
        for (const { first, more, at } of handOuts) {
          ledger.add('a', { t: at, received: [[0, first, first + more, 1]] })
          for (let offset = first; offset <= first + more; offset++) times.set(offset, (times.get(offset) ?? 0) + 1)
        }
        const expected = [...times.values()].reduce((sum, count) => sum + count - 1, 0)
        expect(ledger.redeliveries()).toHaveLength(expected)
        expect(ledger.received).toBe(times.size)
      }),
    )
  })
})

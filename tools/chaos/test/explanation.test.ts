import { describe, expect, it } from 'vitest'
import type { Redelivery } from '../src/evaluation/delivery-ledger.js'
import { explain, tally, type FaultWindow } from '../src/evaluation/explanation.js'

const LOCK_MS = 5_000
const redelivery = (from: number, to: number, confirmedAt?: number): Redelivery => ({
  partition: 0,
  offset: 7,
  before: { at: from, member: 'a', count: 1 },
  again: { at: to, member: 'b', count: 2 },
  confirmedAt,
})
const killed: FaultWindow = { kind: 'member killed', from: 2_000, to: 2_010, member: 'a' }
const lost: FaultWindow = { kind: 'broker lost', from: 2_000, to: 12_000 }

describe('the explanation of a redelivery', () => {
  it('is the fault that lay between the two hand-outs', () => {
    expect(explain(redelivery(1_000, 3_000), [lost], LOCK_MS)).toBe('broker lost')
    expect(explain(redelivery(11_000, 14_000), [lost], LOCK_MS)).toBe('broker lost')
    expect(explain(redelivery(1_000, 3_000), [{ ...lost, to: Infinity }], LOCK_MS)).toBe('broker lost')
  })

  it('is not a fault before or after both', () => {
    expect(explain(redelivery(13_000, 14_000), [lost], LOCK_MS)).toBe('unexplained')
    expect(explain(redelivery(500, 1_500), [lost], LOCK_MS)).toBe('unexplained')
  })

  it('is not the fault of a member that did not have the record', () => {
    expect(explain(redelivery(1_000, 3_000), [{ ...killed, member: 'c' }], LOCK_MS)).toBe('unexplained')
    expect(explain(redelivery(1_000, 3_000), [killed], LOCK_MS)).toBe('member killed')
  })

  it("is the member's own fault before that of the cluster", () => {
    expect(explain(redelivery(1_000, 3_000), [lost, killed], LOCK_MS)).toBe('member killed')
  })

  it('is the lock where nothing else happened and it had the time to run out', () => {
    expect(explain(redelivery(20_000, 25_100), [lost, killed], LOCK_MS)).toBe('lock expired')
    expect(explain(redelivery(20_000, 24_000), [lost, killed], LOCK_MS)).toBe('unexplained')
  })

  it('is none at all for a record that was confirmed before it came again, or came out of a buffer too late', () => {
    expect(explain(redelivery(1_000, 9_000, 1_500), [lost, killed], LOCK_MS)).toBe('after confirmation')
    expect(explain(redelivery(20_000, 22_000, 21_000), [lost, killed], LOCK_MS)).toBe('after confirmation')
    const stale = { ...redelivery(1_000, 3_000, 2_900), again: { at: 3_000, member: 'b', count: 1 } }
    expect(explain(stale, [lost], LOCK_MS)).toBe('after confirmation')
  })

  it('is the late storing of the answer, where a fault of the cluster kept the broker from it', () => {
    expect(explain(redelivery(1_000, 3_000, 2_900), [lost], LOCK_MS)).toBe('answer stored late')
    expect(explain(redelivery(1_000, 3_000, 2_900), [killed], LOCK_MS)).toBe('after confirmation')
  })

  it('is counted by kind', () => {
    expect([...tally(['lock expired', 'broker lost', 'lock expired'])]).toEqual([
      ['lock expired', 2],
      ['broker lost', 1],
    ])
  })
})

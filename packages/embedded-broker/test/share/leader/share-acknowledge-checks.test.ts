import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { checkAcknowledgements } from '../../../src/share/leader/share-acknowledge-checks.js'

const batch = (firstOffset: number, lastOffset: number, ...acknowledgeTypes: number[]) => ({
  firstOffset,
  lastOffset,
  acknowledgeTypes,
})
const check = (batches: ReturnType<typeof batch>[], { version = 2, isRenewAck = false } = {}) =>
  checkAcknowledgements(batches, { version, isRenewAck })
const { INVALID_REQUEST } = ErrorCode

describe('the form of acknowledgements', () => {
  it('is right with one type for all offsets, or one for each', () => {
    expect(check([batch(0, 9, 1), batch(10, 12, 0, 2, 3)])).toBe(0)
  })
  it.each([
    ['a batch that ends before it begins', [batch(5, 4, 1)]],
    ['a batch that begins below the end of the one before', [batch(0, 5, 1), batch(4, 9, 1)]],
    ['no type', [batch(0, 0)]],
    ['fewer types than offsets', [batch(0, 2, 1, 1)]],
    ['more types than offsets', [batch(0, 0, 1, 1)]],
    ['a negative type', [batch(0, 0, -1)]],
    ['a type that nobody knows', [batch(0, 1, 1, 5)]],
    ['a renewal in a request that does not say so', [batch(0, 0, 4)]],
  ])('is wrong with %s', (_, batches) => {
    expect(check(batches)).toBe(INVALID_REQUEST)
  })
  it('lets two batches share an offset: the records refuse that', () => {
    expect(check([batch(0, 5, 1), batch(5, 9, 1)])).toBe(0)
  })
  it('takes renewals from version 2 on, among other types', () => {
    const mixed = [batch(0, 1, 4, 1)]
    expect(check(mixed, { isRenewAck: true })).toBe(0)
    expect(check(mixed, { isRenewAck: true, version: 1 })).toBe(INVALID_REQUEST)
  })
})

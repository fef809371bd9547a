import { describe, expect, it } from 'vitest'
import { nextSessionEpoch, partitionKey, ShareSession } from '../../../src/share/leader/share-session.js'

const named = (...partitions: number[]) => partitions.map((partition) => ({ topicId: 'A', topic: 'a', partition }))
const session = (...partitions: number[]) =>
  new ShareSession({ groupId: 'g', memberId: 'm', connectionId: 'c', partitions: named(...partitions) })
const order = (of: ShareSession) => of.partitions.map(({ partition }) => partition)
const nothing = { hasRecords: false, hasError: false }
const records = { hasRecords: true, hasError: false }
const error = { hasRecords: false, hasError: true }
const key = (partition: number) => partitionKey('A', partition)

describe('the epochs of a share session', () => {
  it('count up from 1 behind the opening 0', () => {
    const opened = session(0)
    expect(opened.nextEpoch).toBe(1)
    opened.advance()
    expect(opened.nextEpoch).toBe(2)
  })
  it('go on with 1 behind the largest, since 0 opens and -1 ends', () => {
    expect(nextSessionEpoch(0x7fff_ffff)).toBe(1)
    expect(nextSessionEpoch(0)).toBe(1)
    expect(nextSessionEpoch(-1)).toBe(-1)
  })
})

describe('the partitions of a share session', () => {
  it('stay in the order in which they came, each once', () => {
    const opened = session(2, 0)
    opened.update(named(1, 0), [])
    expect(order(opened)).toEqual([2, 0, 1])
  })
  it('are without one that is wanted and forgotten in the same request', () => {
    const opened = session(0)
    opened.update(named(1), named(1))
    expect(order(opened)).toEqual([0])
  })
  it('are not disturbed by forgetting what was never there', () => {
    const opened = session(0)
    opened.update([], [...named(7), { topicId: 'B', partition: 0 }])
    expect(order(opened)).toEqual([0])
  })
  it('move to the end when they gave records', () => {
    const opened = session(0, 1, 2)
    opened.admit(key(0), records)
    expect(order(opened)).toEqual([1, 2, 0])
  })
})

describe('an incremental answer', () => {
  it('leaves out what has nothing to tell', () => {
    expect(session(0).admit(key(0), nothing)).toBe(false)
  })
  it('tells of a partition once after it was added, also when it is empty', () => {
    const opened = session(0)
    opened.update(named(1), [])
    expect(opened.admit(key(1), nothing)).toBe(true)
    expect(opened.admit(key(1), nothing)).toBe(false)
  })
  it('repeats an error each time, and tells once that it is over', () => {
    const opened = session(0)
    expect([error, error, nothing, nothing].map((news) => opened.admit(key(0), news))).toEqual([
      true,
      true,
      true,
      false,
    ])
  })
})

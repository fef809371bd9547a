import { KafkaError } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import type { RecordDeserializationFailure } from '../../src/share/record-failure.js'
import { UndecodableRecords } from '../../src/share/undecodable-records.js'

const failureAt = (offset: number): RecordDeserializationFailure =>
  ({
    topic: 'orders',
    partition: 0,
    offset,
    error: new KafkaError(`offset ${offset}`),
  }) as unknown as RecordDeserializationFailure

describe('An undecodable record', () => {
  it('is told once, in order, and only while it is held', () => {
    const records = new UndecodableRecords()
    const settled: number[] = []
    const held = new Set([1, 2, 3])
    const engine = {
      holds: ({ offset }: { readonly offset: number }) => held.has(offset),
      settle: ({ offset }: { readonly offset: number }) => {
        settled.push(offset)
        return true
      },
    }
    records.add([1, 2, 3].map(failureAt))
    expect(() => records.throwNext(engine)).toThrow('offset 1')
    // Its lock ran out meanwhile: the group delivers it again.
    held.delete(2)
    expect(() => records.throwNext(engine)).toThrow('offset 3')
    records.throwNext(engine)
    records.releaseTold(engine)
    expect(settled).toEqual([1, 3])
    expect(records.find('orders', 0, 2)).toBeUndefined()
  })
})

import { KafkaError } from '@milena/client'
import { describe, expect, it } from 'vitest'
import { offsetsAcknowledged } from '../src/events.js'

const partition = { topicId: 'AAAAAAAAAAAAAAAAAAAAAA', topic: 'orders', partition: 2 }
const counts = { accept: 3, release: 0, reject: 0, renew: 0, gap: 0 }
const batches = [
  { firstOffset: 4, lastOffset: 5, acknowledgeTypes: [1] },
  { firstOffset: 9, lastOffset: 9, acknowledgeTypes: [1] },
]

const shown = (error: KafkaError | undefined) => {
  const event = offsetsAcknowledged({ partition, batches, counts, error })
  return { count: event?.count, line: event?.line.replace(/"timestamp":\d+/, '"timestamp":0') }
}

describe('The line of acknowledged offsets', () => {
  it('lists every offset, without an error where there is none', () => {
    expect(shown(undefined)).toEqual({
      count: 3,
      line: '{"timestamp":0,"name":"offsets_acknowledged","count":3,"partitions":[{"topic":"orders","partition":2,"count":3,"offsets":[4,5,9]}],"success":true}',
    })
  })

  it('tells a failure with its reason', () => {
    expect(shown(new KafkaError('The lock was lost.', { code: 'INVALID_RECORD_STATE' })).line).toContain(
      '"offsets":[4,5,9]}],"success":false,"error":"The lock was lost."}',
    )
  })

  it('leaves out what was given back, and is none where nothing else is left', () => {
    const partly = { firstOffset: 4, lastOffset: 7, acknowledgeTypes: [1, 2, 0, 2] }
    const wholly = { firstOffset: 8, lastOffset: 90, acknowledgeTypes: [2] }
    const event = offsetsAcknowledged({ partition, batches: [partly, wholly], counts, error: undefined })
    expect(event?.line).toContain('"count":2,"partitions":[{"topic":"orders","partition":2,"count":2,"offsets":[4,6]}]')
    expect(event?.count).toBe(2)
    expect(offsetsAcknowledged({ partition, batches: [wholly], counts, error: undefined })).toBeUndefined()
  })
})

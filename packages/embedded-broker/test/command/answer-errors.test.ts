import { describe, expect, it } from 'vitest'
import { errorsIn } from '../../src/command/answer-errors.js'

describe('The errors of an answer', () => {
  it('are found wherever they stand, by name', () => {
    const records = Buffer.alloc(1000, 7)
    expect(
      errorsIn({ errorCode: 0, responses: [{ partitions: [{ errorCode: 3, records, currentLeader: null }] }] }),
    ).toEqual(['UNKNOWN_TOPIC_OR_PARTITION'])
    expect(errorsIn({ errorCode: 121, responses: [{ partitions: [{ acknowledgeErrorCode: 121 }] }] })).toEqual([
      'INVALID_RECORD_STATE',
      'INVALID_RECORD_STATE',
    ])
    expect(errorsIn({ errorCode: 0, partitions: [1, 2, 3] })).toEqual([])
    expect(errorsIn(undefined)).toEqual([])
  })
})

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ErrorCode, errorMessageOf, errorName, isRetriable } from '@milena/protocol'

interface KafkaErrorCode {
  readonly code: number
  readonly name: string
  readonly retriable: boolean
}

const kafkas = JSON.parse(
  readFileSync(new URL('./golden/error-codes.json', import.meta.url), 'utf8'),
) as readonly KafkaErrorCode[]

describe('the error codes', () => {
  it('are those of Kafka 4.4: name, code, and whether trying again may help', () => {
    const ours = Object.entries(ErrorCode).map(([name, code]) => ({ code, name, retriable: isRetriable(code) }))
    expect(ours).toEqual(kafkas)
  })

  it('are found by their names, in the types too', () => {
    const lost: 121 = ErrorCode.INVALID_RECORD_STATE
    expect(lost).toBe(121)
    expect(errorName(121)).toBe('INVALID_RECORD_STATE')
    expect(errorName(-1)).toBe('UNKNOWN_SERVER_ERROR')
  })

  it('each have a sentence of their own', () => {
    const sentences = Object.values(ErrorCode).map(errorMessageOf)
    expect(new Set(sentences).size).toBe(sentences.length)
    for (const sentence of sentences) expect(sentence).toMatch(/^\S.*\.$/)
  })

  it('of a newer Kafka have a name, and are taken for final', () => {
    expect([errorName(9999), isRetriable(9999)]).toEqual(['ERROR_9999', false])
    expect(errorMessageOf(9999)).toContain('9999')
  })
})

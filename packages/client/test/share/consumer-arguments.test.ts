import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import {
  checkedReadOptions,
  readCloseOptions,
  readCommitOptions,
  readPollOptions,
} from '../../src/share/consumer-arguments.js'

const { signal } = new AbortController()

describe('What poll() is told', () => {
  it('is a number of milliseconds, or an object of time and signal', () => {
    expect(readPollOptions(500)).toEqual({ timeoutMs: 500 })
    expect(readPollOptions(Infinity)).toEqual({ timeoutMs: Infinity })
    expect(readPollOptions({ timeoutMs: 0, signal })).toEqual({ timeoutMs: 0, signal })
    expect(readPollOptions({})).toEqual({})
    expect(readPollOptions(undefined)).toEqual({})
  })

  it.each([
    [-1, /0 or more.*it was given the number -1\.$/],
    [Number.NaN, /it was given the number NaN\.$/],
    ['500', /it was given the text '500'\.$/],
    [null, /it was given null/],
    [[500], /it was given a list\.$/],
    [new AbortController().signal, /\{ timeoutMs, signal \}; it was given an AbortSignal, whose fields cannot be read/],
    [new Date(500), /it was given a Date/],
    [{ timeout: 5 }, /it was given 'timeout', which it does not know/],
    [{ timeoutMs: '5' }, /timeoutMs being a number of milliseconds, 0 or more; it was given the text '5'\.$/],
    [{ signal: 5 }, /signal being an AbortSignal .*it was given the number 5\.$/],
    [{ signal: {} }, /signal being an AbortSignal .*it was given an object\.$/],
    [{ signal: null }, /signal being an AbortSignal .*it was given null/],
  ])('is nothing else: %j', (given, message) => {
    expect(() => readPollOptions(given)).toThrow(message)
    expect(() => readPollOptions(given)).toThrow(KafkaUsageError)
  })
})

describe('What commitSync() and close() are told', () => {
  it.each([5_000, 'x', null, []])('is an object, and not %j', (given) => {
    expect(() => readCommitOptions(given)).toThrow(/such as commitSync\(\{ timeoutMs: 5000 \}\)/)
    expect(() => readCloseOptions(given)).toThrow(/such as close\(\{ timeoutMs: 5000 \}\)/)
  })

  it('has no signal where a wait has to end by itself', () => {
    expect(readCommitOptions({ timeoutMs: 1, signal })).toEqual({ timeoutMs: 1, signal })
    expect(() => readCloseOptions({ signal })).toThrow(/it was given 'signal'/)
  })
})

describe('What an iteration is told', () => {
  it('is a bound and a signal, and nothing else', () => {
    expect(checkedReadOptions({ maxInFlight: 5, signal })).toEqual({ maxInFlight: 5, signal })
    expect(() => checkedReadOptions(5)).toThrow(/records\(\) and batches\(\) take \{ maxInFlight, signal \}/)
    expect(() => checkedReadOptions({ max: 5 })).toThrow(/'max', which it does not know/)
    expect(() => checkedReadOptions({ signal: true })).toThrow(/signal being an AbortSignal/)
  })
})

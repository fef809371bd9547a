import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import {
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaProtocolError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
} from '@milena/protocol'

const classes = {
  KafkaError,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaTimeoutError,
  KafkaProtocolError,
  KafkaUsageError,
  KafkaUnsupportedVersionError,
}
const ofEachKind = {
  KafkaError: new KafkaError('m'),
  KafkaBrokerError: new KafkaBrokerError('m', { errorCode: 121 }),
  KafkaConnectionError: new KafkaConnectionError('m'),
  KafkaTimeoutError: new KafkaTimeoutError('m'),
  KafkaProtocolError: new KafkaProtocolError('m'),
  KafkaUsageError: new KafkaUsageError('m'),
  KafkaUnsupportedVersionError: new KafkaUnsupportedVersionError('m'),
}
type Kind = keyof typeof ofEachKind
const kinds = Object.keys(ofEachKind) as Kind[]

describe('errors', () => {
  for (const kind of kinds) {
    it(`of kind ${kind} are told apart, with the root above them all`, () => {
      const error = ofEachKind[kind]
      expect(error.name).toBe(kind)
      expect(String(error)).toBe(`${kind}: m`)
      expect(error).toBeInstanceOf(Error)
      expect(error).toBeInstanceOf(KafkaError)
      expect(kinds.filter((candidate) => classes[candidate].is(error))).toEqual(
        kind === 'KafkaError' ? [kind] : ['KafkaError', kind],
      )
    })

    it(`of kind ${kind} are recognised across two copies of the package`, async () => {
      vi.resetModules()
      const copy = await import('@milena/protocol')
      expect(copy[kind]).not.toBe(classes[kind])
      expect(ofEachKind[kind]).not.toBeInstanceOf(copy[kind])
      expect(copy[kind].is(ofEachKind[kind])).toBe(true)
      expect(copy.KafkaError.is(ofEachKind[kind])).toBe(true)
    })
  }

  it('are told apart by the types too', () => {
    const narrowed = (error: KafkaError): string => {
      if (KafkaTimeoutError.is(error)) return `timeout ${error.code}`
      if (KafkaConnectionError.is(error)) return `connection ${error.code}`
      return error.code
    }
    expect([ofEachKind.KafkaTimeoutError, ofEachKind.KafkaUsageError].map(narrowed)).toEqual([
      'timeout REQUEST_TIMED_OUT',
      'INVALID_USAGE',
    ])
    expectTypeOf(ofEachKind.KafkaUsageError).not.toExtend<KafkaTimeoutError>()
    expectTypeOf<KafkaError>().not.toExtend<KafkaUsageError>()
    expectTypeOf<KafkaUsageError>().toExtend<KafkaError>()
  })

  it('are not seen in other things', () => {
    for (const other of [
      new Error('m'),
      { code: 'INVALID_USAGE' },
      null,
      undefined,
      'KafkaError',
      7,
      () => undefined,
    ]) {
      expect(kinds.filter((kind) => classes[kind].is(other))).toEqual([])
    }
  })

  it('have a code and say whether trying again may help', () => {
    const said = Object.fromEntries(kinds.map((kind) => [kind, [ofEachKind[kind].code, ofEachKind[kind].retriable]]))
    expect(said).toEqual({
      KafkaError: ['UNKNOWN', false],
      KafkaBrokerError: ['INVALID_RECORD_STATE', false],
      KafkaConnectionError: ['NETWORK_EXCEPTION', true],
      KafkaTimeoutError: ['REQUEST_TIMED_OUT', true],
      KafkaProtocolError: ['MALFORMED_BYTES', false],
      KafkaUsageError: ['INVALID_USAGE', false],
      KafkaUnsupportedVersionError: ['UNSUPPORTED_VERSION', false],
    })
    expect(new KafkaConnectionError('m', { code: 'TLS_PORT', retriable: false })).toMatchObject({
      code: 'TLS_PORT',
      retriable: false,
    })
  })

  it('keep their cause, and have none when none was given', () => {
    const cause = new Error('why')
    expect(new KafkaTimeoutError('m', { cause }).cause).toBe(cause)
    expect('cause' in new KafkaTimeoutError('m', { cause: undefined })).toBe(false)
  })
})

describe('what a broker answers', () => {
  it('is told with API, code, meaning, and the words of the broker', () => {
    const error = KafkaBrokerError.of(16, { api: 'ShareGroupHeartbeat', detail: 'go to node 3' })
    expect(error).toMatchObject({
      errorCode: 16,
      errorName: 'NOT_COORDINATOR',
      code: 'NOT_COORDINATOR',
      api: 'ShareGroupHeartbeat',
      retriable: true,
    })
    expect(error.message).toBe(
      'The broker answered ShareGroupHeartbeat with NOT_COORDINATOR (16): The broker asked is not the coordinator of this group or transactional id. The broker says: go to node 3',
    )
  })

  it('is told without what is not known', () => {
    expect(KafkaBrokerError.of(9999, { detail: null }).message).toBe(
      'The broker answered with ERROR_9999 (9999): The broker answered with error code 9999, which this version does not know.',
    )
    expect(KafkaBrokerError.of(0).api).toBeUndefined()
  })
})

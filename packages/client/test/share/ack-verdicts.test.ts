import { ErrorCode, KafkaBrokerError, KafkaConnectionError, KafkaTimeoutError } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { AcknowledgementVerdicts, sessionLost } from '../../src/share/ack-verdicts.js'

const partition = { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 3 }
const other = { ...partition, partition: 4 }
const at = (now: number) => ({ now, lockDeadline: now + 30_000 })

describe('the verdict on acknowledgements', () => {
  it('is done without an error, with the new deadline of renewed ones', () => {
    expect(new AcknowledgementVerdicts(60_000).of(partition, ErrorCode.NONE, null, at(5))).toEqual({
      outcome: 'done',
      lockDeadline: 30_005,
    })
  })

  it.each([
    'INVALID_RECORD_STATE',
    'INVALID_REQUEST',
    'NOT_LEADER_OR_FOLLOWER',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'TOPIC_AUTHORIZATION_FAILED',
    'GROUP_AUTHORIZATION_FAILED',
    'UNKNOWN_SERVER_ERROR',
  ] as const)('is final for %s', (name) => {
    const verdict = new AcknowledgementVerdicts(60_000).of(partition, ErrorCode[name], 'as it is', at(0))
    expect(verdict).toMatchObject({ outcome: 'failed', error: { errorName: name } })
    if (verdict.outcome !== 'failed') throw new Error('it is not')
    expect(KafkaBrokerError.is(verdict.error)).toBe(true)
    expect(verdict.error.message).toContain('orders-3')
    expect(verdict.error.message).toContain('as it is')
  })

  it.each([
    'COORDINATOR_NOT_AVAILABLE',
    'COORDINATOR_LOAD_IN_PROGRESS',
    'REQUEST_TIMED_OUT',
    'KAFKA_STORAGE_ERROR',
  ] as const)(
    'lets them be sent again for %s until the time is up, and is then a timeout that names the cause',
    (name) => {
      const verdicts = new AcknowledgementVerdicts(60_000)
      expect(verdicts.of(partition, ErrorCode[name], null, at(1_000))).toEqual({ outcome: 'again' })
      expect(verdicts.of(partition, ErrorCode[name], null, at(60_999))).toEqual({ outcome: 'again' })
      const late = verdicts.of(partition, ErrorCode[name], null, at(61_000))
      expect(late).toMatchObject({ outcome: 'failed', error: { cause: { errorName: name } } })
      expect(late.outcome === 'failed' && KafkaTimeoutError.is(late.error)).toBe(true)
    },
  )

  it('counts the time of each partition by itself, and anew after a success', () => {
    const verdicts = new AcknowledgementVerdicts(1_000)
    verdicts.of(partition, ErrorCode.COORDINATOR_NOT_AVAILABLE, null, at(0))
    expect(verdicts.of(other, ErrorCode.COORDINATOR_NOT_AVAILABLE, null, at(5_000)).outcome).toBe('again')
    verdicts.of(partition, ErrorCode.NONE, null, at(500))
    expect(verdicts.of(partition, ErrorCode.COORDINATOR_NOT_AVAILABLE, null, at(9_000)).outcome).toBe('again')
  })

  it.each([
    [
      'a final error',
      (verdicts: AcknowledgementVerdicts) => verdicts.of(partition, ErrorCode.INVALID_RECORD_STATE, null, at(1)),
    ],
    ['an answer that left the partition out', (verdicts: AcknowledgementVerdicts) => verdicts.missing(partition)],
    ['a new session', (verdicts: AcknowledgementVerdicts) => verdicts.reset()],
  ])('counts the time anew after %s', (_, end) => {
    const verdicts = new AcknowledgementVerdicts(1_000)
    verdicts.of(partition, ErrorCode.COORDINATOR_NOT_AVAILABLE, null, at(0))
    end(verdicts)
    expect(verdicts.of(partition, ErrorCode.COORDINATOR_NOT_AVAILABLE, null, at(50_000)).outcome).toBe('again')
  })

  it('is INVALID_RECORD_STATE where the answer left the partition out', () => {
    expect(new AcknowledgementVerdicts(1).missing(partition)).toMatchObject({
      outcome: 'failed',
      error: { code: 'INVALID_RECORD_STATE' },
    })
  })
})

describe('the error of a lost session', () => {
  it('is a connection error with the code NETWORK_EXCEPTION, whatever ended the session', () => {
    const broker = KafkaBrokerError.of(ErrorCode.SHARE_SESSION_NOT_FOUND, {})
    for (const cause of [broker, new KafkaTimeoutError('late'), new Error('odd')]) {
      const error = sessionLost(2, cause)
      expect(KafkaConnectionError.is(error)).toBe(true)
      expect(error).toMatchObject({ code: 'NETWORK_EXCEPTION', cause })
      expect(error.message).toContain('broker 2')
    }
    const already = new KafkaConnectionError('gone')
    expect(sessionLost(2, already)).toBe(already)
  })
})

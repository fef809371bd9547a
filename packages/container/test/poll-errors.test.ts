import {
  ErrorCode,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
} from '@milena/protocol'
import { expect, test } from 'vitest'
import { sortPollError, stopReasonOf } from '../src/poll-errors.js'

test.each([
  ['a lost connection', new KafkaConnectionError('gone'), 'survived', 'ABNORMAL'],
  ['a request that took too long', new KafkaTimeoutError('late'), 'survived', 'ABNORMAL'],
  ['a coordinator that loads', KafkaBrokerError.of(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS), 'survived', 'ABNORMAL'],
  ['a topic without access', KafkaBrokerError.of(ErrorCode.TOPIC_AUTHORIZATION_FAILED), 'survived', 'ABNORMAL'],
  ['a group without access', KafkaBrokerError.of(ErrorCode.GROUP_AUTHORIZATION_FAILED), 'replaced', 'ABNORMAL'],
  ['a full group', KafkaBrokerError.of(ErrorCode.GROUP_MAX_SIZE_REACHED), 'replaced', 'ABNORMAL'],
  ['any other error of a program', new Error('unknown'), 'replaced', 'ABNORMAL'],
  ['something thrown that is no error', 'text', 'replaced', 'ABNORMAL'],
  ['refused credentials', KafkaBrokerError.of(ErrorCode.SASL_AUTHENTICATION_FAILED), 'fatal', 'ABNORMAL'],
  ['a request that the broker calls wrong', KafkaBrokerError.of(ErrorCode.INVALID_REQUEST), 'fatal', 'ABNORMAL'],
  ['a broker without share groups', new KafkaUnsupportedVersionError('too old'), 'fatal', 'ABNORMAL'],
  ['wrong configuration', new KafkaUsageError('no'), 'fatal', 'ABNORMAL'],
  ['a broken invariant', new KafkaError('bug', { code: 'BROKEN_INVARIANT' }), 'fatal', 'ERROR'],
  ['a fault of the language', new TypeError('undefined is not a function'), 'fatal', 'ERROR'],
  ['a failed assertion', Object.assign(new Error('assert'), { code: 'ERR_ASSERTION' }), 'fatal', 'ERROR'],
] as const)('%s: %#', (_name, error, verdict, reason) => {
  expect(sortPollError(error)).toBe(verdict)
  expect(stopReasonOf(error)).toBe(reason)
})

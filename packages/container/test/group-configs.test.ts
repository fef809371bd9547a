import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { resolveGroupConfigs } from '../src/group-configs.js'

describe('group settings', () => {
  test('are taken dotted or in camelCase, and become the texts that brokers take', () => {
    expect(
      resolveGroupConfigs(
        {
          'share.auto.offset.reset': 'earliest',
          shareRecordLockDurationMs: 20_000,
          'share.renew.acknowledge.enable': false,
          shareSessionTimeoutMs: undefined,
        },
        'Here',
      ),
    ).toEqual({
      'share.auto.offset.reset': 'earliest',
      'share.record.lock.duration.ms': '20000',
      'share.renew.acknowledge.enable': 'false',
    })
  })

  test('a dotted name that is not known here is left to the broker, which may be newer', () => {
    expect(resolveGroupConfigs({ 'share.something.new': 'x' }, 'Here')).toEqual({ 'share.something.new': 'x' })
  })

  test.each([
    [
      { shareAutoOfsetReset: 'latest' },
      "'shareAutoOfsetReset' is no group setting; did you mean 'shareAutoOffsetReset'?",
    ],
    [{ 'share.isolation.level': {} }, "'share.isolation.level' must be a text, a number, or true or false"],
    [
      { 'share.auto.offset.reset': 'latest', shareAutoOffsetReset: 'earliest' },
      "'share.auto.offset.reset' is given twice, with different values",
    ],
    ['earliest', 'groupConfigs must be an object of group settings'],
    [null, 'groupConfigs must be an object of group settings'],
  ])('%o is refused: %s', (given, told) => {
    expect(() => resolveGroupConfigs(given, 'Here')).toThrow(KafkaUsageError)
    expect(() => resolveGroupConfigs(given, 'Here')).toThrow(told)
  })

  test('the same value in both spellings is fine', () => {
    expect(
      resolveGroupConfigs({ 'share.auto.offset.reset': 'latest', shareAutoOffsetReset: 'latest' }, 'Here'),
    ).toEqual({ 'share.auto.offset.reset': 'latest' })
  })
})

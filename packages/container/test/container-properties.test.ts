import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { deprecationOf, readContainerProperties } from '../src/container-property-checks.js'
import { layContainerProperties, resolveContainerProperties } from '../src/container-property-layers.js'
import { REJECTING, RELEASING, type ContainerProperties } from '../src/index.js'

function refusal(given: unknown): string {
  try {
    readContainerProperties(given as ContainerProperties, "Container 'orders'")
  } catch (error) {
    expect(KafkaUsageError.is(error)).toBe(true)
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

describe('container properties', () => {
  test('have defaults for everything but the topics', () => {
    expect(resolveContainerProperties({})).toEqual({
      id: 'share-container',
      topics: [],
      groupId: undefined,
      clientIdBase: 'share-container',
      concurrency: 1,
      shareAckMode: 'EXPLICIT',
      shareAcknowledgmentTimeoutMs: 30_000,
      processingDeadlineMs: undefined,
      syncShareCommits: true,
      acknowledgementCommitCallback: undefined,
      maxInFlight: undefined,
      maxLockExtensionMs: undefined,
      pollTimeoutMs: 5000,
      consumerStartTimeoutMs: 30_000,
      shutdownTimeoutMs: 10_000,
      restartPolicy: 'replace',
      recoverer: REJECTING,
      recovererGiven: false,
      errorHandler: undefined,
      filter: undefined,
      recordContext: false,
      phase: 0,
      containerGroup: undefined,
      groupConfigs: {},
      info: undefined,
      properties: {},
    })
  })

  test('take one topic or several, each once', () => {
    expect(resolveContainerProperties({ topics: 'a' }).topics).toEqual(['a'])
    expect(resolveContainerProperties({ topics: ['b', 'a', 'b'] }).topics).toEqual(['b', 'a'])
  })

  test('take the group from the consumer settings too, by either name; groupId wins', () => {
    expect(resolveContainerProperties({ properties: { 'group.id': 'g' } }).groupId).toBe('g')
    expect(resolveContainerProperties({ properties: { groupId: 'g' } }).groupId).toBe('g')
    expect(resolveContainerProperties({ groupId: 'own', properties: { 'group.id': 'g' } }).groupId).toBe('own')
  })

  test('an unknown one is refused with the nearest and all legal names', () => {
    expect(refusal({ concurency: 2 })).toMatch(
      /^Container 'orders': 'concurency' is not a container property; did you mean 'concurrency'\? Known are: id, topics, groupId/,
    )
  })

  test("one of Spring's that share groups cannot have is refused with the reason", () => {
    expect(refusal({ ackMode: 'BATCH' })).toContain("'ackMode' cannot be set: records are acknowledged one by one")
    expect(refusal({ commonErrorHandler: {} })).toContain('use shareConsumerRecordRecoverer')
    expect(refusal({ topicPattern: 'o.*' })).toContain('list them in topics')
    expect(refusal({ topics: /o.*/ })).toContain('topics cannot be a pattern')
    expect(refusal({ topics: ['a', /o.*/] })).toContain('topics cannot be a pattern')
  })

  test.each([
    [{ concurrency: 0 }, 'concurrency must be 1 or more'],
    [{ concurrency: '3x' }, 'concurrency must be a whole number'],
    [{ concurrency: '0' }, 'concurrency must be 1 or more'],
    [{ maxInFlight: 1.5 }, 'maxInFlight must be a whole number'],
    [{ groupId: '  ' }, 'groupId must not be empty'],
    [{ topics: [] }, 'topics must name at least one topic'],
    [{ topics: 5 }, 'topics must be a topic name or a list of them'],
    [{ shutdownTimeoutMs: -1 }, 'shutdownTimeoutMs must not be negative'],
    [{ consumerStartTimeoutMs: 0 }, 'consumerStartTimeoutMs must be 1 or more'],
    [{ restartPolicy: 'always' }, "restartPolicy must be 'replace' or 'never'"],
    [{ shareAckMode: 'AUTO' }, 'shareAckMode must be one of EXPLICIT, MANUAL, IMPLICIT'],
    [
      { shareConsumerRecordRecoverer: 'REJECT' },
      'shareConsumerRecordRecoverer must be a function (record, error) => answer',
    ],
    [{ errorHandler: {} }, 'errorHandler must be a function (record, error, { logger, acknowledgment })'],
    [{ filter: true }, 'filter must be a function (record) => true to deliver it'],
    [{ acknowledgementCommitCallback: 'log' }, 'acknowledgementCommitCallback must be a function (verdict)'],
    [{ phase: 0.5 }, 'phase must be a whole number'],
    [{ pollTimeoutMs: 0 }, 'pollTimeoutMs must be 1 or more'],
    [{ shareAcknowledgmentTimeoutMs: 0 }, 'shareAcknowledgmentTimeoutMs must be 1 or more'],
    [{ processingDeadlineMs: Infinity }, 'processingDeadlineMs must be a number of milliseconds'],
    [{ recordContext: 1 }, 'recordContext must be true or false'],
    [{ explicitShareAcknowledgment: 'yes' }, 'explicitShareAcknowledgment must be true or false'],
    [{ kafkaConsumerProperties: 'a=b' }, 'kafkaConsumerProperties must be an object of consumer settings'],
    [{ properties: [] }, 'properties must be an object of consumer settings'],
    [{ containerGroup: '' }, 'containerGroup must not be empty'],
    [{ groupConfigs: { 'share.isolation.level': null } }, "'share.isolation.level' must be a text"],
    [{ topics: 'what is this' }, "'what is this' is not a legal topic name"],
    [{ topics: ['fine', '..'] }, "'..' is not a legal topic name"],
    [{ shareAckMode: 'RECORD' }, 'RECORD is a mode of offset commits, and records are acknowledged one by one'],
    [{ syncShareCommits: 'no' }, 'syncShareCommits must be true or false'],
  ])('%o is refused: %s', (given, told) => {
    expect(refusal(given)).toContain(told)
  })

  test('concurrency and maxInFlight may be texts, as they come from an environment', () => {
    expect(resolveContainerProperties({ concurrency: '10', maxInFlight: ' 5 ' })).toMatchObject({
      concurrency: 10,
      maxInFlight: 5,
    })
  })

  test('all that is wrong is told at once', () => {
    expect(refusal({ concurrency: 0, groupId: '' })).toMatch(/groupId must not be empty; concurrency must be 1 or more/)
  })

  test('what lies over wins where it is set; consumer settings are merged by name', () => {
    const base = { groupId: 'base', concurrency: 2, properties: { 'max.poll.records': 5, 'check.crcs': false } }
    const over = { groupId: undefined, concurrency: 3, properties: { 'max.poll.records': 7 } }
    expect(layContainerProperties(base, over, 'Here')).toMatchObject({
      groupId: 'base',
      concurrency: 3,
      properties: { 'max.poll.records': 7, 'check.crcs': false },
    })
    expect(base.properties).toEqual({ 'max.poll.records': 5, 'check.crcs': false })
  })

  test('a group or client id among the consumer settings counts where it was said: nearer to the listener wins', () => {
    const base = { groupId: 'base', clientId: 'base', maxInFlight: 3 }
    const over = { properties: { 'group.id': 'over', clientId: 'over', maxInFlight: 7 } }
    expect(resolveContainerProperties(layContainerProperties(base, over, 'Here'))).toMatchObject({
      groupId: 'over',
      clientIdBase: 'over',
      maxInFlight: 7,
      properties: {},
    })
  })

  test("an endpoint's prefix of client ids beats the client id of its factory", () => {
    const laid = layContainerProperties({ clientId: 'factory' }, { id: 'orders', clientIdPrefix: 'mine' }, 'Here')
    expect(resolveContainerProperties(laid).clientIdBase).toBe('mine')
  })

  test('group settings are merged by name, whichever way each is spelt', () => {
    const base = { groupConfigs: { shareAutoOffsetReset: 'latest', shareDeliveryCountLimit: 3 } } as const
    const over = { groupConfigs: { 'share.auto.offset.reset': 'earliest' } } as const
    expect(resolveContainerProperties(layContainerProperties(base, over, 'Here')).groupConfigs).toEqual({
      'share.auto.offset.reset': 'earliest',
      'share.delivery.count.limit': '3',
    })
  })

  test("consumer settings may be given under Spring's name, kafkaConsumerProperties", () => {
    expect(resolveContainerProperties({ kafkaConsumerProperties: { 'max.poll.records': 5 } }).properties).toEqual({
      'max.poll.records': 5,
    })
    const both = { properties: { 'check.crcs': false }, kafkaConsumerProperties: { 'max.poll.records': 5 } }
    expect(resolveContainerProperties(both).properties).toEqual({ 'check.crcs': false, 'max.poll.records': 5 })
  })

  test('one setting under both names with different values is refused', () => {
    expect(refusal({ properties: { a: 1 }, kafkaConsumerProperties: { a: 2 } })).toMatch(
      /^Container 'orders': 'a' is set in properties and in kafkaConsumerProperties, with different values/,
    )
    expect(resolveContainerProperties({ properties: { a: 1 }, kafkaConsumerProperties: { a: 1 } }).properties).toEqual({
      a: 1,
    })
  })

  test('one setting by two names is one setting: refused with different values, wherever they stand', () => {
    const text = /'maxPollRecords' and 'max.poll.records' are two names of one setting, and have different values/
    expect(refusal({ properties: { maxPollRecords: 5, 'max.poll.records': 6 } })).toMatch(text)
    expect(refusal({ properties: { maxPollRecords: 5 }, kafkaConsumerProperties: { 'max.poll.records': 6 } })).toMatch(
      text,
    )
    const same = { properties: { maxPollRecords: 5 }, kafkaConsumerProperties: { 'max.poll.records': 5 } }
    expect(resolveContainerProperties(same).properties).toEqual({ 'max.poll.records': 5 })
  })

  test('explicitShareAcknowledgment still stands for a mode, is deprecated, and must not contradict shareAckMode', () => {
    expect(resolveContainerProperties({ explicitShareAcknowledgment: false }).shareAckMode).toBe('EXPLICIT')
    expect(deprecationOf({ explicitShareAcknowledgment: true }, 'Here')).toBe(
      "Here: explicitShareAcknowledgment is deprecated. Replace it by shareAckMode: 'MANUAL', which true stands for.",
    )
    expect(deprecationOf({ explicitShareAcknowledgment: false }, 'Here')).toContain("shareAckMode: 'EXPLICIT'")
    expect(deprecationOf({ shareAckMode: 'EXPLICIT' }, 'Here')).toBeUndefined()
    expect(refusal({ explicitShareAcknowledgment: false, shareAckMode: 'MANUAL' })).toMatch(
      /explicitShareAcknowledgment: false stands for shareAckMode EXPLICIT, but shareAckMode is MANUAL/,
    )
  })

  test('resolved ones are frozen', () => {
    const resolved = resolveContainerProperties({ topics: ['a'], properties: { a: 1 }, groupConfigs: {} })
    for (const part of [resolved, resolved.topics, resolved.properties, resolved.groupConfigs]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test('the recoverer given is the one used', () => {
    expect(resolveContainerProperties({ shareConsumerRecordRecoverer: RELEASING })).toMatchObject({
      recoverer: RELEASING,
      recovererGiven: true,
    })
    expect(resolveContainerProperties({ shareConsumerRecordRecoverer: REJECTING }).recovererGiven).toBe(false)
  })
})

import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import {
  checkContainerProperties,
  layContainerProperties,
  resolveContainerProperties,
} from '../src/container-properties.js'
import { REJECTING, RELEASING, type ContainerProperties } from '../src/index.js'

function refusal(given: unknown): string {
  try {
    checkContainerProperties(given as ContainerProperties, "Container 'orders'")
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
      syncShareCommits: true,
      maxInFlight: undefined,
      maxLockExtensionMs: undefined,
      consumerStartTimeoutMs: 30_000,
      shutdownTimeoutMs: 10_000,
      restartPolicy: 'replace',
      recoverer: REJECTING,
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
      /^Container 'orders': 'concurency' is not a container property; did you mean 'concurrency'\? The properties are: id, topics, groupId/,
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
    [{ concurrency: '3' }, 'concurrency must be a whole number'],
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
    [{ syncShareCommits: 'no' }, 'syncShareCommits must be true or false'],
  ])('%o is refused: %s', (given, told) => {
    expect(refusal(given)).toContain(told)
  })

  test('all that is wrong is told at once', () => {
    expect(refusal({ concurrency: 0, groupId: '' })).toMatch(/groupId must not be empty; concurrency must be 1 or more/)
  })

  test('what lies over wins where it is set; consumer settings are merged by name', () => {
    const base = { groupId: 'base', concurrency: 2, properties: { 'max.poll.records': 5, 'check.crcs': false } }
    const over = { groupId: undefined, concurrency: 3, properties: { 'max.poll.records': 7 } }
    expect(layContainerProperties(base, over)).toEqual({
      groupId: 'base',
      concurrency: 3,
      properties: { 'max.poll.records': 7, 'check.crcs': false },
    })
    expect(base.properties).toEqual({ 'max.poll.records': 5, 'check.crcs': false })
  })

  test('the recoverer given is the one used', () => {
    expect(resolveContainerProperties({ shareConsumerRecordRecoverer: RELEASING }).recoverer).toBe(RELEASING)
  })
})

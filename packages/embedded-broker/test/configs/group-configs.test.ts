import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import type { ShareGroupSettings } from '../../src/configs/cluster-configs.js'
import { GroupConfigs } from '../../src/configs/group-configs.js'
import { versionProfile } from '../../src/version-profile.js'
import { configsWorld } from './configs-world.js'

const defaults: ShareGroupSettings = {
  autoOffsetReset: { kind: 'latest' },
  isolationLevel: 'read_uncommitted',
  recordLockDurationMs: 30_000,
  sessionTimeoutMs: 45_000,
  heartbeatIntervalMs: 5000,
  deliveryCountLimit: 5,
  partitionMaxRecordLocks: 2000,
  renewAcknowledgeEnable: true,
  assignmentIntervalMs: 1000,
  deadLetterTopic: undefined,
  deadLetterCopyRecord: false,
}

describe('The settings of a share group', () => {
  it.each(['4.1', '4.2', '4.3', '4.4'] as const)('are those of the broker until they are set, in %s', (version) => {
    expect(configsWorld({ version }).configs.shareGroup('g')).toEqual(defaults)
  })

  it('follow what is set on the group, and go back to the default', () => {
    const { configs, group } = configsWorld({ serverProperties: { 'group.share.min.record.lock.duration.ms': '1000' } })
    const set: readonly (readonly [string, string, Partial<ShareGroupSettings>])[] = [
      ['share.auto.offset.reset', 'earliest', { autoOffsetReset: { kind: 'earliest' } }],
      [
        'share.auto.offset.reset',
        'by_duration:PT1H',
        { autoOffsetReset: { kind: 'byDuration', durationMs: 3_600_000 } },
      ],
      ['share.isolation.level', 'read_committed', { isolationLevel: 'read_committed' }],
      ['share.record.lock.duration.ms', '1000', { recordLockDurationMs: 1000 }],
      ['share.session.timeout.ms', '50000', { sessionTimeoutMs: 50_000 }],
      ['share.heartbeat.interval.ms', '6000', { heartbeatIntervalMs: 6000 }],
      ['share.delivery.count.limit', '10', { deliveryCountLimit: 10 }],
      ['share.partition.max.record.locks', '100', { partitionMaxRecordLocks: 100 }],
      ['share.renew.acknowledge.enable', 'false', { renewAcknowledgeEnable: false }],
      ['share.assignment.interval.ms', '0', { assignmentIntervalMs: 0 }],
      ['errors.deadletterqueue.topic.name', 'dlq.orders', { deadLetterTopic: 'dlq.orders' }],
      ['errors.deadletterqueue.topic.name', '  ', {}],
      ['errors.deadletterqueue.copy.record.enable', 'true', { deadLetterCopyRecord: true }],
    ]
    for (const [name, value, changed] of set) {
      expect(group(name, value)).toBeUndefined()
      expect(configs.shareGroup('g')).toEqual({ ...defaults, ...changed })
      expect(configs.shareGroup('another')).toEqual(defaults)
      group(name, null)
      expect(configs.shareGroup('g')).toEqual(defaults)
    }
  })

  it('are the same object as long as nothing changes', () => {
    const { configs, group, broker } = configsWorld()
    const before = configs.shareGroup('g')
    expect(configs.shareGroup('g')).toBe(before)
    group('share.delivery.count.limit', '7')
    const after = configs.shareGroup('g')
    expect(after).not.toBe(before)
    expect(configs.shareGroup('g')).toBe(after)
    broker('group.share.assignment.interval.ms', '500')
    expect(configs.shareGroup('g')).toMatchObject({ deliveryCountLimit: 7, assignmentIntervalMs: 500 })
  })

  it('do not pile up in memory for groups that are only asked for', () => {
    const { configs } = configsWorld()
    const first = configs.shareGroup('g0')
    for (let i = 1; i < 3000; i++) configs.shareGroup(`g${i}`)
    expect(configs.shareGroup('g0')).not.toBe(first)
    expect(configs.shareGroup('g0')).toEqual(defaults)
  })

  // KIP-1240: a value was stored, and then the cluster was started again with other bounds.
  it.each(['4.3', '4.4'] as const)('stay within the bounds as they are now, in %s', (version) => {
    const given = new Map([
      ['group.share.max.delivery.count.limit', '25'],
      ['group.share.min.record.lock.duration.ms', '1000'],
    ])
    const { configs } = configsWorld({ version })
    const groups = new GroupConfigs(versionProfile(version), {
      value: (name) => given.get(name) ?? configs.brokerString(name),
      synonyms: () => [],
    })
    const set = (name: string, value: string) =>
      groups.change('g', [{ name, operation: 'set', value }], { validateOnly: false })
    expect(set('share.delivery.count.limit', '25')).toBeUndefined()
    expect(set('share.record.lock.duration.ms', '1000')).toBeUndefined()
    expect(groups.shareGroup('g')).toMatchObject({ deliveryCountLimit: 25, recordLockDurationMs: 1000 })
    given.clear()
    groups.brokersChanged()
    expect(groups.shareGroup('g')).toMatchObject({ deliveryCountLimit: 10, recordLockDurationMs: 15_000 })
    expect(groups.describe('g').find(({ name }) => name === 'share.delivery.count.limit')?.value).toBe('25')
  })

  it('were not held within changed bounds before 4.3', () => {
    let lowest = '1000'
    const { configs } = configsWorld({ version: '4.2' })
    const groups = new GroupConfigs(versionProfile('4.2'), {
      value: (name) => (name === 'group.share.min.record.lock.duration.ms' ? lowest : configs.brokerString(name)),
      synonyms: () => [],
    })
    const change = { name: 'share.record.lock.duration.ms', operation: 'set' as const, value: '1000' }
    groups.change('g', [change], { validateOnly: false })
    lowest = '15000'
    groups.brokersChanged()
    expect(groups.shareGroup('g').recordLockDurationMs).toBe(1000)
  })
})

describe('A configuration of a group', () => {
  const range = (name: string, min: number, max: number) => ({ name, min, max })
  it.each([
    range('share.session.timeout.ms', 45_000, 60_000),
    range('share.heartbeat.interval.ms', 5000, 15_000),
    range('share.record.lock.duration.ms', 15_000, 60_000),
    range('share.delivery.count.limit', 2, 10),
    range('share.partition.max.record.locks', 100, 4000),
    range('share.assignment.interval.ms', 0, 15_000),
    range('consumer.session.timeout.ms', 45_000, 60_000),
    range('consumer.heartbeat.interval.ms', 5000, 15_000),
    range('consumer.assignment.interval.ms', 0, 15_000),
  ])('$name lies between $min and $max with the default bounds', ({ name, min, max }) => {
    const { group } = configsWorld()
    expect(group(name, String(min))).toBeUndefined()
    expect(group(name, String(max))).toBeUndefined()
    expect(group(name, String(max + 1))).toBe(`${name} must be in the range ${min} to ${max} inclusive.`)
    expect(group(name, String(min - 1))).toMatch(/must be in the range|Value must be at least/)
  })

  it.each(['4.1', '4.2', '4.3'] as const)('names the bound that it does not keep, in %s', (version) => {
    const { group } = configsWorld({ version })
    expect(group('share.session.timeout.ms', '44999')).toBe(
      'share.session.timeout.ms must be greater than or equal to group.share.min.session.timeout.ms',
    )
    expect(group('share.session.timeout.ms', '60001')).toBe(
      'share.session.timeout.ms must be less than or equal to group.share.max.session.timeout.ms',
    )
  })

  it('is bounded by what the broker was started with', () => {
    const { group } = configsWorld({
      serverProperties: {
        'group.share.min.record.lock.duration.ms': '1000',
        'group.share.max.record.lock.duration.ms': '3600000',
      },
    })
    expect(group('share.record.lock.duration.ms', '1000')).toBeUndefined()
    expect(group('share.record.lock.duration.ms', '3600000')).toBeUndefined()
    expect(group('share.record.lock.duration.ms', '999')).toBe(
      'Invalid value 999 for configuration share.record.lock.duration.ms: Value must be at least 1000',
    )
  })

  it.each([
    ['share.auto.offset.reset', 'by_duration:1h', /The value must be either 'earliest', 'latest' or of the format/],
    ['share.auto.offset.reset', 'by_duration:-PT1H', /The value must be either/],
    ['share.auto.offset.reset', 'EARLIEST', /The value must be either/],
    ['share.auto.offset.reset', 'none', /The value must be either/],
    ['share.isolation.level', 'READ_COMMITTED', /String must be one of: read_committed, read_uncommitted$/],
    ['share.renew.acknowledge.enable', 'yes', /Expected value to be either true or false$/],
    ['share.delivery.count.limit', 'five', /Not a number of type INT$/],
    ['errors.deadletterqueue.topic.name', '__dlq', /DLQ topic name must not start with '__'$/],
    ['nope', '1', /^Unknown group config name: nope$/],
  ])('%s cannot be %j', (name, value, message) => {
    expect(configsWorld().group(name, value)).toMatch(message)
  })

  it('may name a dead-letter topic that does not exist and never can', () => {
    expect(configsWorld().group('errors.deadletterqueue.topic.name', 'a b')).toBeUndefined()
  })

  it('keeps the session longer than the heartbeats are apart', () => {
    const serverProperties = { 'group.share.min.session.timeout.ms': '1000' }
    const { group } = configsWorld({ serverProperties })
    expect(group('share.session.timeout.ms', '5000')).toBe(
      'share.session.timeout.ms must be greater than share.heartbeat.interval.ms',
    )
    expect(group('share.session.timeout.ms', '5001')).toBeUndefined()
  })

  it('that did not exist in a release is unknown there', () => {
    const since = {
      'share.delivery.count.limit': '4.3',
      'share.partition.max.record.locks': '4.3',
      'share.renew.acknowledge.enable': '4.3',
      'share.assignment.interval.ms': '4.3',
      'errors.deadletterqueue.topic.name': '4.4',
      'errors.deadletterqueue.copy.record.enable': '4.4',
      'share.auto.offset.reset': '4.1',
      'share.record.lock.duration.ms': '4.1',
    } as const
    for (const version of ['4.1', '4.2', '4.3', '4.4'] as const) {
      const names = configsWorld({ version })
        .configs.describe({ kind: 'group', name: 'g' })
        .map(({ name }) => name)
      for (const [name, first] of Object.entries(since))
        expect([name, names.includes(name)]).toEqual([name, version >= first])
    }
    expect(configsWorld({ version: '4.2' }).group('share.delivery.count.limit', '7')).toBe(
      'Unknown group config name: share.delivery.count.limit',
    )
  })

  it('is told with where it comes from', () => {
    const { configs, group } = configsWorld({ serverProperties: { 'group.share.delivery.count.limit': '4' } })
    const limit = () =>
      configs.describe({ kind: 'group', name: 'g' }).find(({ name }) => name === 'share.delivery.count.limit')
    const ofBroker = { name: 'group.share.delivery.count.limit' }
    const brokers = [
      { ...ofBroker, value: '4', source: 4 },
      { ...ofBroker, value: '5', source: 5 },
    ]
    expect(limit()).toMatchObject({ value: '4', configSource: 4, readOnly: false, configType: 3, synonyms: brokers })
    group('share.delivery.count.limit', '7')
    expect(limit()).toMatchObject({
      value: '7',
      configSource: 8,
      synonyms: [{ name: 'share.delivery.count.limit', value: '7', source: 8 }, ...brokers],
    })
  })

  it('is kept for many groups, and refused for more until others are taken back', () => {
    const { configs } = configsWorld()
    const values = { 'share.isolation.level': 'read_committed' }
    for (let i = 0; i < 10_000; i++) configs.setGroup(`g${i}`, values)
    expect(() => configs.setGroup('one-more', values)).toThrow(/keeps configurations of 10000 groups/)
    configs.setGroup('g7', { 'share.isolation.level': null })
    configs.setGroup('one-more', values)
    configs.setGroup('g8', { 'share.auto.offset.reset': 'earliest' })
    expect(configs.configuredGroups).toHaveLength(10_000)
  })

  it('can be set from a test, in words that say what was wrong', () => {
    const { configs } = configsWorld()
    configs.setGroup('g', { 'share.auto.offset.reset': 'earliest', 'share.isolation.level': 'read_committed' })
    configs.setGroup('g', { 'share.isolation.level': null })
    expect(configs.shareGroup('g')).toMatchObject({
      autoOffsetReset: { kind: 'earliest' },
      isolationLevel: 'read_uncommitted',
    })
    expect(configs.configuredGroups).toEqual(['g'])
    expect(() => configs.setGroup('g', { 'share.auto.offset.reset': 'soon' })).toThrow(KafkaUsageError)
    configs.setGroup('g', { 'share.auto.offset.reset': null })
    expect(configs.configuredGroups).toEqual([])
  })
})

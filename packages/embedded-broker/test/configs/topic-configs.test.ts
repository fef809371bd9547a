import { describe, expect, it } from 'vitest'
import { configsWorld } from './configs-world.js'

const orders = { kind: 'topic', name: 'orders' } as const

describe('A configuration of a topic', () => {
  it('is its own, else that of the broker', () => {
    const { configs, topic, broker } = configsWorld({ serverProperties: { 'log.retention.bytes': '1000' } })
    const value = () => configs.topicValue('orders', 'retention.bytes')
    expect(value()).toBe('1000')
    broker('log.retention.bytes', '2000')
    expect(value()).toBe('2000')
    topic('retention.bytes', '3000')
    expect(value()).toBe('3000')
    expect(configs.topicValue('others', 'retention.bytes')).toBe('2000')
    topic('retention.bytes', null)
    expect(value()).toBe('2000')
  })

  it.each([
    [{}, '604800000'],
    [{ 'log.retention.hours': '2' }, '7200000'],
    [{ 'log.retention.hours': '2', 'log.retention.minutes': '3' }, '180000'],
    [{ 'log.retention.hours': '2', 'log.retention.minutes': '3', 'log.retention.ms': '4' }, '4'],
  ])('takes the retention from the most exact of the settings of the broker: %j', (serverProperties, value) => {
    expect(configsWorld({ serverProperties }).configs.topicValue('orders', 'retention.ms')).toBe(value)
  })

  it('that is a list can be added to and taken from', () => {
    const { configs, topic } = configsWorld()
    const value = () => configs.topicValue('orders', 'cleanup.policy')
    topic('cleanup.policy', 'compact', 'append')
    expect(value()).toBe('delete,compact')
    topic('cleanup.policy', 'compact', 'append')
    expect(value()).toBe('delete,compact')
    topic('cleanup.policy', 'delete', 'subtract')
    expect(value()).toBe('compact')
    expect(topic('retention.ms', '1', 'append')).toBe("Can't APPEND to key retention.ms because its type is not LIST.")
    expect(topic('retention.ms', '1', 'subtract')).toBe(
      "Can't SUBTRACT from key retention.ms because its type is not LIST.",
    )
  })

  it.each([
    ['nope', '1', 'Unknown topic config name: nope'],
    ['cleanup.policy', 'shred', /String must be one of: compact, delete$/],
    ['segment.bytes', '1', /Value must be at least 1048576$/],
    ['compression.gzip.level', '0', /Value must be between 1 and 9 or equal to -1$/],
    ['compression.type', 'brotli', /String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer$/],
    ['leader.replication.throttled.replicas', 'x', /^Invalid value \[x\] for .* must be the literal '\*' or a list/],
    ['remote.storage.enable', 'true', /^Tiered Storage functionality is disabled/],
    ['max.compaction.lag.ms', '0', /Value must be at least 1$/],
  ])('%s cannot be %j', (name, value, message) => {
    const { configs, topic } = configsWorld()
    const before = configs.describe(orders)
    expect(topic(name, value)).toMatch(message)
    expect(configs.describe(orders)).toEqual(before)
  })

  it('must fit to the others, together with what it has already', () => {
    const { topic } = configsWorld()
    expect(topic('min.compaction.lag.ms', '10')).toBeUndefined()
    expect(topic('max.compaction.lag.ms', '9')).toBe(
      'conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (9)',
    )
  })

  it('is changed with others or not at all', () => {
    const { configs } = configsWorld()
    const set = (name: string, value: string | null) => ({ name, operation: 'set' as const, value })
    const change = (...changes: readonly ReturnType<typeof set>[]) =>
      configs.change(orders, changes, { validateOnly: false })?.errorMessage
    expect(change(set('retention.ms', '1'), set('retention.bytes', 'x'))).toMatch(/^Invalid value x/)
    expect(change(set('retention.ms', '1'), set('retention.ms', '2'))).toBe('Error due to duplicate config keys')
    expect(change(set('retention.ms', '1'), set('segment.ms', null))).toBe('Null value not supported for : segment.ms')
    expect(configs.topicValue('orders', 'retention.ms')).toBe('604800000')
  })

  it('is gone when all are replaced without it', () => {
    const { configs, topic } = configsWorld()
    topic('retention.ms', '1')
    configs.change(orders, new Map([['segment.ms', '700000']]), { validateOnly: false })
    const own = configs.describe(orders).filter(({ configSource }) => configSource === 1)
    expect(own.map(({ name, value }) => [name, value])).toEqual([['segment.ms', '700000']])
  })

  it('is told with its synonyms', () => {
    const { configs, topic } = configsWorld({ serverProperties: { 'log.cleanup.policy': 'compact' } })
    topic('cleanup.policy', 'delete')
    const described = configs.describe(orders)
    expect(described.map(({ name }) => name)).toEqual(described.map(({ name }) => name).toSorted())
    expect(described.find(({ name }) => name === 'cleanup.policy')).toEqual({
      name: 'cleanup.policy',
      value: 'delete',
      readOnly: false,
      configSource: 1,
      isSensitive: false,
      configType: 7,
      synonyms: [
        { name: 'cleanup.policy', value: 'delete', source: 1 },
        { name: 'log.cleanup.policy', value: 'compact', source: 4 },
        { name: 'log.cleanup.policy', value: 'delete', source: 5 },
      ],
    })
  })

  it('for dead-letter topics came with 4.4', () => {
    const flag = 'errors.deadletterqueue.group.enable'
    expect(configsWorld({ version: '4.3' }).topic(flag, 'true')).toBe(`Unknown topic config name: ${flag}`)
    expect(configsWorld({ version: '4.3' }).configs.topicValue('orders', flag)).toBe('false')
    const { configs, topic } = configsWorld()
    topic(flag, 'true')
    expect(configs.topicValue('orders', flag)).toBe('true')
  })
})

import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { configsWorld } from './configs-world.js'

describe('The configurations of the brokers', () => {
  it.each([
    ['group.share.delivery.count.limit', 5, 2, 10],
    ['group.share.record.lock.duration.ms', 30_000, 15_000, 60_000],
    ['group.share.min.record.lock.duration.ms', 15_000, 1000, 30_000],
    ['group.share.max.record.lock.duration.ms', 60_000, 30_000, 3_600_000],
    ['group.share.partition.max.record.locks', 2000, 100, 4000],
    ['group.share.min.partition.max.record.locks', 100, 100, 2000],
    ['group.share.max.partition.max.record.locks', 4000, 2000, 10_000],
    ['group.share.min.delivery.count.limit', 2, 2, 5],
    ['group.share.max.delivery.count.limit', 10, 5, 25],
    ['group.share.session.timeout.ms', 45_000, 45_000, 60_000],
    ['group.share.heartbeat.interval.ms', 5000, 5000, 15_000],
    ['group.share.max.size', 200, 1, 1000],
    ['group.share.max.share.sessions', 2000, 200, 2_147_483_647],
    ['group.share.assignment.interval.ms', 1000, 0, 15_000],
    ['share.fetch.purgatory.purge.interval.requests', 1000, 1, 2_147_483_647],
    ['group.share.initialize.retry.interval.ms', 30_000, 1, 2_147_483_647],
    ['share.coordinator.state.topic.num.partitions', 50, 1, 2_147_483_647],
    ['share.coordinator.state.topic.replication.factor', 3, 1, 32_767],
    ['share.coordinator.state.topic.min.isr', 2, 1, 32_767],
  ])('%s is %d and may be from %d to %d', (name, value, min, max) => {
    expect(configsWorld().configs.brokerNumber(name)).toBe(value)
    for (const allowed of [min, max]) {
      expect(configsWorld({ serverProperties: { [name]: String(allowed) } }).configs.brokerNumber(name)).toBe(allowed)
    }
    expect(() => configsWorld({ serverProperties: { [name]: String(max + 1) } })).toThrow(KafkaUsageError)
    if (name !== 'share.fetch.purgatory.purge.interval.requests') {
      expect(() => configsWorld({ serverProperties: { [name]: String(min - 1) } })).toThrow(KafkaUsageError)
    }
  })

  it('have the defaults of Kafka', () => {
    const { configs } = configsWorld()
    expect(configs.brokerBoolean('auto.create.topics.enable')).toBe(true)
    expect(configs.brokerString('group.share.assignors')).toBe('simple')
    expect(configs.brokerString('errors.deadletterqueue.topic.name.prefix')).toBe('dlq.')
    expect(configs.brokerBoolean('errors.deadletterqueue.auto.create.topics.enable')).toBe(false)
    expect(configs.brokerNumber('num.partitions')).toBe(1)
    expect(configs.brokerNumber('fetch.max.bytes')).toBe(57_671_680)
    expect(configs.brokerNumber('message.max.bytes')).toBe(1_048_588)
    expect(configs.brokerNumber('socket.request.max.bytes')).toBe(104_857_600)
    expect(configs.brokerNumber('transaction.max.timeout.ms')).toBe(900_000)
    expect(configs.brokerNumber('group.initial.rebalance.delay.ms')).toBe(3000)
    expect(configs.brokerNumber('log.retention.ms')).toBeNaN()
  })

  it.each([
    [{ 'group.share.delivery.cuont.limit': '3' }, /has no configuration "group.share.delivery.cuont.limit"/],
    [{ 'share.delivery.count.limit': '3' }, /Did you mean group.share.delivery.count.limit/],
    [{ 'num.partitions': 'many' }, /Invalid value many for configuration num.partitions: Not a number of type INT/],
    [{ 'num.partitions': '0' }, /Value must be at least 1/],
    [{ listeners: 'PLAINTEXT://:9092' }, /Use the options host, port and advertisedHost/],
    [{ 'node.id': '7' }, /Use the option brokers/],
    [{ 'sasl.enabled.mechanisms': 'PLAIN' }, /Use the option security/],
    [{ 'log.dirs': '/tmp' }, /keeps everything in memory/],
    [
      { 'group.share.session.timeout.ms': '30000' },
      /group.share.min.session.timeout.ms must be less than or equal to group.share.session.timeout.ms/,
    ],
    [
      { 'group.share.record.lock.duration.ms': '61000' },
      /group.share.record.lock.duration.ms must be less than or equal to group.share.max.record.lock.duration.ms/,
    ],
    [{ 'group.share.max.size': '1000', 'group.share.max.share.sessions': '999' }, /group.share.max.size must be/],
  ])('are refused at the start with a sentence that helps: %j', (serverProperties, message) => {
    expect(() => configsWorld({ serverProperties })).toThrow(message)
    expect(() => configsWorld({ serverProperties })).toThrow(KafkaUsageError)
  })

  it('that came later are unknown to older releases, and read as their default', () => {
    const name = 'errors.deadletterqueue.topic.name.prefix'
    expect(() => configsWorld({ version: '4.3', serverProperties: { [name]: 'x' } })).toThrow(/as Kafka 4.3, has no/)
    expect(configsWorld({ version: '4.3' }).configs.brokerString(name)).toBe('dlq.')
    expect(configsWorld({ serverProperties: { [name]: 'x' } }).configs.brokerString(name)).toBe('x')
  })

  it('of no release at all are a mistake of the caller', () => {
    expect(() => configsWorld().configs.brokerNumber('nope')).toThrow(/no configuration "nope"/)
    expect(() => configsWorld().configs.topicValue('orders', 'nope')).toThrow(/no configuration "nope"/)
  })

  it('set on one broker count before those on all, these before the start, and that before the default', () => {
    const { configs, broker } = configsWorld({ brokers: 2, serverProperties: { 'message.max.bytes': '1000' } })
    const values = () => [1, 2, undefined].map((id) => configs.brokerNumber('message.max.bytes', id))
    expect(values()).toEqual([1000, 1000, 1000])
    broker('message.max.bytes', '2000')
    expect(values()).toEqual([2000, 2000, 2000])
    broker('message.max.bytes', '3000', 2)
    expect(values()).toEqual([2000, 3000, 2000])
    expect(configs.topicValue('orders', 'max.message.bytes')).toBe('2000')
    const [described] = configs.describe({ kind: 'broker', id: 2 }).filter(({ name }) => name === 'message.max.bytes')
    expect(described).toMatchObject({
      value: '3000',
      configSource: 2,
      readOnly: false,
      synonyms: [
        { value: '3000', source: 2 },
        { value: '2000', source: 3 },
        { value: '1000', source: 4 },
        { value: '1048588', source: 5 },
      ],
    })
    broker('message.max.bytes', null, 2)
    broker('message.max.bytes', null)
    expect(values()).toEqual([1000, 1000, 1000])
  })

  it('set on the only broker count as those of the cluster', () => {
    const { configs, broker } = configsWorld()
    broker('group.share.assignment.interval.ms', '0', 1)
    expect(configs.brokerNumber('group.share.assignment.interval.ms')).toBe(0)
    expect(configs.shareGroup('g').assignmentIntervalMs).toBe(0)
  })

  it('that are static cannot be changed while the broker runs, and wrong values are refused', () => {
    const { broker } = configsWorld()
    expect(broker('num.partitions', '3')).toBe('Cannot update these configs dynamically: [num.partitions]')
    expect(broker('message.max.bytes', 'x')).toBe(
      'Invalid value x for configuration message.max.bytes: Not a number of type INT',
    )
    expect(broker('group.share.assignment.interval.ms', '300000')).toBe(
      'group.share.assignment.interval.ms must be less than or equal to group.share.max.assignment.interval.ms',
    )
    expect(broker('nope', '1')).toBeUndefined()
  })

  it('keep their values when a change is refused or only checked', () => {
    const { configs, broker } = configsWorld()
    broker('group.share.assignment.interval.ms', '300000')
    const changes = [{ name: 'message.max.bytes', operation: 'set' as const, value: '7' }]
    configs.change({ kind: 'broker', id: undefined }, changes, { validateOnly: true })
    expect(configs.brokerNumber('group.share.assignment.interval.ms')).toBe(1000)
    expect(configs.brokerNumber('message.max.bytes')).toBe(1_048_588)
  })
})

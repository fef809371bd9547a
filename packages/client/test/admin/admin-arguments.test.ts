import { EmbeddedBroker } from '@milena/embedded-broker'
import { KafkaUsageError } from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Admin } from '../../src/index.js'

let broker: EmbeddedBroker
let admin: Admin

beforeAll(async () => {
  broker = await EmbeddedBroker.start({ network: 'memory', topics: ['orders'] })
  admin = new Admin({ bootstrapServers: broker.bootstrapServers, runtime: broker.runtime, logger: silentLogger })
})

afterAll(async () => {
  await admin.close()
  await broker.stop()
})

/** What a caller in plain JavaScript can hand over. */
function call(method: keyof Admin, ...given: readonly unknown[]): Promise<unknown> {
  return Promise.resolve(Reflect.apply(Reflect.get(admin, method), admin, given))
}

describe('a method of an admin', () => {
  it.each<[keyof Admin, readonly unknown[], RegExp]>([
    [
      'createTopics',
      [],
      /^KafkaUsageError: createTopics\(\) takes a list of topics, such as .*; its first argument must be a list, not undefined\.$/,
    ],
    ['createTopics', [{ name: 'a' }], /must be a list, not an object/],
    ['createTopics', [{ topics: [{ topic: 'a' }] }], /createTopics\(\[\{ name: 'orders'.*must be a list/],
    ['createTopics', [['a']], /\[0\] must be an object, not the text 'a'/],
    ['createTopics', [[{ topic: 'a' }]], /\[0\]\.name must be a text, not undefined/],
    [
      'createTopics',
      [[{ name: 'a', partitions: 3 }]],
      /\[0\] has 'partitions'.*Did you mean 'numPartitions'\? Known are name, num/,
    ],
    [
      'createTopics',
      [[{ name: 'a', numPartitions: '3' }]],
      /\[0\]\.numPartitions must be a whole number, not the text '3'/,
    ],
    [
      'createTopics',
      [[{ name: 'a', configs: { 'retention.ms': 5 } }]],
      /\[0\]\.configs\.retention\.ms must be a text, such as/,
    ],
    ['createTopics', [[{ name: 'a', configs: new Map() }]], /configs must be an object of names and values, not a Map/],
    ['createTopics', [[{ name: 'a' }], { ifExists: true }], /second argument has 'ifExists'.*Known are ifNotExists/],
    ['createTopics', [[{ name: 'a' }], { waitUntilReadyMs: -1 }], /waitUntilReadyMs must be a number of milliseconds/],
    ['deleteTopics', ['orders'], /deleteTopics\(\['orders'\].*first argument must be a list, not the text 'orders'/],
    ['deleteTopics', [[/f-.*/]], /\[0\] must be a text, not a RegExp/],
    ['deleteTopics', [['orders'], true], /second argument must be an object, not the boolean true/],
    ['describeTopics', ['orders'], /describeTopics\(\['orders'\]\); its argument must be a list/],
    ['listTopics', [{ internal: true }], /has 'internal', which is not known/],
    ['listTopics', [new Map([['includeInternal', true]])], /must be an object, not a Map/],
    ['describeConfigs', ['orders'], /describeConfigs\(\[\{ type: 'topic'.*must be a list/],
    [
      'describeConfigs',
      [[{ type: 'queue', name: 'q' }]],
      /\[0\]\.type must be 'topic', 'broker' or 'group', not the text 'queue'/,
    ],
    ['describeConfigs', [[{ type: 'group', name: '' }]], /\[0\]\.name must not be empty/],
    ['alterConfigs', [[{ type: 'topic', name: 'orders' }]], /\[0\]\.configs must be an object/],
    ['alterConfigs', [[{ type: 'topic', name: 'orders', config: {} }]], /\[0\]\.configs must be an object/],
    [
      'alterTopicConfigs',
      [{ 'retention.ms': '5' }, 'orders'],
      /alterTopicConfigs\('orders', .*first argument must be a text/,
    ],
    [
      'alterGroupConfigs',
      [{ 'share.auto.offset.reset': 'earliest' }, 'g'],
      /alterGroupConfigs\('workers', .*first argument/,
    ],
    ['alterGroupConfigs', ['', { 'share.auto.offset.reset': 'earliest' }], /first argument must not be empty/],
    ['alterGroupConfigs', ['g'], /second argument must be an object of names and values, not undefined/],
    ['alterGroupConfigs', ['g', { 'auto.offset.reset': 'earliest' }], /did you mean 'share\.auto\.offset\.reset'\?/],
    ['alterGroupConfigs', ['g', { shareIsolationLevel: 'a', 'share.isolation.level': 'b' }], /given twice/],
    [
      'describeShareGroups',
      ['g'],
      /describeShareGroups\(\['workers'\]\); its argument must be a list, not the text 'g'/,
    ],
    ['describeShareGroups', [['']], /\[0\] must not be empty/],
    ['listShareGroupOffsets', [], /listShareGroupOffsets\('workers'.*first argument must be a text, not undefined/],
    ['listShareGroupOffsets', [['g']], /first argument must be a text, not a list/],
    ['listShareGroupOffsets', ['g', { topics: { orders: 0 } }], /topics\.orders must be a list, not the number 0/],
    ['listShareGroupOffsets', ['g', { topic: 'orders' }], /has 'topic'.*Did you mean 'topics'/],
  ])('%s refuses %j, and shows how it is called', async (method, given, message) => {
    const before = broker.requests().length
    const refusal: unknown = await call(method, ...given).catch((error: unknown) => error)
    expect(refusal).toSatisfy(KafkaUsageError.is)
    expect(refusal).toMatchObject({ code: 'INVALID_USAGE' })
    expect(String(refusal)).toMatch(message)
    expect(broker.requests().length).toBe(before)
  })

  it('takes an empty list, and options that are undefined', async () => {
    expect(await admin.createTopics([], undefined)).toEqual([])
    expect(await admin.describeTopics([])).toEqual([])
    await admin.deleteTopics([], { ifExists: undefined })
    expect(await admin.describeShareGroups([])).toEqual([])
  })

  it('takes the names of configurations in both spellings', async () => {
    await admin.createTopics([{ name: 'spelt', configs: { retentionMs: '3600000', 'max.message.bytes': '2000000' } }])
    await admin.alterTopicConfigs('spelt', { minInsyncReplicas: '1', maxMessageBytes: null })
    const [topic] = await admin.describeConfigs([
      { type: 'topic', name: 'spelt', keys: ['retentionMs', 'min.insync.replicas', 'maxMessageBytes'] },
    ])
    expect(topic?.entries.get('retention.ms')).toMatchObject({ value: '3600000', isDefault: false })
    expect(topic?.entries.get('min.insync.replicas')).toMatchObject({ value: '1', isDefault: false })
    expect(topic?.entries.get('max.message.bytes')).toMatchObject({ isDefault: true })
    await admin.alterGroupConfigs('spelt-workers', {
      shareAutoOffsetReset: 'earliest',
      shareRecordLockDurationMs: '20000',
    })
    const [group] = await admin.describeConfigs([{ type: 'group', name: 'spelt-workers' }])
    expect(group?.entries.get('share.auto.offset.reset')).toMatchObject({ value: 'earliest', isDefault: false })
    expect(group?.entries.get('share.record.lock.duration.ms')).toMatchObject({ value: '20000', isDefault: false })
  })

  it('says of a topic that is not there how to delete it all the same', async () => {
    await expect(admin.deleteTopics(['nowhere'])).rejects.toMatchObject({
      code: 'UNKNOWN_TOPIC_OR_PARTITION',
      message: expect.stringMatching(/'nowhere'.*Check it, or give ifExists: true/),
    })
    await admin.deleteTopics(['nowhere'], { ifExists: true })
  })
})

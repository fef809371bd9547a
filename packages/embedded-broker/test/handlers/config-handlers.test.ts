import {
  AlterConfigs,
  DescribeConfigs,
  ErrorCode,
  IncrementalAlterConfigs,
  ListConfigResources,
} from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { adminClient, onlyAllowed } from './admin-client.js'

const TOPIC = 2
const BROKER = 4
const GROUP = 32
const { INVALID_REQUEST, INVALID_CONFIG, UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION } = ErrorCode
const { TOPIC_AUTHORIZATION_FAILED, GROUP_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED } = ErrorCode

describe('DescribeConfigs', () => {
  it('tells the settings of topics, brokers and groups', async () => {
    const { describeConfigs } = await adminClient({ topics: ['orders'] })
    expect((await describeConfigs(TOPIC, 'orders')).configs).toHaveLength(37)
    expect((await describeConfigs(GROUP, 'any')).configs).toHaveLength(21)
    const broker = await describeConfigs(BROKER, '1', ['group.share.max.size', 'node.id', 'nope'])
    expect(
      broker.configs.map(({ name, value, readOnly, configSource }) => [name, value, readOnly, configSource]),
    ).toEqual([
      ['group.share.max.size', '200', true, 5],
      ['node.id', '1', true, 4],
    ])
    const ofAll = await describeConfigs(BROKER, '')
    expect(ofAll.configs.map(({ name, configSource }) => [name, configSource])).toEqual([['min.insync.replicas', 3]])
  })

  it('tells types and synonyms as the version and the client want it', async () => {
    const { client } = await adminClient({ topics: ['orders'] })
    const ask = async (version: number, includeSynonyms: boolean) => {
      const resources = [{ resourceType: TOPIC, resourceName: 'orders', configurationKeys: ['cleanup.policy'] }]
      const answer = await client.send(DescribeConfigs, version, { resources, includeSynonyms })
      return answer.results[0]?.configs[0]
    }
    expect(await ask(4, true)).toMatchObject({
      configType: 7,
      synonyms: [{ name: 'log.cleanup.policy', value: 'delete', source: 5 }],
      documentation: null,
    })
    expect(await ask(4, false)).toMatchObject({ configType: 7, synonyms: [] })
    expect(await ask(1, false)).toMatchObject({ value: 'delete', configSource: 5, configType: 0 })
  })

  it.each([
    [TOPIC, 'none', UNKNOWN_TOPIC_OR_PARTITION, ''],
    [TOPIC, 'a b', INVALID_TOPIC_EXCEPTION, /^Topic name is invalid/],
    [GROUP, '', INVALID_REQUEST, 'Group name must not be empty'],
    [BROKER, '7', INVALID_REQUEST, 'Unexpected broker id, expected 1 or empty string, but received 7'],
    [BROKER, 'one', INVALID_REQUEST, 'Broker id must be an integer, but it is: one'],
    [99, 'x', INVALID_REQUEST, /not of resource type 99/],
  ])('refuses type %d, name %j', async (type, name, errorCode, message) => {
    const { describeConfigs } = await adminClient()
    expect(await describeConfigs(type, name)).toMatchObject({
      errorCode,
      errorMessage: typeof message === 'string' ? message : expect.stringMatching(message),
      configs: [],
    })
  })

  it('needs the right to', async () => {
    const { describeConfigs } = await adminClient({
      topics: ['orders', 'audit'],
      security: onlyAllowed(['DescribeConfigs', 'Topic', 'orders']),
    })
    expect((await describeConfigs(TOPIC, 'orders')).errorCode).toBe(0)
    expect((await describeConfigs(TOPIC, 'audit')).errorCode).toBe(TOPIC_AUTHORIZATION_FAILED)
    expect((await describeConfigs(GROUP, 'g')).errorCode).toBe(GROUP_AUTHORIZATION_FAILED)
    expect((await describeConfigs(BROKER, '1')).errorCode).toBe(CLUSTER_AUTHORIZATION_FAILED)
  })
})

describe('IncrementalAlterConfigs', () => {
  it('changes topics, groups and brokers, at once', async () => {
    const { alter, describeConfigs } = await adminClient({ topics: ['orders'] })
    expect(await alter(TOPIC, 'orders', [['retention.ms', '5000']])).toEqual([0, null])
    expect(await alter(GROUP, 'g', [['share.auto.offset.reset', 'earliest']])).toEqual([0, null])
    expect(await alter(BROKER, '1', [['message.max.bytes', '2000']])).toEqual([0, null])
    const own = async (type: number, name: string, source: number) =>
      (await describeConfigs(type, name)).configs
        .filter(({ configSource }) => configSource === source)
        .map(({ name: config, value }) => [config, value])
    expect(await own(TOPIC, 'orders', 1)).toEqual([['retention.ms', '5000']])
    expect(await own(TOPIC, 'orders', 2)).toEqual([['max.message.bytes', '2000']])
    expect(await own(GROUP, 'g', 8)).toEqual([['share.auto.offset.reset', 'earliest']])
    expect(await own(BROKER, '1', 2)).toEqual([['message.max.bytes', '2000']])
    expect(await alter(GROUP, 'g', [['share.auto.offset.reset', null, 1]])).toEqual([0, null])
    expect(await own(GROUP, 'g', 8)).toEqual([])
  })

  it.each([
    [TOPIC, 'orders', 'nope', '1', 0, INVALID_CONFIG, 'Unknown topic config name: nope'],
    [TOPIC, 'orders', 'nope', null, 1, 0, null],
    [TOPIC, 'orders', 'retention.ms', null, 0, INVALID_REQUEST, 'Null value not supported for : retention.ms'],
    [TOPIC, 'orders', 'retention.ms', '1', 2, INVALID_CONFIG, /^Can't APPEND to key retention.ms/],
    [TOPIC, 'orders', 'retention.ms', '1', 7, ErrorCode.UNKNOWN_SERVER_ERROR, null],
    [TOPIC, 'none', 'retention.ms', '1', 0, UNKNOWN_TOPIC_OR_PARTITION, "The topic 'none' does not exist."],
    [TOPIC, '', 'retention.ms', '1', 0, INVALID_REQUEST, 'Default topic resources are not allowed.'],
    [TOPIC, 'a b', 'retention.ms', '1', 0, INVALID_TOPIC_EXCEPTION, /^Topic name is invalid/],
    [
      GROUP,
      '',
      'share.isolation.level',
      'read_committed',
      0,
      INVALID_REQUEST,
      'Default group resources are not allowed.',
    ],
    [GROUP, 'g', 'share.session.timeout.ms', '1', 0, INVALID_CONFIG, /must be in the range 45000 to 60000 inclusive/],
    [
      BROKER,
      '1',
      'num.partitions',
      '3',
      0,
      INVALID_REQUEST,
      'Cannot update these configs dynamically: [num.partitions]',
    ],
    [BROKER, '7', 'message.max.bytes', '3', 0, INVALID_REQUEST, 'Unexpected broker id, expected 1, but received 7'],
    [BROKER, 'one', 'message.max.bytes', '3', 0, INVALID_REQUEST, 'Node id must be an integer, but it is: one'],
    [8, '1', 'x', 'DEBUG', 0, INVALID_REQUEST, 'Unknown resource type 8'],
  ])(
    'of type %d, name %j: %s to %j by %d is answered with %d',
    async (type, name, config, value, operation, code, message) => {
      const { alter } = await adminClient({ topics: ['orders'] })
      expect(await alter(type, name, [[config, value, operation]])).toEqual([
        code,
        message instanceof RegExp ? expect.stringMatching(message) : message,
      ])
    },
  )

  it('changes nothing when it is only to validate', async () => {
    const { alter, describeConfigs } = await adminClient({ topics: ['orders'] })
    expect(await alter(TOPIC, 'orders', [['retention.ms', '5000']], true)).toEqual([0, null])
    expect((await describeConfigs(TOPIC, 'orders', ['retention.ms'])).configs[0]?.value).toBe('604800000')
  })

  it('refuses a resource that is named twice, and changes the others', async () => {
    const { client, describeConfigs } = await adminClient({ topics: ['orders'] })
    const resource = (resourceName: string, resourceType: number, name: string, value: string) => ({
      resourceType,
      resourceName,
      configs: [{ name, configOperation: 0, value }],
    })
    const answer = await client.send(IncrementalAlterConfigs, 0, {
      resources: [
        resource('orders', TOPIC, 'retention.ms', '1'),
        resource('g', GROUP, 'share.isolation.level', 'read_committed'),
        resource('orders', TOPIC, 'retention.ms', '2'),
      ],
      validateOnly: false,
    })
    const twice = { errorCode: INVALID_REQUEST, errorMessage: 'Each resource must appear at most once.' }
    expect(answer.responses).toMatchObject([twice, { errorCode: 0 }, twice])
    expect((await describeConfigs(GROUP, 'g', ['share.isolation.level'])).configs[0]?.value).toBe('read_committed')
  })

  it('needs the right to', async () => {
    const { alter } = await adminClient({ topics: ['orders'], security: onlyAllowed(['AlterConfigs', 'Group', 'g']) })
    expect(await alter(GROUP, 'g', [['share.isolation.level', 'read_committed']])).toEqual([0, null])
    expect(await alter(GROUP, 'h', [])).toEqual([GROUP_AUTHORIZATION_FAILED, 'Group authorization failed.'])
    expect(await alter(TOPIC, 'orders', [])).toEqual([TOPIC_AUTHORIZATION_FAILED, 'Topic authorization failed.'])
    expect(await alter(BROKER, '1', [])).toEqual([CLUSTER_AUTHORIZATION_FAILED, 'Cluster authorization failed.'])
  })
})

describe('AlterConfigs', () => {
  it('replaces all settings of its own', async () => {
    const { client, alter, describeConfigs } = await adminClient({ topics: ['orders'] })
    await alter(TOPIC, 'orders', [['retention.ms', '5000']])
    const replace = async (configs: readonly { name: string; value: string | null }[], validateOnly = false) => {
      const resources = [{ resourceType: TOPIC, resourceName: 'orders', configs: [...configs] }]
      const [response] = (await client.send(AlterConfigs, 2, { resources, validateOnly })).responses
      return [response?.errorCode, response?.errorMessage]
    }
    const own = async () =>
      (await describeConfigs(TOPIC, 'orders')).configs
        .filter(({ configSource }) => configSource === 1)
        .map(({ name, value }) => [name, value])
    expect(await replace([{ name: 'segment.ms', value: '700000' }], true)).toEqual([0, null])
    expect(await own()).toEqual([['retention.ms', '5000']])
    expect(await replace([{ name: 'segment.ms', value: '700000' }])).toEqual([0, null])
    expect(await own()).toEqual([['segment.ms', '700000']])
    expect(await replace([{ name: 'segment.ms', value: null }])).toEqual([
      INVALID_REQUEST,
      'Null value not supported for : segment.ms',
    ])
    const twice = [
      { name: 'segment.ms', value: '700000' },
      { name: 'segment.ms', value: '800000' },
    ]
    expect(await replace(twice)).toEqual([INVALID_REQUEST, 'Error due to duplicate config keys'])
    expect(await replace([{ name: 'nope', value: '1' }])).toEqual([INVALID_CONFIG, 'Unknown topic config name: nope'])
    expect(await own()).toEqual([['segment.ms', '700000']])
    expect(await replace([])).toEqual([0, null])
    expect(await own()).toEqual([])
  })
})

describe('ListConfigResources', () => {
  it('lists topics, brokers and groups that have settings', async () => {
    const { client, alter } = await adminClient({ brokers: 2, topics: ['orders'] })
    await alter(GROUP, 'g', [['share.isolation.level', 'read_committed']])
    const list = async (...resourceTypes: number[]) => {
      const answer = await client.send(ListConfigResources, 1, { resourceTypes })
      return [answer.errorCode, answer.configResources.map((each) => `${each.resourceType}:${each.resourceName}`)]
    }
    expect(await list()).toEqual([0, ['32:g', '8:1', '8:2', '4:1', '4:2', '2:orders']])
    expect(await list(TOPIC)).toEqual([0, ['2:orders']])
    expect(await list(16, GROUP)).toEqual([0, ['32:g']])
    expect(await list(99)).toEqual([ErrorCode.UNSUPPORTED_VERSION, []])
    expect((await client.send(ListConfigResources, 0, {})).configResources).toEqual([])
  })

  it('needs the right to describe the cluster', async () => {
    const { client } = await adminClient({ security: onlyAllowed(['DescribeConfigs', 'Topic', '*']) })
    const answer = await client.send(ListConfigResources, 1, { resourceTypes: [] })
    expect(answer).toMatchObject({ errorCode: CLUSTER_AUTHORIZATION_FAILED, configResources: [] })
  })
})

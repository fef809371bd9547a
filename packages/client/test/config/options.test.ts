import { KafkaUsageError } from '@milena/protocol'
import { silentLogger } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { resolveClientConfig } from '../../src/config/client-config.js'
import { nearestName } from '../../src/config/nearest-name.js'
import { resolveProducerConfig } from '../../src/config/producer-config.js'
import { resolveShareConsumerConfig } from '../../src/config/share-consumer-config.js'
import { json, string } from '../../src/serde.js'

const base = { bootstrapServers: 'localhost:9092', logger: silentLogger }
const member = { ...base, groupId: 'g' }

function failure(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    expect(error).toSatisfy(KafkaUsageError.is)
    return String(error)
  }
  throw new Error('nothing was thrown')
}

describe('options of a share consumer', () => {
  it('need a bootstrap address and a group; all others have defaults', () => {
    const config = resolveShareConsumerConfig(member)
    expect(config).toMatchObject({
      groupId: 'g',
      clientId: 'milena-share-consumer',
      acknowledgementMode: 'implicit',
      acquireMode: undefined,
      fetchRecords: undefined,
      fetchMaxWaitMs: 500,
      fetchMinBytes: 1,
      fetchMaxBytes: 52_428_800,
      clientRack: undefined,
      prefetch: 'auto',
      checkCrcs: true,
      heartbeatIntervalMs: 5_000,
      requestTimeoutMs: 30_000,
      defaultApiTimeoutMs: 60_000,
      retryBackoffMs: 100,
      retryBackoffMaxMs: 1_000,
      onSecondAcknowledge: 'error',
    })
    expect(config.client).toMatchObject({
      bootstrapServers: [{ host: 'localhost', port: 9092 }],
      metadataMaxAgeMs: 300_000,
    })
    expect(config.valueDeserializer).toBeUndefined()
  })

  it('without an address name the option and the broker that needs no Kafka', () => {
    expect(failure(() => resolveShareConsumerConfig({ groupId: 'g' } as never))).toMatch(
      /bootstrapServers is missing.*run one inside this process: npm install -D @milena\/embedded-broker.*EmbeddedBroker\.start\(\)/,
    )
    expect(failure(() => resolveShareConsumerConfig({ ...member, bootstrapServers: ' , ' }))).toMatch(
      /bootstrapServers.*@milena\/embedded-broker/,
    )
  })

  it('without a group say so', () => {
    expect(failure(() => resolveShareConsumerConfig({ ...base } as never))).toMatch(/groupId is missing.*share group/)
    expect(failure(() => resolveShareConsumerConfig({ ...base, groupId: '' }))).toMatch(/groupId is ''/)
  })

  it("take Kafka's dotted names in properties, as numbers or as texts, and these win", () => {
    const config = resolveShareConsumerConfig({
      ...member,
      maxPollRecords: 7,
      properties: {
        'max.poll.records': '50',
        'fetch.max.wait.ms': 20,
        'check.crcs': 'false',
        'share.acknowledgement.mode': 'EXPLICIT',
        'client.id': '17',
        'metadata.max.age.ms': '1000',
      },
    })
    expect(config).toMatchObject({
      fetchRecords: 50,
      fetchMaxWaitMs: 20,
      checkCrcs: false,
      acknowledgementMode: 'explicit',
      clientId: '17',
    })
    expect(config.client.metadataMaxAgeMs).toBe(1_000)
  })

  it('take camelCase names in properties as well', () => {
    expect(resolveShareConsumerConfig({ ...member, properties: { maxPollRecords: 3 } }).fetchRecords).toBe(3)
  })

  it('that nobody knows are refused with the nearest name', () => {
    expect(failure(() => resolveShareConsumerConfig({ ...member, maxPolRecords: 3 } as never))).toMatch(
      /'maxPolRecords' is not a known option; did you mean 'maxPollRecords'\?/,
    )
    expect(failure(() => resolveShareConsumerConfig({ ...member, properties: { 'max.pol.records': 3 } }))).toMatch(
      /did you mean 'max.poll.records'\?/,
    )
    expect(failure(() => resolveShareConsumerConfig({ ...member, 'max.poll.records': 3 } as never))).toMatch(
      /belongs into properties.*maxPollRecords/,
    )
    expect(failure(() => resolveShareConsumerConfig({ ...member, qqq: 3 } as never))).not.toMatch(/did you mean/)
  })

  it.each([
    ['auto.offset.reset', /group configuration share\.auto\.offset\.reset.*alterGroupConfigs/],
    ['isolation.level', /share\.isolation\.level/],
    ['session.timeout.ms', /share\.session\.timeout\.ms/],
    ['heartbeat.interval.ms', /share\.heartbeat\.interval\.ms/],
    ['share.record.lock.duration.ms', /group configuration share\.record\.lock\.duration\.ms/],
    ['share.session.timeout.ms', /alterGroupConfigs/],
    ['enable.auto.commit', /acknowledgementMode/],
    ['group.instance.id', /no static members/],
    ['partition.assignment.strategy', /the broker assigns/],
    ['group.remote.assignor', /the broker assigns/],
    ['group.protocol', /protocol of share groups/],
    ['interceptor.classes', /Java classes/],
    ['key.deserializer', /keyDeserializer/],
  ])('%s, which has no place in a share group, is refused with what to do instead', (name, message) => {
    expect(failure(() => resolveShareConsumerConfig({ ...member, properties: { [name]: 'x' } }))).toMatch(message)
  })

  it('of camelCase that have no place in a share group are refused likewise', () => {
    expect(failure(() => resolveShareConsumerConfig({ ...member, autoOffsetReset: 'earliest' } as never))).toMatch(
      /share\.auto\.offset\.reset/,
    )
  })

  it.each([
    [{ maxPollRecords: 0 }, /maxPollRecords is 0, but must be a whole number between 1 and/],
    [{ maxPollRecords: 1.5 }, /maxPollRecords is 1.5/],
    [{ maxPollRecords: '5' }, /maxPollRecords is '5'/],
    [{ acknowledgementMode: 'manual' }, /must be one of 'implicit', 'explicit'/],
    [{ acquireMode: 'fast' }, /'batch_optimized', 'record_limit'/],
    [{ checkCrcs: 'yes' }, /must be true or false/],
    [{ valueDeserializer: {} }, /function, or an object with deserialize\(\)/],
    [{ logger: {} }, /trace\(\), debug\(\), info\(\)/],
    [{ logger: { ...silentLogger, trace: undefined } }, /trace\(\), debug\(\)/],
    [{ bootstrapServers: 'nonsense' }, /Write host:port/],
    [{ prefetch: -1 }, /prefetch is -1/],
    [{ groupId: 'x'.repeat(40_000) }, /no longer than 32,767 bytes/],
  ])('%j is refused with what would be legal', (wrong, message) => {
    expect(failure(() => resolveShareConsumerConfig({ ...member, ...wrong } as never))).toMatch(message)
  })

  it.each([
    { heartbeatIntervalMs: 5_000, sessionTimeoutMs: 5_000 },
    { sessionTimeoutMs: 4_000 },
    { heartbeatIntervalMs: 50_000 },
  ])('%j, heartbeats no more often than the session ends, is refused', (wrong) => {
    expect(failure(() => resolveShareConsumerConfig({ ...member, ...wrong }))).toMatch(
      /heartbeatIntervalMs \(\d+\) must be smaller than sessionTimeoutMs \(\d+\)/,
    )
  })

  it.each([undefined, null, 'localhost:9092', ['localhost:9092'], 9092])(
    'that are no object but %j are refused with an example',
    (given) => {
      const message = failure(() => resolveShareConsumerConfig(given as never))
      expect(message).toMatch(/ShareConsumer takes an object of options, such as \{ bootstrapServers:/)
    },
  )

  it('with the name that they have in another client are told ours', () => {
    const { bootstrapServers, ...rest } = member
    expect(failure(() => resolveShareConsumerConfig({ ...rest, brokers: [bootstrapServers] } as never))).toMatch(
      /'brokers' is not a known option; did you mean 'bootstrapServers'\?/,
    )
  })

  it('list what is known only where no name comes near, and once', () => {
    const message = failure(() => resolveShareConsumerConfig({ ...member, qqq: 1, maxPolRecords: 3 } as never))
    expect(message.match(/Known are/g)).toHaveLength(1)
    expect(message).toMatch(/\(1\) 'qqq' is not a known option\. Known are .*\. \(2\) 'maxPolRecords'/)
  })

  it('are refused all at once', () => {
    const message = failure(() =>
      resolveShareConsumerConfig({ ...member, maxPollRecords: 0, fetchMinBytes: -1, nonsense: 1 } as never),
    )
    expect(message).toMatch(/3 wrong options/)
    expect(message).toMatch(/nonsense.*maxPollRecords.*fetchMinBytes/)
  })
})

describe('values that are no options', () => {
  it.each([
    [
      { properties: new Map([['max.poll.records', 5]]) },
      /properties must be an object.*a Map.*Object\.fromEntries\(map\)/,
    ],
    [{ properties: new Date() }, /properties must be an object.*given a Date/],
    [{ valueDeserializer: string }, /valueDeserializer is a function, but string itself is none.*call it, string\(\)/],
    [{ keyDeserializer: json }, /keyDeserializer is a function, but json itself is none.*call it, json\(\)/],
  ])('are refused, with what to do instead: %j', (wrong, message) => {
    expect(failure(() => resolveShareConsumerConfig({ ...member, ...wrong } as never))).toMatch(message)
  })

  it('a Map in place of the options is refused, an object of a class of its own is not', () => {
    expect(failure(() => resolveShareConsumerConfig(new Map() as never))).toMatch(/it was given a Map/)
    class Settings {
      'max.poll.records' = 5
    }
    const properties = new Settings() as unknown as Record<string, unknown>
    expect(resolveShareConsumerConfig({ ...member, properties }).maxPollRecords).toBe(5)
  })
})

describe("a dump of a Java client's properties", () => {
  it('may hold empty texts where these are the default, and longs of any length', () => {
    const config = resolveShareConsumerConfig({
      ...member,
      properties: {
        'client.id': '',
        'client.rack': '',
        'metadata.max.age.ms': '9223372036854775807',
        'metadata.max.idle.ms': '9223372036854775807',
        'connections.max.idle.ms': '-9223372036854775808',
        'retry.backoff.ms': '0',
        'retry.backoff.max.ms': '0',
      },
    })
    expect(config).toMatchObject({ clientId: 'milena-share-consumer', clientRack: undefined, retryBackoffMs: 1 })
    expect(config.client).toMatchObject({ metadataMaxAgeMs: 2 ** 31 - 1, connectionsMaxIdleMs: Infinity })
  })

  it('is refused where nothing could go on with it', () => {
    for (const name of ['request.timeout.ms', 'default.api.timeout.ms', 'metadata.max.age.ms'])
      expect(failure(() => resolveShareConsumerConfig({ ...member, properties: { [name]: '0' } }))).toMatch(/between 1/)
  })
})

describe('options of every client', () => {
  it('for security are refused as not there yet, and no secret is repeated', () => {
    const message = failure(() =>
      resolveClientConfig({
        ...base,
        sasl: { password: 'hunter2' },
        properties: { 'sasl.jaas.config': 'hunter2' },
      } as never),
    )
    expect(message).toMatch(/'sasl' cannot be set here.*plain text/)
    expect(message).not.toContain('hunter2')
  })

  it('that are unknown are refused without their values', () => {
    expect(failure(() => resolveClientConfig({ ...base, passwort: 'hunter2' } as never))).not.toContain('hunter2')
  })

  it('keep the first back-off within the longest one', () => {
    expect(resolveClientConfig({ ...base, retryBackoffMaxMs: 50 })).toMatchObject({
      retryBackoffMs: 50,
      retryBackoffMaxMs: 50,
    })
  })

  it.each([null, 'never'] as const)('allow topics to stay in the metadata cache for ever: %s', (never) => {
    expect(resolveClientConfig({ ...base, metadataTopicCacheTtlMs: never }).metadataTopicCacheTtlMs).toBeNull()
  })
})

describe('options of a producer', () => {
  it("have Kafka's defaults", () => {
    expect(resolveProducerConfig(base)).toMatchObject({
      lingerMs: 5,
      batchSize: 16_384,
      compression: 'none',
      maxRequestSize: 1_048_576,
      maxInFlightRequests: 5,
      deliveryTimeoutMs: 120_000,
      bufferMemory: 33_554_432,
      maxBlockMs: 60_000,
    })
  })

  it.each([
    [{ properties: { acks: '1' } }, /always idempotent/],
    [{ properties: { 'transactional.id': 't' } }, /transactions/],
    [{ properties: { retries: 3 } }, /deliveryTimeoutMs/],
    [{ maxInFlightRequests: 6 }, /between 1 and 5/],
    [{ compression: 'zip' }, /'gzip'/],
    [{ deliveryTimeoutMs: 1 }, /must not be smaller than lingerMs/],
  ])('%j is refused with the reason', (wrong, message) => {
    expect(failure(() => resolveProducerConfig({ ...base, ...wrong } as never))).toMatch(message)
  })

  it('take a serialiser as an object or as a function', () => {
    const context = { topic: 't', isKey: false }
    expect(
      resolveProducerConfig({ ...base, valueSerializer: json<unknown>() }).valueSerializer.serialize({ a: 1 }, context),
    ).toEqual(Buffer.from('{"a":1}'))
    expect(
      resolveProducerConfig({ ...base, valueSerializer: () => null }).valueSerializer.serialize('x', context),
    ).toBeNull()
  })
})

it('the nearest name is one that looks alike, or none', () => {
  expect(nearestName('max-poll-record', ['maxPollRecords', 'fetchMaxBytes'])).toBe('maxPollRecords')
  expect(nearestName('boostrap.servers', ['bootstrap.servers', 'group.id'])).toBe('bootstrap.servers')
  expect(nearestName('zzzzzz', ['bootstrap.servers', 'group.id'])).toBeUndefined()
})

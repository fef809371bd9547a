import { KafkaUsageError } from '@milena/protocol'
import { silentLogger, type Logger } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { resolveShareConsumerConfig } from '../../src/config/share-consumer-config.js'

// Every name that Java's share consumer of Apache Kafka 4.4.0 knows, with its default there (ConsumerConfig.configDef()), and
// what becomes of it here.

type Fate =
  | { readonly as: string; readonly fallback: unknown; readonly why?: string }
  | { readonly refused: RegExp }
  | 'without effect'

const CLASSES = /Java classes cannot be used here/
const TO_THE_BROKER = /the broker assigns/

const javaOptions: readonly (readonly [name: string, javaDefault: unknown, fate: Fate])[] = [
  [
    'allow.auto.create.topics',
    true,
    { as: 'client.allowAutoCreateTopics', fallback: false, why: 'a misspelt name must not make a topic' },
  ],
  ['auto.commit.interval.ms', 5_000, { refused: /acknowledgementMode/ }],
  ['auto.offset.reset', 'latest', { refused: /share\.auto\.offset\.reset/ }],
  ['bootstrap.resolve.timeout.ms', 0, { refused: /bootstrapTimeoutMs/ }],
  ['check.crcs', true, { as: 'checkCrcs', fallback: true }],
  ['client.dns.lookup', 'use_all_dns_ips', { as: 'client.clientDnsLookup', fallback: 'use_all_dns_ips' }],
  ['client.id', '', { as: 'clientId', fallback: 'milena-share-consumer', why: "krafka's fixed name, K-40" }],
  ['client.rack', '', { as: 'clientRack', fallback: undefined, why: 'no text is no rack' }],
  ['config.providers', '', { refused: CLASSES }],
  ['connections.max.idle.ms', 540_000, { as: 'client.connectionsMaxIdleMs', fallback: 540_000 }],
  ['default.api.timeout.ms', 60_000, { as: 'defaultApiTimeoutMs', fallback: 60_000 }],
  ['enable.auto.commit', true, { refused: /acknowledgementMode/ }],
  ['enable.metrics.push', true, 'without effect'],
  ['exclude.internal.topics', true, 'without effect'],
  ['fetch.max.bytes', 52_428_800, { as: 'fetchMaxBytes', fallback: 52_428_800 }],
  ['fetch.max.wait.ms', 500, { as: 'fetchMaxWaitMs', fallback: 500 }],
  ['fetch.min.bytes', 1, { as: 'fetchMinBytes', fallback: 1 }],
  ['group.instance.id', 'x', { refused: /no static members/ }],
  ['group.protocol', 'classic', { refused: /protocol of share groups/ }],
  ['group.remote.assignor', 'x', { refused: TO_THE_BROKER }],
  ['heartbeat.interval.ms', 3_000, { refused: /share\.heartbeat\.interval\.ms/ }],
  ['interceptor.classes', '', { refused: CLASSES }],
  ['internal.throw.on.fetch.stable.offset.unsupported', false, 'without effect'],
  ['isolation.level', 'read_uncommitted', { refused: /share\.isolation\.level/ }],
  ['key.deserializer', 'x', { refused: /keyDeserializer/ }],
  ['max.partition.fetch.bytes', 1_048_576, 'without effect'],
  ['max.poll.interval.ms', 300_000, { as: 'maxPollIntervalMs', fallback: 300_000 }],
  ['max.poll.records', 500, { as: 'maxPollRecords', fallback: 500 }],
  ['metadata.cluster.check.enable', true, 'without effect'],
  ['metadata.max.age.ms', 300_000, { as: 'client.metadataMaxAgeMs', fallback: 300_000 }],
  [
    'metadata.recovery.rebootstrap.trigger.ms',
    300_000,
    { as: 'client.metadataRecoveryRebootstrapTriggerMs', fallback: 300_000 },
  ],
  ['metadata.recovery.strategy', 'rebootstrap', { as: 'client.metadataRecoveryStrategy', fallback: 'rebootstrap' }],
  ['metric.reporters', 'org.apache.kafka.common.metrics.JmxReporter', { refused: /metrics\(\)/ }],
  ['metrics.num.samples', 2, 'without effect'],
  ['metrics.recording.level', 'INFO', 'without effect'],
  ['metrics.sample.window.ms', 30_000, 'without effect'],
  ['partition.assignment.strategy', 'x', { refused: TO_THE_BROKER }],
  ['receive.buffer.bytes', 65_536, 'without effect'],
  ['reconnect.backoff.max.ms', 1_000, { as: 'client.reconnectBackoffMaxMs', fallback: 1_000 }],
  ['reconnect.backoff.ms', 50, { as: 'client.reconnectBackoffMs', fallback: 50 }],
  ['request.timeout.ms', 30_000, { as: 'requestTimeoutMs', fallback: 30_000 }],
  ['retry.backoff.max.ms', 1_000, { as: 'retryBackoffMaxMs', fallback: 1_000 }],
  ['retry.backoff.ms', 100, { as: 'retryBackoffMs', fallback: 100 }],
  ['send.buffer.bytes', 131_072, 'without effect'],
  ['session.timeout.ms', 45_000, { refused: /share\.session\.timeout\.ms/ }],
  ['share.acknowledgement.mode', 'implicit', { as: 'acknowledgementMode', fallback: 'implicit' }],
  [
    'share.acquire.mode',
    'BATCH_OPTIMIZED',
    { as: 'acquireMode', fallback: undefined, why: 'a small fetch is exact, a large one takes whole batches' },
  ],
  [
    'socket.connection.setup.timeout.max.ms',
    30_000,
    { as: 'client.socketConnectionSetupTimeoutMaxMs', fallback: 30_000 },
  ],
  ['socket.connection.setup.timeout.ms', 10_000, { as: 'client.socketConnectionSetupTimeoutMs', fallback: 10_000 }],
  ['value.deserializer', 'x', { refused: /valueDeserializer/ }],
  ...[
    'sasl.client.callback.handler.class',
    'sasl.jaas.config',
    'sasl.kerberos.kinit.cmd',
    'sasl.kerberos.min.time.before.relogin',
    'sasl.kerberos.service.name',
    'sasl.kerberos.ticket.renew.jitter',
    'sasl.kerberos.ticket.renew.window.factor',
    'sasl.login.callback.handler.class',
    'sasl.login.class',
    'sasl.login.connect.timeout.ms',
    'sasl.login.read.timeout.ms',
    'sasl.login.refresh.buffer.seconds',
    'sasl.login.refresh.min.period.seconds',
    'sasl.login.refresh.window.factor',
    'sasl.login.refresh.window.jitter',
    'sasl.login.retry.backoff.max.ms',
    'sasl.login.retry.backoff.ms',
    'sasl.mechanism',
    'sasl.oauthbearer.allow.unverified.audience',
    'sasl.oauthbearer.allow.unverified.issuer',
    'sasl.oauthbearer.assertion.algorithm',
    'sasl.oauthbearer.assertion.claim.aud',
    'sasl.oauthbearer.assertion.claim.exp.seconds',
    'sasl.oauthbearer.assertion.claim.iss',
    'sasl.oauthbearer.assertion.claim.jti.include',
    'sasl.oauthbearer.assertion.claim.nbf.seconds',
    'sasl.oauthbearer.assertion.claim.sub',
    'sasl.oauthbearer.assertion.file',
    'sasl.oauthbearer.assertion.private.key.file',
    'sasl.oauthbearer.assertion.private.key.passphrase',
    'sasl.oauthbearer.assertion.template.file',
    'sasl.oauthbearer.client.credentials.client.id',
    'sasl.oauthbearer.client.credentials.client.secret',
    'sasl.oauthbearer.clock.skew.seconds',
    'sasl.oauthbearer.expected.audience',
    'sasl.oauthbearer.expected.issuer',
    'sasl.oauthbearer.header.urlencode',
    'sasl.oauthbearer.jwks.endpoint.refresh.ms',
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms',
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms',
    'sasl.oauthbearer.jwks.endpoint.url',
    'sasl.oauthbearer.jwt.retriever.class',
    'sasl.oauthbearer.jwt.validator.class',
    'sasl.oauthbearer.scope',
    'sasl.oauthbearer.scope.claim.name',
    'sasl.oauthbearer.sub.claim.name',
    'sasl.oauthbearer.token.endpoint.url',
    'security.protocol',
    'security.providers',
    'ssl.cipher.suites',
    'ssl.enabled.protocols',
    'ssl.endpoint.identification.algorithm',
    'ssl.engine.factory.class',
    'ssl.key.password',
    'ssl.keymanager.algorithm',
    'ssl.keystore.certificate.chain',
    'ssl.keystore.key',
    'ssl.keystore.location',
    'ssl.keystore.password',
    'ssl.keystore.type',
    'ssl.protocol',
    'ssl.provider',
    'ssl.secure.random.implementation',
    'ssl.trustmanager.algorithm',
    'ssl.truststore.certificates',
    'ssl.truststore.location',
    'ssl.truststore.password',
    'ssl.truststore.type',
  ].map((name) => [name, 'x', { refused: /TLS and SASL come later.*PLAINTEXT/ }] as const),
]

const base = { bootstrapServers: 'localhost:9092', groupId: 'g', logger: silentLogger }

function resolvedAt(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => Reflect.get(Object(at), name), config)
}

function failure(properties: Record<string, unknown>): string {
  try {
    resolveShareConsumerConfig({ ...base, properties })
  } catch (error) {
    expect(error).toSatisfy(KafkaUsageError.is)
    return String(error)
  }
  throw new Error('nothing was thrown')
}

/** acquireMode -> 'batch_optimized'; another legal value than the default, as text of a properties file. */
function another(name: string, javaDefault: unknown): { text: string; value: unknown } {
  if (name === 'client.dns.lookup')
    return {
      text: 'resolve_canonical_bootstrap_servers_only',
      value: 'resolve_canonical_bootstrap_servers_only',
    }
  if (name === 'metadata.recovery.strategy') return { text: 'NONE', value: 'none' }
  if (name === 'share.acknowledgement.mode') return { text: 'explicit', value: 'explicit' }
  if (name === 'share.acquire.mode') return { text: 'RECORD_LIMIT', value: 'record_limit' }
  if (typeof javaDefault === 'boolean') return { text: String(!javaDefault), value: !javaDefault }
  // Longer than all lower bounds of other options that it may meet.
  if (typeof javaDefault === 'number') return { text: '40000', value: 40_000 }
  return { text: 'x', value: 'x' }
}

describe("Java's options", () => {
  const taken = javaOptions.flatMap(([name, javaDefault, fate]) =>
    typeof fate === 'object' && 'as' in fate ? [{ name, javaDefault, fate }] : [],
  )

  it.each(taken)('$name is taken, with the same default or a reason', ({ name, javaDefault, fate }) => {
    const { as, fallback, why } = fate
    expect(resolvedAt(resolveShareConsumerConfig(base), as)).toBe(fallback)
    if (why === undefined) expect(fallback).toBe(javaDefault)
    else expect(fallback).not.toBe(javaDefault)
    const { text, value } = another(name, javaDefault)
    const together: Record<string, string> = {
      ...(name.startsWith('retry.backoff.ms') ? { 'retry.backoff.max.ms': '50000' } : {}),
      ...(name.startsWith('reconnect.backoff.ms') ? { 'reconnect.backoff.max.ms': '50000' } : {}),
    }
    const given = resolveShareConsumerConfig({ ...base, properties: { ...together, [name]: text } })
    expect(resolvedAt(given, as)).toBe(value)
  })

  it.each(taken)('$name has a camelCase name too', ({ name, javaDefault, fate }) => {
    const camelCase = fate.as.replace('client.', '')
    const { value } = another(name, javaDefault)
    const together = { retryBackoffMaxMs: 50_000, reconnectBackoffMaxMs: 50_000, [camelCase]: value }
    expect(resolvedAt(resolveShareConsumerConfig({ ...base, ...together }), fate.as)).toBe(value)
  })

  it.each(javaOptions.flatMap(([name, , fate]) => (fate === 'without effect' ? [[name] as const] : [])))(
    '%s is accepted without effect, which a line for debugging says',
    (name) => {
      const lines: string[] = []
      const logger: Logger = { ...silentLogger, debug: (_, message) => lines.push(message) }
      const given = resolveShareConsumerConfig({ ...base, logger, properties: { [name]: 'x' } })
      expect(lines).toEqual([expect.stringMatching(`'${name}' has no effect here: `)])
      expect(JSON.stringify(given)).toBe(JSON.stringify(resolveShareConsumerConfig({ ...base, logger })))
    },
  )

  it.each(
    javaOptions.flatMap(([name, , fate]) =>
      typeof fate === 'object' && 'refused' in fate ? [{ name, remedy: fate.refused }] : [],
    ),
  )('$name is refused by name, with the remedy', ({ name, remedy }) => {
    const message = failure({ [name]: 'hunter2' })
    expect(message).toContain(`'${name}' cannot be set here`)
    expect(message).toMatch(remedy)
    expect(message).not.toContain('hunter2')
  })

  it('that are accepted without effect have no camelCase name, which is said', () => {
    expect(() => resolveShareConsumerConfig({ ...base, sendBufferBytes: 1 } as never)).toThrow(
      /'sendBufferBytes' has no effect here: Node leaves.*Leave it out/,
    )
  })

  it('have bounds: the default of the longest follows the shortest', () => {
    const { client } = resolveShareConsumerConfig({
      ...base,
      properties: {
        'reconnect.backoff.ms': '5000',
        'socket.connection.setup.timeout.ms': '40000',
        'connections.max.idle.ms': '-1',
        'metadata.max.idle.ms': 'never',
      },
    })
    expect(client).toMatchObject({
      reconnectBackoffMs: 1_000,
      socketConnectionSetupTimeoutMaxMs: 40_000,
      connectionsMaxIdleMs: Infinity,
      metadataTopicCacheTtlMs: null,
    })
  })
})

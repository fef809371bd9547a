// Names of Kafka's configuration that are no options here: those that are refused, because leaving them out silently would
// change what the application counts on, and those that are accepted without effect, because a properties file of a Java
// client may hold them and nothing depends on them. A name that ends in `.*` stands for all that begin so.

/** Options of Kafka's that come with security, which this version does not have. */
const SECURITY = 'connections are plain text in this version; TLS and SASL come later. Use a PLAINTEXT listener'
const JAVA_CLASSES = 'Java classes cannot be used here. Leave it out'

/** Names that mean something in Kafka and are refused by every client of this version: to what to do instead. */
export const refusedEverywhere: ReadonlyMap<string, string> = new Map([
  ...['ssl', 'sasl', 'tls', 'ssl.*', 'sasl.*', 'security.*'].map((name): [string, string] => [name, SECURITY]),
  ['config.providers', JAVA_CLASSES],
  ['metric.reporters', 'Java classes cannot be used here. Read metrics() instead'],
  [
    'bootstrap.resolve.timeout.ms',
    'host names are resolved when a connection is made, and again with each attempt. Set bootstrapTimeoutMs, which bounds the whole of reaching a cluster for the first time',
  ],
])

/** Names that every client accepts without effect: to the reason. */
export const ineffectiveEverywhere: ReadonlyMap<string, string> = new Map([
  ['send.buffer.bytes', 'Node leaves the buffers of a socket to the system'],
  ['receive.buffer.bytes', 'Node leaves the buffers of a socket to the system'],
  ['metrics.num.samples', 'metrics are counted without samples'],
  ['metrics.sample.window.ms', 'metrics are counted without samples'],
  ['metrics.recording.level', 'all metrics are always counted'],
  ['enable.metrics.push', 'this client sends no metrics to the brokers (KIP-714); read metrics()'],
  [
    'metadata.cluster.check.enable',
    'a misrouted connection shows in the metadata that it answers with, and is not asked for beforehand',
  ],
])

/** What is set on the group (KIP-932, KIP-1240, KIP-1191), and looked for on the consumer. */
export const GROUP_CONFIGS: readonly string[] = [
  'share.auto.offset.reset',
  'share.isolation.level',
  'share.session.timeout.ms',
  'share.heartbeat.interval.ms',
  'share.record.lock.duration.ms',
  'share.delivery.count.limit',
  'share.partition.max.record.locks',
  'share.renew.acknowledge.enable',
  'share.assignment.interval.ms',
  'errors.deadletterqueue.topic.name',
  'errors.deadletterqueue.copy.record.enable',
]

/**
 * What a share consumer refuses. Java's refuses ten of them at construction; several have a place of their own in the
 * group's configuration.
 */
export const refusedByShareConsumers: ReadonlyMap<string, string> = new Map([
  ...refusedEverywhere,
  ...GROUP_CONFIGS.map((name): [string, string] => [name, groupConfig(name)]),
  ...Object.entries({
    'auto.offset.reset': groupConfig('share.auto.offset.reset'),
    'isolation.level': groupConfig('share.isolation.level'),
    'session.timeout.ms': groupConfig('share.session.timeout.ms'),
    'heartbeat.interval.ms': groupConfig('share.heartbeat.interval.ms'),
    'enable.auto.commit':
      "share consumers acknowledge records instead of committing offsets. Set acknowledgementMode: 'implicit' or 'explicit'",
    'auto.commit.interval.ms':
      "share consumers acknowledge records instead of committing offsets. Set acknowledgementMode: 'implicit' or 'explicit'",
    'group.instance.id': 'share groups have no static members. Leave it out',
    'partition.assignment.strategy': 'the broker assigns (group.share.assignors of the brokers). Leave it out',
    'group.remote.assignor': 'the broker assigns (group.share.assignors of the brokers). Leave it out',
    'group.protocol': 'a share consumer always uses the protocol of share groups. Leave it out',
    'interceptor.classes': JAVA_CLASSES,
    'key.deserializer': 'Java classes cannot be used here. Set the option keyDeserializer',
    'value.deserializer': 'Java classes cannot be used here. Set the option valueDeserializer',
  }),
])

/** What a share consumer accepts without effect, as Java's does. */
export const ineffectiveForShareConsumers: ReadonlyMap<string, string> = new Map([
  ...ineffectiveEverywhere,
  ['max.partition.fetch.bytes', 'a share fetch has one limit for all its partitions, fetchMaxBytes (KIP-932)'],
  ['exclude.internal.topics', 'topics are subscribed to by name, never by a pattern'],
  ['internal.throw.on.fetch.stable.offset.unsupported', 'it is internal to the Java client'],
])

function groupConfig(name: string): string {
  return `it belongs to the group, not to a member. Set the group configuration ${name}, e.g. with Admin.alterGroupConfigs(groupId, { '${name}': … })`
}

/** What such a table says of a name: under the name itself, or under the `.*` that it begins with. */
export function reasonFor(name: string, table: ReadonlyMap<string, string> | undefined): string | undefined {
  const dot = name.indexOf('.')
  return table?.get(name) ?? (dot < 0 ? undefined : table?.get(`${name.slice(0, dot)}.*`))
}

import { bool, double, int, list, long, MAX_LONG, text, type ConfigDefinition } from './config-definition.js'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** What `compression.type` may be. */
export const compressionTypes = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer']

/** gzip's level: 1 to 9, or -1 for its own default. */
export function refuseGzipLevel(value: string): string | undefined {
  return value === '0' ? 'Value must be between 1 and 9 or equal to -1' : undefined
}

function throttledReplicas(name: string): ConfigDefinition {
  const refuse = (value: string): string | undefined => {
    if (value === '' || value === '*' || /^\d+:\d+(,\d+:\d+)*$/.test(value)) return undefined
    return `${name} must be the literal '*' or a list of replicas in the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...`
  }
  return list(name, '', { refuse })
}

/** The configurations of topics. Those of storage (segments, flushing, compaction, tiers) are kept and told; nothing follows from them. */
export const topicConfigDefinitions: readonly ConfigDefinition[] = [
  list('cleanup.policy', 'delete', { oneOf: ['compact', 'delete'], broker: ['log.cleanup.policy'] }),
  int('compression.gzip.level', -1, { min: -1, max: 9, refuse: refuseGzipLevel, broker: ['compression.gzip.level'] }),
  int('compression.lz4.level', 9, { min: 1, max: 17, broker: ['compression.lz4.level'] }),
  text('compression.type', 'producer', { oneOf: compressionTypes, broker: ['compression.type'] }),
  int('compression.zstd.level', 3, { min: -131_072, max: 22, broker: ['compression.zstd.level'] }),
  long('delete.retention.ms', 86_400_000, { min: 0, broker: ['log.cleaner.delete.retention.ms'] }),
  bool('errors.deadletterqueue.group.enable', false, { since: '4.4' }),
  long('file.delete.delay.ms', 60_000, { min: 0, broker: ['log.segment.delete.delay.ms'] }),
  long('flush.messages', MAX_LONG, { min: 1, broker: ['log.flush.interval.messages'] }),
  long('flush.ms', MAX_LONG, { min: 0, broker: ['log.flush.interval.ms', 'log.flush.scheduler.interval.ms'] }),
  throttledReplicas('follower.replication.throttled.replicas'),
  int('index.interval.bytes', 4096, { min: 0, broker: ['log.index.interval.bytes'] }),
  throttledReplicas('leader.replication.throttled.replicas'),
  long('local.retention.bytes', -2, { min: -2, broker: ['log.local.retention.bytes'] }),
  long('local.retention.ms', -2, { min: -2, broker: ['log.local.retention.ms'] }),
  long('max.compaction.lag.ms', MAX_LONG, { min: 1, broker: ['log.cleaner.max.compaction.lag.ms'] }),
  int('max.decompressed.message.bytes', 2_147_483_639, {
    min: 1,
    max: 2_147_483_639,
    since: '4.4',
    broker: ['max.decompressed.message.bytes'],
  }),
  int('max.message.bytes', 1_048_588, { min: 0, broker: ['message.max.bytes'] }),
  long('message.timestamp.after.max.ms', 3_600_000, { min: 0, broker: ['log.message.timestamp.after.max.ms'] }),
  long('message.timestamp.before.max.ms', MAX_LONG, { min: 0, broker: ['log.message.timestamp.before.max.ms'] }),
  text('message.timestamp.type', 'CreateTime', {
    oneOf: ['CreateTime', 'LogAppendTime'],
    broker: ['log.message.timestamp.type'],
  }),
  double('min.cleanable.dirty.ratio', 0.5, { min: 0, max: 1, broker: ['log.cleaner.min.cleanable.ratio'] }),
  long('min.compaction.lag.ms', 0, { min: 0, broker: ['log.cleaner.min.compaction.lag.ms'] }),
  int('min.insync.replicas', 1, { min: 1, broker: ['min.insync.replicas'] }),
  bool('preallocate', false, { broker: ['log.preallocate'] }),
  long('remote.copy.lag.bytes', -1, { min: -1, since: '4.4', broker: ['log.remote.copy.lag.bytes'] }),
  long('remote.copy.lag.ms', 0, { min: -1, since: '4.4', broker: ['log.remote.copy.lag.ms'] }),
  bool('remote.log.copy.disable', false),
  bool('remote.log.delete.on.disable', false),
  bool('remote.storage.enable', false),
  long('retention.bytes', -1, { broker: ['log.retention.bytes'] }),
  long('retention.ms', 604_800_000, {
    min: -1,
    broker: [
      'log.retention.ms',
      { name: 'log.retention.minutes', times: MINUTE_MS },
      { name: 'log.retention.hours', times: HOUR_MS },
    ],
  }),
  int('segment.bytes', 1_073_741_824, { min: 1_048_576, broker: ['log.segment.bytes'] }),
  int('segment.index.bytes', 10_485_760, { min: 4, broker: ['log.index.size.max.bytes'] }),
  long('segment.jitter.ms', 0, {
    min: 0,
    broker: ['log.roll.jitter.ms', { name: 'log.roll.jitter.hours', times: HOUR_MS }],
  }),
  long('segment.ms', 604_800_000, { min: 1, broker: ['log.roll.ms', { name: 'log.roll.hours', times: HOUR_MS }] }),
  bool('unclean.leader.election.enable', false, { broker: ['unclean.leader.election.enable'] }),
]

/** Limits and rules of one log, looked up when they are needed (topic configs may change). */
export interface LogSettings {
  /** -1: as much as the memory allows. */
  readonly retentionBytes: number
  /** -1: for ever. */
  readonly retentionMs: number
  readonly maxMessageBytes: number
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  /** `producer` keeps what the producer chose. */
  readonly compressionType: string
  /** How far a record's timestamp may lie before the broker's time. Default: any. */
  readonly timestampBeforeMaxMs?: number
  /** How far a record's timestamp may lie after the broker's time. Default: any. */
  readonly timestampAfterMaxMs?: number
  /** Records need keys. Nothing is compacted. Default false. */
  readonly isCompacted?: boolean
  /** The retention limits hold; they do not where the only policy is to compact. Default true. */
  readonly isDeleted?: boolean
}

/** The settings that a topic's configurations make. */
export function logSettings(value: (name: string) => string): LogSettings {
  const policy = value('cleanup.policy')
  return {
    retentionBytes: Number(value('retention.bytes')),
    retentionMs: Number(value('retention.ms')),
    maxMessageBytes: Number(value('max.message.bytes')),
    timestampType: value('message.timestamp.type') === 'LogAppendTime' ? 'LogAppendTime' : 'CreateTime',
    compressionType: value('compression.type'),
    timestampBeforeMaxMs: Number(value('message.timestamp.before.max.ms')),
    timestampAfterMaxMs: Number(value('message.timestamp.after.max.ms')),
    isCompacted: policy.includes('compact'),
    isDeleted: policy === '' || policy.includes('delete'),
  }
}

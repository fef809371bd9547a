// SKELETON by the lead: the owner of configs/ replaces the bodies and keeps (or extends) the names.

/** What holds for a share group now: its own settings over the broker's, within the broker's bounds. */
export interface ShareGroupSettings {
  readonly autoOffsetReset:
    | { readonly kind: 'earliest' | 'latest' }
    | { readonly kind: 'byDuration'; readonly durationMs: number }
  readonly isolationLevel: 'read_uncommitted' | 'read_committed'
  readonly recordLockDurationMs: number
  readonly sessionTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly deliveryCountLimit: number
  readonly partitionMaxRecordLocks: number
  readonly renewAcknowledgeEnable: boolean
  readonly assignmentIntervalMs: number
  /** Undefined: no dead-letter queue. */
  readonly deadLetterTopic: string | undefined
  readonly deadLetterCopyRecord: boolean
}

/** Configurations of brokers, topics and groups, with Kafka's names, defaults and bounds. */
export class ClusterConfigs {
  /** The broker's value of a configuration, e.g. `group.share.max.size`; cluster-wide. */
  brokerNumber(_name: string): number {
    throw new Error('skeleton')
  }
  brokerString(_name: string): string {
    throw new Error('skeleton')
  }
  brokerBoolean(_name: string): boolean {
    throw new Error('skeleton')
  }
  /** A topic's value: its own or the default. */
  topicValue(_topic: string, _name: string): string {
    throw new Error('skeleton')
  }
  shareGroup(_groupId: string): ShareGroupSettings {
    throw new Error('skeleton')
  }
}

import { parseAutoOffsetReset, type AutoOffsetReset } from './group-config-definitions.js'

/** What holds for a share group now: its own settings over the broker's, within the broker's bounds. */
export interface ShareGroupSettings {
  readonly autoOffsetReset: AutoOffsetReset
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

/** @param valueOf the value that holds for the group, in canonical form */
export function shareGroupSettings(valueOf: (name: string) => string): ShareGroupSettings {
  const number = (name: string): number => Number(valueOf(name))
  const deadLetterTopic = valueOf('errors.deadletterqueue.topic.name').trim()
  return {
    autoOffsetReset: parseAutoOffsetReset(valueOf('share.auto.offset.reset')) ?? { kind: 'latest' },
    isolationLevel: valueOf('share.isolation.level') === 'read_committed' ? 'read_committed' : 'read_uncommitted',
    recordLockDurationMs: number('share.record.lock.duration.ms'),
    sessionTimeoutMs: number('share.session.timeout.ms'),
    heartbeatIntervalMs: number('share.heartbeat.interval.ms'),
    deliveryCountLimit: number('share.delivery.count.limit'),
    partitionMaxRecordLocks: number('share.partition.max.record.locks'),
    renewAcknowledgeEnable: valueOf('share.renew.acknowledge.enable') === 'true',
    assignmentIntervalMs: number('share.assignment.interval.ms'),
    deadLetterTopic: deadLetterTopic === '' ? undefined : deadLetterTopic,
    deadLetterCopyRecord: valueOf('errors.deadletterqueue.copy.record.enable') === 'true',
  }
}

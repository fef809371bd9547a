import type { Uuid } from '@milena/protocol'
import type { PartitionLog } from '../log/partition-log.js'

// SKELETON by the lead: the owner of topics/ replaces the bodies and keeps (or extends) the names.

export interface PartitionEntry {
  readonly topic: TopicEntry
  readonly index: number
  /** -1 while none of its replicas is alive. */
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly inSyncReplicas: readonly number[]
  readonly log: PartitionLog
}

export interface TopicEntry {
  readonly name: string
  readonly id: Uuid
  readonly isInternal: boolean
  readonly partitions: readonly PartitionEntry[]
}

export interface NewTopic {
  readonly name: string
  /** Default 1 (broker config num.partitions). */
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string | null>>
}

/** The key under which requests wait for a partition's log to move (see DelayedOperations). */
export function logKey(topicId: Uuid, partition: number): string {
  return `log:${topicId}:${partition}`
}

/** A change of the catalogue, told after it happened. */
export type TopicChange =
  | { readonly kind: 'created' | 'deleted' | 'partitionsAdded'; readonly topic: TopicEntry }
  | { readonly kind: 'leaderChanged'; readonly partition: PartitionEntry; readonly formerLeaderId: number }

/** All topics, their partitions and who leads them. */
export class TopicCatalog {
  byName(_name: string): TopicEntry | undefined {
    throw new Error('skeleton')
  }
  byId(_id: Uuid): TopicEntry | undefined {
    throw new Error('skeleton')
  }
  all(): readonly TopicEntry[] {
    throw new Error('skeleton')
  }
  partition(_topicId: Uuid, _index: number): PartitionEntry | undefined {
    throw new Error('skeleton')
  }
  /** @returns the topic, or why not: an error code and a sentence */
  create(_topic: NewTopic): TopicEntry | { readonly errorCode: number; readonly errorMessage: string } {
    throw new Error('skeleton')
  }
  delete(_name: string): boolean {
    throw new Error('skeleton')
  }
  /** Gives the partition to another leader; its epoch grows. */
  moveLeader(_topicId: Uuid, _partition: number, _leaderId: number): void {
    throw new Error('skeleton')
  }
  /** A broker died or came back: leaders move to live replicas, or partitions get none. */
  liveBrokersChanged(_liveBrokerIds: readonly number[]): void {
    throw new Error('skeleton')
  }
  onChange(_fn: (change: TopicChange) => void): () => void {
    throw new Error('skeleton')
  }
}

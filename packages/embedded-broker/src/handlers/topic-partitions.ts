import { ErrorCode } from '@milena/protocol'
import type { PartitionEntry } from '../topics/topic-catalog.js'

/** A partition as answers about topics tell it. */
export interface PartitionView {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: number[]
  readonly isrNodes: number[]
  readonly offlineReplicas: number[]
}

/** @param isLive whether a broker runs */
export function partitionView(partition: PartitionEntry, isLive: (brokerId: number) => boolean): PartitionView {
  const { index, leaderId, leaderEpoch, replicas, inSyncReplicas } = partition
  return {
    errorCode: leaderId === -1 ? ErrorCode.LEADER_NOT_AVAILABLE : 0,
    partitionIndex: index,
    leaderId,
    leaderEpoch,
    replicaNodes: [...replicas],
    isrNodes: [...inSyncReplicas],
    offlineReplicas: replicas.filter((id) => !isLive(id)),
  }
}

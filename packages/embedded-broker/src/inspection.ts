import type { BrokerCluster } from './broker-cluster.js'
import type { ClassicGroupView } from './groups/classic-groups.js'
import type { ShareGroupView } from './share/coordinator/share-groups.js'
import type { SharePartitionView, ShareSessionView } from './share/leader/share-leader.js'

export interface BrokerView {
  readonly id: number
  readonly address: string
  readonly isAlive: boolean
  readonly isFrozen: boolean
  /** The client ids of its connections. */
  readonly connections: readonly (string | null)[]
}

export interface TopicView {
  readonly name: string
  readonly id: string
  readonly partitions: readonly {
    readonly partition: number
    /** -1: none. */
    readonly leader: number
    readonly leaderEpoch: number
    readonly startOffset: number
    /** The offset of the next record. */
    readonly endOffset: number
    readonly lastStableOffset: number
  }[]
}

export interface InspectedShareGroup extends ShareGroupView {
  /** How many of its records were written to its dead-letter queue. */
  readonly deadLettered: number
}

/** A cluster as it is at one moment. */
export interface ClusterView {
  readonly brokers: readonly BrokerView[]
  readonly topics: readonly TopicView[]
  readonly shareGroups: readonly InspectedShareGroup[]
  /** What the leaders hold in memory. */
  readonly sharePartitions: readonly SharePartitionView[]
  readonly shareSessions: readonly ShareSessionView[]
  readonly classicGroups: readonly ClassicGroupView[]
  /** Requests that wait: long polls and delayed answers. */
  readonly waitingRequests: number
}

export function inspectCluster(cluster: BrokerCluster): ClusterView {
  return {
    brokers: cluster.nodes.map((node) => ({
      id: node.id,
      address: `${node.host}:${node.port}`,
      isAlive: node.isAlive,
      isFrozen: node.isFrozen,
      connections: [...node.connections].map(({ clientId }) => clientId),
    })),
    topics: cluster.topics.all().map(({ name, id, partitions }) => ({
      name,
      id,
      partitions: partitions.map(({ index, leaderId, leaderEpoch, log }) => ({
        partition: index,
        leader: leaderId,
        leaderEpoch,
        startOffset: log.startOffset,
        endOffset: log.endOffset,
        lastStableOffset: log.lastStableOffset,
      })),
    })),
    shareGroups: cluster.shareGroups.inspect().map((group) => ({
      ...group,
      deadLettered: cluster.nodes.reduce((sum, { share }) => sum + share.deadLettered(group.groupId), 0),
    })),
    sharePartitions: cluster.nodes.flatMap(({ share }) => share.inspectPartitions()),
    shareSessions: cluster.nodes.flatMap(({ share }) => share.inspectSessions()),
    classicGroups: cluster.classicGroups.inspect(),
    waitingRequests: cluster.surroundings.delayed.size,
  }
}

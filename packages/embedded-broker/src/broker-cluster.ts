import { ErrorCode } from '@milena/protocol'
import type { BrokerNode } from './broker-node.js'
import type { ClusterConfigs } from './configs/cluster-configs.js'
import type { Features } from './features.js'
import type { ClassicGroups } from './groups/classic-groups.js'
import type { BrokerSecurity } from './security/broker-security.js'
import type { ShareGroups } from './share/coordinator/share-groups.js'
import type { ShareStateStore } from './share/state/share-state-store.js'
import type { Surroundings } from './surroundings.js'
import type { TopicCatalog } from './topics/topic-catalog.js'
import type { TransactionCoordinator } from './transactions/transaction-coordinator.js'

/** The parts of a cluster, put together by build-cluster.ts. */
export interface ClusterParts {
  readonly clusterId: string
  readonly surroundings: Surroundings
  readonly nodes: readonly BrokerNode[]
  readonly topics: TopicCatalog
  readonly configs: ClusterConfigs
  readonly features: Features
  readonly transactions: TransactionCoordinator
  readonly classicGroups: ClassicGroups
  readonly shareGroups: ShareGroups
  readonly shareStates: ShareStateStore
  readonly security: BrokerSecurity
}

/** All that the brokers of one cluster share. Logs, groups and positions survive a broker's death; a leader's memory does not. */
export class BrokerCluster {
  readonly clusterId: string
  readonly surroundings: Surroundings
  readonly nodes: readonly BrokerNode[]
  readonly topics: TopicCatalog
  readonly configs: ClusterConfigs
  readonly features: Features
  readonly transactions: TransactionCoordinator
  readonly classicGroups: ClassicGroups
  readonly shareGroups: ShareGroups
  readonly shareStates: ShareStateStore
  readonly security: BrokerSecurity

  constructor(parts: ClusterParts) {
    this.clusterId = parts.clusterId
    this.surroundings = parts.surroundings
    this.nodes = parts.nodes
    this.topics = parts.topics
    this.configs = parts.configs
    this.features = parts.features
    this.transactions = parts.transactions
    this.classicGroups = parts.classicGroups
    this.shareGroups = parts.shareGroups
    this.shareStates = parts.shareStates
    this.security = parts.security
  }

  get liveNodes(): readonly BrokerNode[] {
    return this.nodes.filter((node) => node.isAlive)
  }

  node(id: number): BrokerNode | undefined {
    return this.nodes.find((node) => node.id === id)
  }

  /** The first live broker; -1 when there is none. */
  get controllerId(): number {
    return this.liveNodes[0]?.id ?? -1
  }

  /** The broker that coordinates this group or transactional id: the same one while it lives. Undefined while none does. */
  coordinatorOf(key: string): BrokerNode | undefined {
    // The partition of the internal topic, as Kafka derives it: Java's String.hashCode.
    let hash = 0
    for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0
    const first = (hash & 0x7fffffff) % this.nodes.length
    return [...this.nodes.slice(first), ...this.nodes.slice(0, first)].find((node) => node.isAlive)
  }

  /** Ends every timer and lets memory go; nothing is to be asked afterwards. */
  close(): void {
    this.shareGroups.close()
    this.classicGroups.close()
    this.transactions.close()
    this.topics.close()
  }

  /** NOT_COORDINATOR when another broker coordinates this group or transactional id, else 0. */
  coordinatorError(key: string, asked: BrokerNode): number {
    return this.coordinatorOf(key) === asked ? 0 : ErrorCode.NOT_COORDINATOR
  }
}

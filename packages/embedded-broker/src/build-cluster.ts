import { KafkaUsageError } from '@milena/protocol'
import { BrokerCluster } from './broker-cluster.js'
import { BrokerNode } from './broker-node.js'
import { ClusterConfigs } from './configs/cluster-configs.js'
import { DelayedOperations } from './delayed-operations.js'
import type { ResolvedOptions } from './embedded-broker-options.js'
import { Features, FeatureUpgradeType } from './features.js'
import { guardedClock } from './guarded-clock.js'
import { ClassicGroups } from './groups/classic-groups.js'
import { LogRetention } from './log/log-retention.js'
import { partitionLogs } from './log/partition-logs.js'
import { BrokerSecurity } from './security/broker-security.js'
import { ShareGroups } from './share/coordinator/share-groups.js'
import { ShareLeader } from './share/leader/share-leader.js'
import { ShareStateStore } from './share/state/share-state-store.js'
import type { Surroundings } from './surroundings.js'
import { TopicCatalog } from './topics/topic-catalog.js'
import { TransactionCoordinator } from './transactions/transaction-coordinator.js'
import { versionProfile } from './version-profile.js'

/** Where Kafka's own default suits production and not a test. */
function ownDefaults(brokers: number): Readonly<Record<string, string>> {
  return {
    // A consumer group need not wait for more members to come.
    'group.initial.rebalance.delay.ms': '0',
    // Topics outlive a broker where there is another.
    'default.replication.factor': String(Math.min(3, brokers)),
  }
}

/** Puts the parts together; the one place that knows all of them. */
export function buildCluster(options: ResolvedOptions, changed: () => void): BrokerCluster {
  const { random, logger } = options
  const clock = guardedClock(options.clock, logger)
  const surroundings: Surroundings = {
    clock,
    random,
    logger,
    profile: versionProfile(options.version),
    delayed: new DelayedOperations(clock),
    changed,
  }
  const brokerIds = Array.from({ length: options.brokers }, (_, index) => index + 1)
  const features = featuresAt(surroundings, options.features)
  const configs = new ClusterConfigs(surroundings, {
    serverProperties: { ...ownDefaults(options.brokers), ...options.serverProperties },
    brokerIds,
  })
  const topicValue = (topic: string, name: string): string => configs.topicValue(topic, name)
  const { maxLogBytes } = options
  const retention = new LogRetention(surroundings, { maxTotalBytes: maxLogBytes, maxPartitionBytes: maxLogBytes })
  const topics = new TopicCatalog(surroundings, {
    brokerIds,
    configs,
    makeLog: partitionLogs(surroundings, { retention, topicValue }),
  })
  const transactions = new TransactionCoordinator(surroundings, {
    maxTimeoutMs: () => configs.brokerNumber('transaction.max.timeout.ms'),
    idExpirationMs: () => configs.brokerNumber('transactional.id.expiration.ms'),
    logOf: (topicId, partition) => topics.partition(topicId, partition),
  })
  const classicGroups: ClassicGroups = new ClassicGroups(surroundings, {
    configs,
    isShareGroup: (groupId) => shareGroups.has(groupId),
  })
  const shareStates = new ShareStateStore(surroundings.profile)
  const shareGroups: ShareGroups = new ShareGroups(surroundings, {
    topics,
    configs,
    states: shareStates,
    isClassicGroup: (groupId) => classicGroups.has(groupId),
    isEnabled: () => features.shareVersion > 0,
  })
  topics.onChange((change) => {
    if (change.kind === 'deleted') classicGroups.topicDeleted(change.topic.name)
  })
  transactions.onTransactionEnd(({ producerId, committed }) => classicGroups.endTransaction(producerId, committed))
  const nodes = brokerIds.map((id) => {
    const inMemory = options.network === 'memory'
    return new BrokerNode({
      id,
      rack: undefined,
      host: inMemory ? `broker-${id}` : options.advertisedHost,
      port: inMemory ? 9092 : options.port === 0 ? 0 : options.port + id - 1,
      share: new ShareLeader(surroundings, { nodeId: id, topics, configs, features, states: shareStates }),
    })
  })
  return new BrokerCluster({
    clusterId: random.uuid().toString('base64url'),
    surroundings,
    nodes,
    topics,
    configs,
    features,
    transactions,
    classicGroups,
    shareGroups,
    shareStates,
    security: new BrokerSecurity(surroundings, options.security),
  })
}

/** The features of the release, but these at the levels given. */
function featuresAt(surroundings: Surroundings, levels: Readonly<Record<string, number>>): Features {
  const features = new Features(surroundings)
  const updates = Object.entries(levels).map(([name, level]) => ({
    name,
    level,
    upgradeType: FeatureUpgradeType.unsafeDowngrade,
  }))
  const failure = features.update(updates, { validateOnly: false })
  if (failure === undefined) return features
  const known = features.supported.map(({ name, minVersion, maxVersion }) => `${name} (${minVersion}-${maxVersion})`)
  throw new KafkaUsageError(`${failure.errorMessage} This release has: ${known.join(', ')}.`)
}

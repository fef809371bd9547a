export { describeOnBrokers } from './describe-on-brokers.js'
export type { SharedBrokersOptions } from './describe-on-brokers.js'
export { describeOnClusters } from './describe-on-clusters.js'
export type { TestCluster } from './describe-on-clusters.js'
export type { OnBrokersOptions } from './describe-on-kinds.js'
export { registerBrokerProvider } from './broker-provider.js'
export type {
  BrokerCount,
  BrokerOffer,
  BrokerProvider,
  ClusterBroker,
  ClusterOptions,
  StartedCluster,
} from './broker-provider.js'
export type { BrokerKind } from './broker-kind.js'
export type { MinorRelease } from './release.js'
export type { TestBroker, TopicOptions } from './test-broker.js'

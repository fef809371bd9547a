/**
 * A Kafka broker with share groups in the process, for tests and development.
 *
 * @module @milena/embedded-broker
 */

export { EmbeddedBroker, type BrokerRuntime } from './embedded-broker.js'
export { withEmbeddedBroker } from './with-embedded-broker.js'
export type { EmbeddedBrokerOptions, InitialTopic } from './embedded-broker-options.js'
export type { AdvanceOptions, Expected } from './advance-until.js'
export type { BrokerView, ClusterView, InspectedShareGroup, TopicView } from './inspection.js'
export type { ShareGroupView } from './share/coordinator/share-groups.js'
export type { SharePartitionView, ShareSessionView } from './share/leader/share-leader.js'
export type { ShareRecordsView } from './share/records/share-records-view.js'
export type { ClassicGroupState } from './groups/classic-group-state.js'
export type { ClassicGroupView } from './groups/classic-groups.js'
export type { CommittedOffset } from './groups/committed-offsets.js'
export type { AclRule } from './security/acl-rule.js'
export type { AclOperation, AclResourceType } from './security/authorizer.js'
export type { SaslMechanism, SaslUser, SecurityOptions } from './security/security-options.js'
export type {
  ApiNamed,
  FailedPartition,
  InterceptAction,
  InterceptedApi,
  InterceptedRequest,
  Interception,
  InterceptOptions,
} from './server/intercept.js'
export type { SeenRequest } from './server/request-history.js'
export type { ServedApis } from './server/served-apis.js'
export type { AppendedRecords, RecordToAppend, StoredRecord } from './stored-records.js'
export type { KafkaVersion } from './version-profile.js'

// What a test needs besides, so that it has to depend on this package only.
export {
  ErrorCode,
  KafkaConnectionError,
  KafkaTimeoutError,
  KafkaUsageError,
  type AnyApi,
  type RecordHeader,
  type RecordHeaders,
  type RequestOf,
  type ResponseInput,
} from '@milena/protocol'
export {
  SeededRandom,
  silentLogger,
  VirtualClock,
  type Clock,
  type Logger,
  type Random,
  type Transport,
} from '@milena/protocol/runtime'

export { EmbeddedBroker, type BrokerRuntime } from './embedded-broker.js'
export { withEmbeddedBroker } from './with-embedded-broker.js'
export type { EmbeddedBrokerOptions, InitialTopic } from './embedded-broker-options.js'
export type { AdvanceOptions, Expected } from './advance-until.js'
export type { BrokerView, ClusterView, InspectedShareGroup, TopicView } from './inspection.js'
export type { ClassicGroupView } from './groups/classic-groups.js'
export type { AclRule } from './security/acl-rule.js'
export type { AclOperation, AclResourceType } from './security/authorizer.js'
export type { SaslMechanism, SaslUser, SecurityOptions } from './security/security-options.js'
export type {
  ApiNamed,
  InterceptAction,
  InterceptedApi,
  InterceptedRequest,
  Interception,
  InterceptOptions,
} from './server/intercept.js'
export type { SeenRequest } from './server/request-history.js'
export type { AppendedRecords, RecordToAppend, StoredRecord } from './stored-records.js'
export type { KafkaVersion } from './version-profile.js'

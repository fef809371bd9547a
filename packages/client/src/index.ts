/**
 * ShareConsumer, Producer and Admin: what talks to the brokers.
 *
 * @module @milena/client
 */

export {
  ErrorCode,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaProtocolError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
  type RecordHeader,
  type RecordHeaders,
} from '@milena/protocol'
export type { Logger, LogLevel } from '@milena/protocol/runtime'
export type {
  ClientDnsLookup,
  ClientOptions,
  ClientOptionsInProperties,
  MetadataRecoveryStrategy,
  Runtime,
} from './config/client-config.js'
export type {
  AcknowledgementMode,
  AcquireMode,
  ShareConsumerOptions,
  ShareConsumerOptionsInProperties,
} from './config/share-consumer-config.js'
export { consoleLogger } from './logger.js'
export { metricDescriptions, type MetricDescription, type MetricName } from './metrics/metric-descriptions.js'
export type { ShareConsumerMetrics } from './metrics/share-consumer-metrics.js'
export type { HostResolver } from './network/host-resolver.js'
export {
  bytes,
  json,
  string,
  type DeserializationContext,
  type DeserializeFunction,
  type Deserializer,
  type Serde,
  type SerializationContext,
  type SerializeFunction,
  type Serializer,
} from './serde.js'
export { AcknowledgeType } from './share/acknowledge-type.js'
export { ConsumerRecord } from './share/consumer-record.js'
export { ConsumerRecords } from './share/consumer-records.js'
export { RecordDeserializationError } from './share/record-deserialization-error.js'
export { RecordDeserializationFailure } from './share/record-failure.js'
export type { CommitResult } from './share/commits.js'
export type {
  AcknowledgementCommitCallback,
  CloseOptions,
  CommitOptions,
  PollOptions,
  ReadOptions,
  RecordPosition,
} from './share/consumer-arguments.js'
export type { PassingFailure, ReadFailure, RecordOrFailure } from './share/read-failure.js'
export type { AcknowledgementResult } from './share/record-verdicts.js'
export { ShareConsumer } from './share/share-consumer.js'
export type { TopicIdPartition } from './share/share-partition.js'
export type { AcknowledgementCounts, AcknowledgementVerdict } from './share/verdict.js'
export { Admin, type AdminOptions, type CreateTopicsOptions } from './admin/admin.js'
export type { ConfigEntry, ConfigResource, ConfigResourceType } from './admin/config-resource.js'
export type { ShareGroupDescription, ShareGroupMember, ShareGroupOffset } from './admin/share-group.js'
export type { CreatedTopic, NewTopic, TopicDescription } from './admin/topic.js'
export type { DefaultSerializable, ProducerOptions, ProducerOptionsInProperties } from './config/producer-config.js'
export { Producer } from './producer/producer.js'
export type { RecordMetadata } from './producer/producer-batch.js'
export type { HeadersInput, ProducerRecord } from './producer/record-input.js'

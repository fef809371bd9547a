/**
 * Kafka's wire protocol: bytes, record batches, codecs, error codes and error classes.
 *
 * @module @milena/protocol
 */

export { ByteReader } from './bytes/reader.js'
export { ByteWriter } from './bytes/writer.js'
export { ZERO_UUID, type Uuid } from './bytes/uuid.js'
export { ErrorCode, errorMessageOf, errorName, isRetriable, type ErrorName } from './error-codes.js'
export {
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaProtocolError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
  type KafkaBrokerErrorOptions,
  type KafkaErrorOptions,
} from './errors.js'
export { FrameSplitter } from './frame/frame-splitter.js'
export {
  correlationIdOf,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type RequestToEncode,
  type ResponseToEncode,
} from './frame/frames.js'
export type { RequestHeader } from './frame/headers.js'
export { AddOffsetsToTxn } from './messages/add-offsets-to-txn.js'
export { AddPartitionsToTxn } from './messages/add-partitions-to-txn.js'
export { AlterConfigs } from './messages/alter-configs.js'
export { AlterShareGroupOffsets } from './messages/alter-share-group-offsets.js'
export { ApiVersions } from './messages/api-versions.js'
export { CreatePartitions } from './messages/create-partitions.js'
export { CreateTopics } from './messages/create-topics.js'
export { DeleteGroups } from './messages/delete-groups.js'
export { DeleteRecords } from './messages/delete-records.js'
export { DeleteShareGroupOffsets } from './messages/delete-share-group-offsets.js'
export { DeleteTopics } from './messages/delete-topics.js'
export { DescribeCluster } from './messages/describe-cluster.js'
export { DescribeConfigs } from './messages/describe-configs.js'
export { DescribeGroups } from './messages/describe-groups.js'
export { DescribeShareGroupOffsets } from './messages/describe-share-group-offsets.js'
export { DescribeTopicPartitions } from './messages/describe-topic-partitions.js'
export { EndTxn } from './messages/end-txn.js'
export { Fetch } from './messages/fetch.js'
export { FindCoordinator } from './messages/find-coordinator.js'
export { Heartbeat } from './messages/heartbeat.js'
export { IncrementalAlterConfigs } from './messages/incremental-alter-configs.js'
export { InitProducerId } from './messages/init-producer-id.js'
export { JoinGroup } from './messages/join-group.js'
export { LeaveGroup } from './messages/leave-group.js'
export { ListConfigResources } from './messages/list-config-resources.js'
export { ListGroups } from './messages/list-groups.js'
export { ListOffsets } from './messages/list-offsets.js'
export { ListPartitionReassignments } from './messages/list-partition-reassignments.js'
export { Metadata } from './messages/metadata.js'
export { OffsetCommit } from './messages/offset-commit.js'
export { OffsetDelete } from './messages/offset-delete.js'
export { OffsetFetch } from './messages/offset-fetch.js'
export { OffsetForLeaderEpoch } from './messages/offset-for-leader-epoch.js'
export { Produce } from './messages/produce.js'
export { SaslAuthenticate } from './messages/sasl-authenticate.js'
export { SaslHandshake } from './messages/sasl-handshake.js'
export { ShareAcknowledge } from './messages/share-acknowledge.js'
export { ShareFetch } from './messages/share-fetch.js'
export { ShareGroupDescribe } from './messages/share-group-describe.js'
export { ShareGroupHeartbeat } from './messages/share-group-heartbeat.js'
export { SyncGroup } from './messages/sync-group.js'
export { TxnOffsetCommit } from './messages/txn-offset-commit.js'
export { UpdateFeatures } from './messages/update-features.js'
export {
  CompressionCodecs,
  defaultCompressionCodecs,
  type CodecChoice,
  type DecompressOptions,
} from './records/compression/compression-codecs.js'
export {
  CompressionType,
  compressionName,
  compressionTypeOf,
  type CompressionName,
} from './records/compression/compression-type.js'
export type { CompressionCodec, DecompressionLimits, PassedOverPackage } from './records/compression/codec.js'
export { ControlRecordType } from './records/control-record.js'
export { crc32c } from './records/crc32c.js'
export {
  RecordBatchBuilder,
  type BuildBatchOptions,
  type RecordBatchBuilderOptions,
  type RecordHeaderInputs,
  type RecordInput,
} from './records/record-batch-builder.js'
export { RecordBatchReader, type CutOffBatch } from './records/record-batch-reader.js'
export { RecordBatch, type OpenBatchOptions, type TimestampType } from './records/record-batch.js'
export { RecordCursor } from './records/record-cursor.js'
export { decodeRecordHeaders, type RecordHeader, type RecordHeaders } from './records/record-headers.js'
export type { AnyApi, Api, Message, RequestInput, RequestOf, ResponseInput, ResponseOf } from './schema/api.js'
export type { Field, FieldOptions, Fields, FieldType } from './schema/schema.js'

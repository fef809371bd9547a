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
export { ApiVersions } from './messages/api-versions.js'
export { CreateTopics } from './messages/create-topics.js'
export { DeleteTopics } from './messages/delete-topics.js'
export { DescribeConfigs } from './messages/describe-configs.js'
export { DescribeShareGroupOffsets } from './messages/describe-share-group-offsets.js'
export { FindCoordinator } from './messages/find-coordinator.js'
export { IncrementalAlterConfigs } from './messages/incremental-alter-configs.js'
export { InitProducerId } from './messages/init-producer-id.js'
export { ListOffsets } from './messages/list-offsets.js'
export { Metadata } from './messages/metadata.js'
export { Produce } from './messages/produce.js'
export { ShareAcknowledge } from './messages/share-acknowledge.js'
export { ShareFetch } from './messages/share-fetch.js'
export { ShareGroupDescribe } from './messages/share-group-describe.js'
export { ShareGroupHeartbeat } from './messages/share-group-heartbeat.js'
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
export { RecordBatchReader } from './records/record-batch-reader.js'
export { RecordBatch, type OpenBatchOptions, type TimestampType } from './records/record-batch.js'
export { RecordCursor } from './records/record-cursor.js'
export { decodeRecordHeaders, type RecordHeader, type RecordHeaders } from './records/record-headers.js'
export type { AnyApi, Api, Message, RequestInput, RequestOf, ResponseInput, ResponseOf } from './schema/api.js'
export type { Field, FieldOptions, Fields, FieldType } from './schema/schema.js'

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

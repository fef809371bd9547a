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
export type { ClientOptions, Runtime } from './config/client-config.js'
export type { AcknowledgementMode, AcquireMode, ShareConsumerOptions } from './config/share-consumer-config.js'
export { consoleLogger } from './logger.js'
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

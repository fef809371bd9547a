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

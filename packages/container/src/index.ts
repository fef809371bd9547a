export { AcknowledgeType } from '@milena/client'
export type { LockLossCause } from '@milena/client/internal'
export { ShareAckMode } from './ack-modes.js'
export type { ContainerProperties, RestartPolicy } from './container-properties.js'
export { ContainerState } from './container-state.js'
export type { ContainerRuntime, ContainerSurroundings } from './container-surroundings.js'
export type { KafkaListenerEndpoint } from './endpoint.js'
export type { ContainerEvent, ContainerEventPublisher, ContainerObserver } from './event-hub.js'
export {
  AcknowledgmentFailedEvent,
  ConsumerFailedToStartEvent,
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  PollFailedEvent,
  RecordDeserializationFailedEvent,
  RecordLockLostEvent,
  RecovererFailedEvent,
  ShareConsumerStoppingEvent,
  type ConsumerStopReason,
  type EventContainer,
  type EventSource,
  type OffsetRange,
} from './events.js'
export { ListenerEndpointRegistry } from './listener-endpoint-registry.js'
export type { BrokerCounts, MemberMetrics } from './member-metrics.js'
export type {
  AcknowledgingShareConsumerAwareMessageListener,
  ListenerKind,
  MessageListener,
  ShareListener,
} from './message-listener.js'
export {
  PayloadValidationError,
  readPayload,
  type PayloadIssue,
  type PayloadSchema,
  type PayloadSchemaIssue,
  type PayloadSchemaResult,
} from './payload.js'
export {
  REJECTING,
  RELEASING,
  type AnyShareConsumerRecordRecoverer,
  type RecovererAnswer,
  type RecovererContext,
  type ShareConsumerRecordRecoverer,
} from './recoverers.js'
export type { ShareAcknowledgment } from './share-acknowledgment.js'
export {
  DefaultShareConsumerFactory,
  type ShareConsumerFactory,
  type ShareConsumerFactoryListener,
  type ShareConsumerRequest,
} from './share-consumer-factory.js'
export {
  ShareListenerContainerFactory,
  type ShareListenerContainerFactoryOptions,
} from './share-listener-container-factory.js'
export { ShareMessageListenerContainer, type StopOptions } from './share-message-listener-container.js'

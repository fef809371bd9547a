/**
 * Listener containers for share groups, without decorators and without dependency injection.
 *
 * @module @milena/container
 */

export { reasonAgainstAckMode } from './container-property-checks.js'
export { AcknowledgeType } from '@milena/client'
export { ProcessingDeadlineError, RecordLockLostError } from './abandonment.js'
export type { LockLossCause } from '@milena/client/internal'
export { ShareAckMode } from './ack-mode.js'
export { ContainerGroup } from './container-group.js'
export type { ContainerHealth, HealthStatus, MemberHealth, RegistryHealth } from './container-health.js'
export type { ContainerProperties, ResolvedContainerProperties, RestartPolicy } from './container-properties.js'
export { ContainerState } from './container-state.js'
export type { ContainerRuntime, ContainerSurroundings } from './container-surroundings.js'
export { readEndpoint, type KafkaListenerEndpoint } from './endpoint.js'
export type { ContainerEvent, ContainerEventPublisher, ContainerObserver } from './event-hub.js'
export {
  AcknowledgmentFailedEvent,
  AcknowledgmentTimeoutEvent,
  ConsumerFailedToStartEvent,
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  ListenerFailedEvent,
  PollFailedEvent,
  ProcessingDeadlineExceededEvent,
  RecordDeserializationFailedEvent,
  RecordLockLostEvent,
  RecovererFailedEvent,
  ShareConsumerStoppingEvent,
  type ConsumerStopReason,
  type EventContainer,
  type EventSource,
  type OffsetRange,
} from './events.js'
export type { GroupConfigs } from './group-configs.js'
export type { AnyListenerErrorHandler, ListenerErrorContext, ListenerErrorHandler } from './listener-error-handler.js'
export { ListenerEndpointRegistry, type AdoptOptions, type RegisterOptions } from './listener-endpoint-registry.js'
export { isInsideListenerOf } from './listener-frame.js'
export type { BrokerCounts, MemberMetrics } from './member-metrics.js'
export type {
  AcknowledgingShareConsumerAwareMessageListener,
  AcknowledgingShareConsumerAwareMessageListenerObject,
  ListenerKind,
  ListenerOptions,
  MessageListener,
  MessageListenerObject,
  ShareListener,
} from './message-listener.js'
export {
  payloadIssuesOf,
  payloadValueOf,
  PayloadValidationError,
  readPayload,
  type PayloadIssue,
  type PayloadSchema,
  type PayloadSchemaIssue,
  type PayloadSchemaResult,
} from './payload.js'
export { withPayload, type ListenerWithPayload, type PayloadListener } from './payload-listener.js'
export { currentRecord, recordLogFields, type RecordContext } from './record-context.js'
export type { AnyRecordFilter, RecordFilter } from './record-filter.js'
export {
  deliveryCountAware,
  REJECTING,
  RELEASING,
  releasing,
  type AnyShareConsumerRecordRecoverer,
  type DeliveryCountAware,
  type RecovererAnswer,
  type RecovererContext,
  type ReleaseDelay,
  type ShareConsumerRecordRecoverer,
} from './recoverers.js'
export { ShareAcknowledgment } from './share-acknowledgment.js'
export type { ConfigurableDeserializer, DeserializerSupplier, GivenDeserializer } from './deserializer-source.js'
export type { KafkaSettings, ShareConsumerFactoryOptions } from './factory-settings.js'
export {
  DefaultShareConsumerFactory,
  type FactoryDeserializers,
  type ShareConsumerFactory,
  type ShareConsumerFactoryListener,
  type ShareConsumerRequest,
} from './share-consumer-factory.js'
export {
  ShareListenerContainerFactory,
  type ShareListenerContainerFactoryOptions,
} from './share-listener-container-factory.js'
export { ShareMessageListenerContainer, type StopOptions } from './share-message-listener-container.js'

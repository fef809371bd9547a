/**
 * Decorators for listener classes, and the module that runs them with inversify.
 *
 * @module @milena/decorators
 */

export {
  KafkaListener,
  type KafkaListenerDecorator,
  type ManualListenerNeeds,
  type MethodDecoratorOf,
} from './kafka-listener.js'
export { KafkaHandler, type KafkaHandlerOptions } from './kafka-handler.js'
export type {
  HookService,
  KafkaListenerOptions,
  ListenerAckMode,
  ListenerErrorHandlerObject,
  Placeholder,
  GroupConfigsWithPlaceholders,
  RecordFilterObject,
} from './kafka-listener-options.js'
export {
  Ack,
  Consumer,
  DeliveryCount,
  Header,
  Headers,
  Key,
  Offset,
  Partition,
  Payload,
  Record,
  Signal,
  Timestamp,
  Topic,
  type HeaderOf,
  type HeaderOptions,
  type PayloadOf,
} from './listener-params.js'
export type { GivenAnotherType, ParameterDecoratorFor } from './parameter-check.js'
export { NoHandlerError, type HandlerRefusal } from './handler-choice.js'
export { MissingHeaderError } from './planned-call.js'
export { EventListener } from './event-listener.js'
export type { EventClass } from './listener-metadata.js'
export type { ListenerClass } from './errors.js'
export { kafkaModule, KafkaTokens, type KafkaModuleOptions, type Resolve } from './kafka-module.js'
export type { BoundKafkaListenerEndpoint, BoundListenerContainer } from './bound-endpoint.js'
export type { ContainerFactoryOptions, KafkaClientOptions, KafkaProducerOptions } from './kafka-application.js'
export { startKafkaListeners, type StartKafkaOptions } from './start-kafka-listeners.js'
export type { KafkaHealth, KafkaListeners, StopKafkaOptions } from './running-listeners.js'
export { environmentProperties, type PropertySource } from './property-resolver.js'

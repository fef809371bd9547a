// What Milena's other packages use and applications should not: may change with any version.
export { KafkaClientContext } from './cluster/kafka-client-context.js'
export { resolveClientConfig, type ResolvedClientConfig } from './config/client-config.js'
export { resolveShareConsumerConfig, type ResolvedShareConsumerConfig } from './config/share-consumer-config.js'
export type { TakenBatch } from './share/fetch-buffer.js'
export { engineOf } from './share/share-consumer.js'
export type { ShareEngine, TakeOptions } from './share/share-engine.js'

import type { ShareConsumer } from '@milena/client'
import type { Clock, Logger, Random } from '@milena/protocol/runtime'
import type { ContainerEngine } from './container-engine.js'
import type { ContainerEventPublisher } from './event-hub.js'

/** What a container may be given besides its consumer factory and its properties. */
export interface ContainerSurroundings<K = unknown, V = unknown> {
  /** Default: the consumer factory's, else warnings and errors on standard error. */
  readonly logger?: Logger | undefined
  /** Gets every event of this container. */
  readonly eventPublisher?: ContainerEventPublisher | undefined
  /** For tests and simulations. */
  readonly runtime?: ContainerRuntime<K, V> | undefined
}

/** What tests and simulations put in place of the machine's time and chance, and of the client's engine. */
export interface ContainerRuntime<K = unknown, V = unknown> {
  readonly clock?: Clock
  readonly random?: Random
  readonly engineOf?: (consumer: ShareConsumer<K, V>) => ContainerEngine<K, V>
}

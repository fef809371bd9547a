import { engineOf } from '@milena/client/internal'
import { systemRandom, type Clock, type Logger } from '@milena/protocol/runtime'
import type { ResolvedContainerProperties } from './container-properties.js'
import { ContainerRun } from './container-run.js'
import type { ContainerRuntime } from './container-surroundings.js'
import type { ContainerEventHub } from './event-hub.js'
import type { EventContainer } from './events.js'
import { GroupSettings } from './group-settings.js'
import { noVitals } from './member-vitals.js'
import { noListenerCounters, type MemberSurroundings } from './member-surroundings.js'
import type { ResolvedListener } from './message-listener.js'
import type { ShareConsumerFactory } from './share-consumer-factory.js'
import { SparingLog } from './sparing-log.js'

/** What one run of a container is made of. */
export interface RunParts<K, V> {
  readonly container: EventContainer
  readonly properties: ResolvedContainerProperties
  /** That of the properties, else that of the consumer factory. */
  readonly groupId: string | undefined
  readonly listener: ResolvedListener<K, V>
  readonly consumerFactory: ShareConsumerFactory<K, V>
  readonly runtime: ContainerRuntime<K, V>
  readonly clock: Clock
  readonly logger: Logger
  readonly events: ContainerEventHub
  readonly onFailed: (cause: unknown) => void
}

/** Puts a run together; nothing has begun yet. */
export function assembleRun<K, V>(parts: RunParts<K, V>): ContainerRun<K, V> {
  const { properties, listener, consumerFactory, runtime, clock } = parts
  const { concurrency, clientIdBase } = properties
  return new ContainerRun({
    plan: {
      properties,
      groupId: properties.groupId,
      listener,
      consumerFactory,
      engineOf: runtime.engineOf ?? engineOf,
      clock,
      random: runtime.random ?? systemRandom,
    },
    surroundings: Array.from({ length: concurrency }, (_, index) => surroundingsOf(parts, `${clientIdBase}-${index}`)),
    groupSettings: groupSettingsOf(parts),
    onFailed: parts.onFailed,
  })
}

function surroundingsOf<K, V>({ container, events, ...parts }: RunParts<K, V>, clientId: string): MemberSurroundings {
  const logger = parts.logger.child({ clientId })
  return {
    source: { container, clientId },
    events,
    logger,
    recordLog: new SparingLog(logger, parts.clock),
    counters: noListenerCounters(),
    vitals: noVitals(),
  }
}

function groupSettingsOf<K, V>(parts: RunParts<K, V>): GroupSettings | undefined {
  const { properties, groupId, consumerFactory, logger, clock } = parts
  const { id: containerId, groupConfigs: configs } = properties
  if (Object.keys(configs).length === 0) return undefined
  return new GroupSettings({
    containerId,
    groupId,
    configs,
    properties: properties.properties,
    consumerFactory,
    logger,
    clock,
  })
}

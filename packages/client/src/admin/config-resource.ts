import { KafkaUsageError } from '@milena/protocol'
import type { DescribeConfigs, ResponseOf } from '@milena/protocol'

const RESOURCE_TYPES = { topic: 2, broker: 4, group: 32 } as const

/** What has a configuration. */
export type ConfigResourceType = keyof typeof RESOURCE_TYPES

/** One thing that has a configuration: a topic by its name, a broker by its node id, a group by its id. */
export interface ConfigResource {
  readonly type: ConfigResourceType
  readonly name: string
}

/** One configuration entry. */
export interface ConfigEntry {
  /** Null for a secret, which brokers never tell. */
  readonly value: string | null
  /** Nobody has set it: the value is Kafka's own. */
  readonly isDefault: boolean
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
}

const DEFAULT_CONFIG_SOURCE = 5

type AnsweredConfig = ResponseOf<typeof DescribeConfigs>['results'][number]['configs'][number]

export function configEntryOf({ value, configSource, readOnly, isSensitive }: AnsweredConfig): ConfigEntry {
  return { value, isDefault: configSource === DEFAULT_CONFIG_SOURCE, isReadOnly: readOnly, isSensitive }
}

export function resourceTypeOf(type: ConfigResourceType): number {
  const found: number | undefined = RESOURCE_TYPES[type]
  if (found === undefined) {
    throw new KafkaUsageError(
      `'${String(type)}' has no configuration. Known are ${Object.keys(RESOURCE_TYPES).join(', ')}.`,
    )
  }
  return found
}

import { ConfigType, type ConfigDefinition } from './config-definition.js'

/** Where a value comes from, with Kafka's numbers. */
export const ConfigSource = {
  topic: 1,
  broker: 2,
  allBrokers: 3,
  serverProperties: 4,
  default: 5,
  group: 8,
} as const
export type ConfigSource = (typeof ConfigSource)[keyof typeof ConfigSource]

/** One of the values that would count if those before it were not there. */
export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
}

/** A configuration as DescribeConfigs tells it. */
export interface DescribedConfig {
  readonly name: string
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: ConfigSource
  readonly isSensitive: boolean
  readonly synonyms: readonly ConfigSynonym[]
  readonly configType: number
}

/** @param synonyms the values in the order in which they count; none: there is only the default */
export function describedConfig(
  definition: ConfigDefinition,
  synonyms: readonly ConfigSynonym[],
  given: { readonly value: string | null; readonly source?: ConfigSource; readonly readOnly: boolean },
): DescribedConfig {
  const isSensitive = definition.type === 'PASSWORD'
  return {
    name: definition.name,
    value: isSensitive ? null : given.value,
    readOnly: given.readOnly,
    configSource: given.source ?? synonyms[0]?.source ?? ConfigSource.default,
    isSensitive,
    synonyms: isSensitive ? synonyms.map((synonym) => ({ ...synonym, value: null })) : synonyms,
    configType: ConfigType[definition.type],
  }
}

import type { KafkaVersion } from '../version-profile.js'

/** Kafka's types of configurations, with the numbers that DescribeConfigs tells them by. */
export const ConfigType = {
  BOOLEAN: 1,
  STRING: 2,
  INT: 3,
  SHORT: 4,
  LONG: 5,
  DOUBLE: 6,
  LIST: 7,
  CLASS: 8,
  PASSWORD: 9,
} as const
export type ConfigType = keyof typeof ConfigType

/** One configuration: its name, what values it takes, and where its default comes from. Documentation is kept out. */
export interface ConfigDefinition extends ConfigRules {
  readonly name: string
  readonly type: ConfigType
  /** Null: there is none. */
  readonly defaultValue: string | null
}

export interface ConfigRules {
  /** Bounds of a number, both included. */
  readonly min?: number
  readonly max?: number
  /** What a text, or each element of a list, may be. */
  readonly oneOf?: readonly string[]
  /** Says what is wrong with a value that has passed everything above; undefined when it is right. */
  readonly refuse?: (value: string) => string | undefined
  /** The release that brought it. Unset: 4.1 has it. */
  readonly since?: KafkaVersion
  /** Of a broker: it may be changed while the broker runs. */
  readonly isDynamic?: boolean
  /** Of a topic or a group: the broker's configurations that give the default; the first that has a value counts. */
  readonly broker?: readonly BrokerSource[]
}

/** A broker's configuration, and what its value is multiplied by (hours into milliseconds). */
export type BrokerSource = string | { readonly name: string; readonly times: number }

export const MAX_INT = 2_147_483_647
/** As text: a number of JavaScript cannot hold it. */
export const MAX_LONG = '9223372036854775807'

type Default = string | number | boolean | null

/** A definition in one line of a table. */
function config(type: ConfigType, name: string, defaultValue: Default, rules: ConfigRules = {}): ConfigDefinition {
  return { ...rules, name, type, defaultValue: defaultValue === null ? null : String(defaultValue) }
}

export const bool = (name: string, value: boolean, rules?: ConfigRules): ConfigDefinition =>
  config('BOOLEAN', name, value, rules)
export const int = (name: string, value: number | null, rules?: ConfigRules): ConfigDefinition =>
  config('INT', name, value, rules)
export const short = (name: string, value: number, rules?: ConfigRules): ConfigDefinition =>
  config('SHORT', name, value, rules)
export const long = (name: string, value: number | string | null, rules?: ConfigRules): ConfigDefinition =>
  config('LONG', name, value, rules)
export const double = (name: string, value: number, rules?: ConfigRules): ConfigDefinition =>
  config('DOUBLE', name, value, rules)
export const text = (name: string, value: string | null, rules?: ConfigRules): ConfigDefinition =>
  config('STRING', name, value, rules)
export const list = (name: string, value: string, rules?: ConfigRules): ConfigDefinition =>
  config('LIST', name, value, rules)

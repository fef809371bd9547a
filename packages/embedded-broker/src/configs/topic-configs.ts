import { KafkaUsageError } from '@milena/protocol'
import type { KafkaVersion } from '../version-profile.js'
import type { BrokerConfigs } from './broker-configs.js'
import { changeValues, checkValues, type ConfigChange, type ConfigTable, type ConfigValues } from './config-changes.js'
import type { BrokerSource, ConfigDefinition } from './config-definition.js'
import { configTable } from './config-table.js'
import { invalidConfig, isFailure, type ConfigFailure } from './config-values.js'
import { ConfigSource, describedConfig, type ConfigSynonym, type DescribedConfig } from './described-config.js'
import { topicConfigDefinitions } from './topic-config-definitions.js'

const allDefinitions = new Map(topicConfigDefinitions.map((definition) => [definition.name, definition]))

const nameOf = (source: BrokerSource): string => (typeof source === 'string' ? source : source.name)
const factorOf = (source: BrokerSource): number => (typeof source === 'string' ? 1 : source.times)

/** The configurations of topics: a topic's own value counts before the brokers'. */
export class TopicConfigs {
  readonly table: ConfigTable
  readonly #brokers: BrokerConfigs
  readonly #topics = new Map<string, ConfigValues>()

  constructor(version: KafkaVersion, brokers: BrokerConfigs) {
    this.table = configTable(topicConfigDefinitions, version)
    this.#brokers = brokers
  }

  /** Throws KafkaUsageError for a name that no release has. */
  value(topic: string, name: string): string {
    const own = this.#topics.get(topic)?.get(name)
    if (own !== undefined) return own
    const definition = this.table.get(name) ?? allDefinitions.get(name)
    if (definition === undefined) throw new KafkaUsageError(`Topics have no configuration "${name}".`)
    return this.#default(definition)
  }

  /** The values in canonical form, or why Kafka would not take them. */
  check(values: ConfigValues): ConfigValues | ConfigFailure {
    const checked = checkValues(values, this.table, 'topic')
    return isFailure(checked) ? checked : (this.#contradiction(checked) ?? checked)
  }

  /** A topic's own values from now on; they were checked. */
  put(topic: string, values: ConfigValues): void {
    if (values.size === 0) this.#topics.delete(topic)
    else this.#topics.set(topic, values)
  }

  remove(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Changes a topic's own values, or replaces all of them. */
  change(
    topic: string,
    edit: readonly ConfigChange[] | ConfigValues,
    options: { readonly validateOnly: boolean },
  ): ConfigFailure | undefined {
    const raw = 'length' in edit ? changeValues(this.#topics.get(topic) ?? new Map(), edit, this.table) : edit
    const checked = isFailure(raw) ? raw : this.check(raw)
    if (isFailure(checked)) return checked
    if (!options.validateOnly) this.put(topic, checked)
    return undefined
  }

  /** @param own the values of a topic that does not exist (yet); default those of the topic */
  describe(topic: string, own: ConfigValues = this.#topics.get(topic) ?? new Map()): readonly DescribedConfig[] {
    return [...this.table.values()].map((definition) => {
      const { name } = definition
      const value = own.get(name)
      const mine: readonly ConfigSynonym[] = value === undefined ? [] : [{ name, value, source: ConfigSource.topic }]
      // As Kafka does it, only the broker's configuration of the same unit is told.
      const [first] = definition.broker ?? []
      const rest = first === undefined ? [] : this.#brokers.synonyms(nameOf(first))
      return describedConfig(definition, [...mine, ...rest], {
        value: value ?? this.#default(definition),
        readOnly: false,
      })
    })
  }

  #default(definition: ConfigDefinition): string {
    for (const source of definition.broker ?? []) {
      const value = this.#brokers.value(nameOf(source))
      if (value !== null) return factorOf(source) === 1 ? value : String(Number(value) * factorOf(source))
    }
    return definition.defaultValue ?? ''
  }

  #contradiction(own: ConfigValues): ConfigFailure | undefined {
    const value = (name: string): string => own.get(name) ?? this.value('', name)
    const [min, max] = [value('min.compaction.lag.ms'), value('max.compaction.lag.ms')]
    if (Number(min) > Number(max)) {
      return invalidConfig(
        `conflict topic config setting min.compaction.lag.ms (${min}) > max.compaction.lag.ms (${max})`,
      )
    }
    if (own.get('remote.storage.enable') === 'true') {
      return invalidConfig(
        'Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.',
      )
    }
    return undefined
  }
}

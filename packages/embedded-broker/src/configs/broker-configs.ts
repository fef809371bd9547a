import { KafkaUsageError } from '@milena/protocol'
import type { KafkaVersion } from '../version-profile.js'
import { brokerConfigDefinitions } from './broker-config-definitions.js'
import { contradiction, readServerProperties } from './broker-properties.js'
import { changeValues, type ConfigChange, type ConfigTable, type ConfigValues } from './config-changes.js'
import { int } from './config-definition.js'
import { configTable } from './config-table.js'
import { invalidRequest, isFailure, parseConfig, type ConfigFailure } from './config-values.js'
import { ConfigSource, describedConfig, type ConfigSynonym, type DescribedConfig } from './described-config.js'

/** Of all releases: a part that asks for something its release does not have gets the later default. */
const allDefinitions = new Map(brokerConfigDefinitions.map((definition) => [definition.name, definition]))

const MIN_IN_SYNC = 'min.insync.replicas'

const nodeId = int('node.id', null)

/**
 * The brokers' configurations. A value set on one broker counts before one set on all, that before the server properties, and
 * these before Kafka's default.
 */
export class BrokerConfigs {
  readonly table: ConfigTable
  readonly #brokerIds: readonly number[]
  readonly #static: ConfigValues
  #ofAll: ConfigValues
  readonly #ofOne = new Map<number, ConfigValues>()

  /** Throws KafkaUsageError for server properties that are unknown, wrong, or contradict each other. */
  constructor(
    version: KafkaVersion,
    given: { readonly serverProperties: Readonly<Record<string, string>>; readonly brokerIds: readonly number[] },
  ) {
    this.table = configTable(brokerConfigDefinitions, version)
    this.#brokerIds = given.brokerIds
    this.#static = readServerProperties(given.serverProperties, this.table, version)
    // With eligible leader replicas (KIP-966, on in new clusters) Kafka's controller writes this one down for all brokers.
    const minInSync = this.#static.get(MIN_IN_SYNC) ?? this.table.get(MIN_IN_SYNC)?.defaultValue ?? '1'
    this.#ofAll = new Map([[MIN_IN_SYNC, minInSync]])
    const wrong = contradiction((name) => (this.table.has(name) ? (this.value(name) ?? undefined) : undefined))
    if (wrong !== undefined) throw new KafkaUsageError(`serverProperties: ${wrong}. Set both.`)
  }

  /**
   * A broker's value. Without a broker: that which holds for all of them; where the cluster has one broker only, its own.
   *
   * Throws KafkaUsageError for a name that no release has.
   */
  value(name: string, brokerId?: number): string | null {
    const definition = this.table.get(name) ?? allDefinitions.get(name)
    if (definition === undefined) throw new KafkaUsageError(`The brokers have no configuration "${name}".`)
    return this.#own(brokerId)?.get(name) ?? this.#ofAll.get(name) ?? this.#static.get(name) ?? definition.defaultValue
  }

  /** All values of a configuration, that which counts first. A default of null is left out, as Kafka does. */
  synonyms(name: string, brokerId?: number): readonly ConfigSynonym[] {
    const values: readonly (readonly [string | null | undefined, ConfigSource])[] = [
      [this.#own(brokerId)?.get(name), ConfigSource.broker],
      [this.#ofAll.get(name), ConfigSource.allBrokers],
      [this.#static.get(name), ConfigSource.serverProperties],
      [this.table.get(name)?.defaultValue, ConfigSource.default],
    ]
    return values.flatMap(([value, source]) => (value === null || value === undefined ? [] : [{ name, value, source }]))
  }

  /** @param brokerId undefined: what was set on all brokers, and nothing else */
  describe(brokerId: number | undefined): readonly DescribedConfig[] {
    if (brokerId === undefined) {
      return [...this.#ofAll].flatMap(([name, value]) => {
        const definition = this.table.get(name)
        if (definition === undefined) return []
        const synonym = { name, value, source: ConfigSource.allBrokers }
        return [describedConfig(definition, [synonym], { value, readOnly: false })]
      })
    }
    const described = [...this.table.values()].map((definition) =>
      describedConfig(definition, this.synonyms(definition.name, brokerId), {
        value: this.value(definition.name, brokerId),
        readOnly: definition.isDynamic !== true,
      }),
    )
    const id = { name: nodeId.name, value: String(brokerId), source: ConfigSource.serverProperties }
    return [...described, describedConfig(nodeId, [id], { value: id.value, readOnly: true })]
  }

  /** Changes what is set on one broker, or on all. A name that Kafka does not know is passed over, as there. */
  change(
    brokerId: number | undefined,
    edit: readonly ConfigChange[] | ConfigValues,
    options: { readonly validateOnly: boolean },
  ): ConfigFailure | undefined {
    const before = brokerId === undefined ? this.#ofAll : (this.#ofOne.get(brokerId) ?? new Map<string, string>())
    const raw = 'length' in edit ? changeValues(before, edit, this.table) : edit
    if (isFailure(raw)) return raw
    const known = [...raw].filter(([name]) => this.table.has(name))
    const fixed = known.filter(([name]) => this.table.get(name)?.isDynamic !== true).map(([name]) => name)
    if (fixed.length > 0) return invalidRequest(`Cannot update these configs dynamically: [${fixed.join(', ')}]`)
    const after = new Map<string, string>()
    for (const [name, given] of known) {
      const definition = this.table.get(name)
      const value = definition === undefined ? '' : parseConfig(definition, given)
      if (isFailure(value)) return invalidRequest(value.errorMessage)
      after.set(name, value)
    }
    this.#put(brokerId, after)
    const wrong = contradiction((name) =>
      this.table.has(name) ? (this.value(name, brokerId) ?? undefined) : undefined,
    )
    if (wrong !== undefined || options.validateOnly) this.#put(brokerId, before)
    return wrong === undefined ? undefined : invalidRequest(wrong)
  }

  #put(brokerId: number | undefined, values: ConfigValues): void {
    if (brokerId === undefined) this.#ofAll = values
    else this.#ofOne.set(brokerId, values)
  }

  #own(brokerId: number | undefined): ConfigValues | undefined {
    const id = brokerId ?? (this.#brokerIds.length === 1 ? this.#brokerIds[0] : undefined)
    return id === undefined ? undefined : this.#ofOne.get(id)
  }
}

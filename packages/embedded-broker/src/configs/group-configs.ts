import { ErrorCode } from '@milena/protocol'
import { isSince, type VersionProfile } from '../version-profile.js'
import { changeValues, checkValues, type ConfigChange, type ConfigTable, type ConfigValues } from './config-changes.js'
import type { ConfigDefinition } from './config-definition.js'
import { configTable } from './config-table.js'
import { invalidConfig, isFailure, type ConfigFailure } from './config-values.js'
import { ConfigSource, describedConfig, type ConfigSynonym, type DescribedConfig } from './described-config.js'
import { DEAD_LETTER_TOPIC, groupConfigBounds, groupConfigDefinitions } from './group-config-definitions.js'
import { shareGroupSettings, type ShareGroupSettings } from './share-group-settings.js'

const allDefinitions = new Map(groupConfigDefinitions.map((definition) => [definition.name, definition]))
const boundsByName = new Map(groupConfigBounds.map((bounds) => [bounds.name, bounds]))

/** Settings of groups that are asked for and no more kept than this; the rest is worked out again. */
const MAX_REMEMBERED = 1000

/** Groups with values of their own. Anybody may name a new one, and it stays until its last value is taken back. */
const MAX_CONFIGURED_GROUPS = 10_000

/** What groups need of the brokers' configurations. */
export interface BrokerValues {
  value(name: string): string | null
  synonyms(name: string): readonly ConfigSynonym[]
}

/** The configurations of groups. They are there whether the group exists or not, and outlive it. */
export class GroupConfigs {
  readonly table: ConfigTable
  readonly #profile: VersionProfile
  readonly #brokers: BrokerValues
  readonly #groups = new Map<string, ConfigValues>()
  readonly #shareSettings = new Map<string, ShareGroupSettings>()

  constructor(profile: VersionProfile, brokers: BrokerValues) {
    this.table = configTable(groupConfigDefinitions, profile.version)
    this.#profile = profile
    this.#brokers = brokers
  }

  /** The groups that have values of their own. */
  get names(): readonly string[] {
    return [...this.#groups.keys()]
  }

  /** What holds for a share group. The same object until something changes. */
  shareGroup(groupId: string): ShareGroupSettings {
    const known = this.#shareSettings.get(groupId)
    if (known !== undefined) return known
    const own = this.#groups.get(groupId)
    const settings = shareGroupSettings((name) => this.#value(own, name))
    if (this.#shareSettings.size >= MAX_REMEMBERED) this.#shareSettings.clear()
    this.#shareSettings.set(groupId, settings)
    return settings
  }

  /** To be called after the brokers' values have changed. */
  brokersChanged(): void {
    this.#shareSettings.clear()
  }

  change(
    groupId: string,
    edit: readonly ConfigChange[] | ConfigValues,
    options: { readonly validateOnly: boolean },
  ): ConfigFailure | undefined {
    const raw = 'length' in edit ? changeValues(this.#groups.get(groupId) ?? new Map(), edit, this.table) : edit
    const checked = isFailure(raw) ? raw : checkValues(raw, this.table, 'group')
    const values = isFailure(checked) ? checked : (this.#outOfBounds(checked) ?? checked)
    if (isFailure(values)) return values
    if (options.validateOnly) return undefined
    if (values.size === 0) this.#groups.delete(groupId)
    else if (this.#groups.has(groupId) || this.#groups.size < MAX_CONFIGURED_GROUPS) this.#groups.set(groupId, values)
    else {
      return {
        errorCode: ErrorCode.POLICY_VIOLATION,
        errorMessage: `The embedded broker keeps configurations of ${MAX_CONFIGURED_GROUPS} groups, and has as many. Take back those of groups that are not used.`,
      }
    }
    this.#shareSettings.delete(groupId)
    return undefined
  }

  describe(groupId: string): readonly DescribedConfig[] {
    const own = this.#groups.get(groupId)
    return [...this.table.values()].map((definition) => {
      const { name } = definition
      const value = own?.get(name)
      const mine: readonly ConfigSynonym[] = value === undefined ? [] : [{ name, value, source: ConfigSource.group }]
      return describedConfig(definition, [...mine, ...this.#defaultSynonyms(definition)], {
        value: value ?? this.#default(definition),
        readOnly: false,
      })
    })
  }

  #defaultSynonyms({ name, defaultValue, broker }: ConfigDefinition): readonly ConfigSynonym[] {
    const [source] = broker ?? []
    if (typeof source === 'string') return this.#brokers.synonyms(source)
    return defaultValue === null ? [] : [{ name, value: defaultValue, source: ConfigSource.default }]
  }

  #default({ defaultValue, broker }: ConfigDefinition): string | null {
    const [source] = broker ?? []
    return typeof source === 'string' ? this.#brokers.value(source) : defaultValue
  }

  /** The value that holds: of its own, kept within the broker's bounds as they are now (KIP-1240), else the broker's. */
  #value(own: ConfigValues | undefined, name: string): string {
    const definition = this.table.get(name) ?? allDefinitions.get(name)
    const value = own?.get(name)
    if (definition === undefined) return ''
    if (value === undefined) return this.#default(definition) ?? ''
    const bounds = this.#profile.groupLevelLimits ? boundsByName.get(name) : undefined
    if (bounds === undefined) return value
    const [lowest, highest] = [Number(this.#brokers.value(bounds.lowest)), Number(this.#brokers.value(bounds.highest))]
    return String(Math.min(Math.max(Number(value), lowest), highest))
  }

  #outOfBounds(values: ConfigValues): ConfigFailure | undefined {
    for (const { name, lowest, highest } of groupConfigBounds) {
      const value = values.get(name)
      if (value === undefined) continue
      const [min, max] = [Number(this.#brokers.value(lowest)), Number(this.#brokers.value(highest))]
      const isTooLow = Number(value) < min
      if (!isTooLow && Number(value) <= max) continue
      if (isSince(this.#profile.version, '4.4')) {
        return invalidConfig(`${name} must be in the range ${min} to ${max} inclusive.`)
      }
      return invalidConfig(
        isTooLow
          ? `${name} must be greater than or equal to ${lowest}`
          : `${name} must be less than or equal to ${highest}`,
      )
    }
    // Whether there is such a topic, and may be, is seen when a dead letter is written.
    if (values.get(DEAD_LETTER_TOPIC)?.startsWith('__') === true) {
      return invalidConfig(`${DEAD_LETTER_TOPIC}: DLQ topic name must not start with '__'`)
    }
    for (const kind of ['consumer', 'share']) {
      const [session, heartbeat] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`]
      if (Number(this.#value(values, session)) <= Number(this.#value(values, heartbeat))) {
        return invalidConfig(`${session} must be greater than ${heartbeat}`)
      }
    }
    return undefined
  }
}

import { KafkaUsageError } from '@milena/protocol'
import type { Surroundings } from '../surroundings.js'
import { BrokerConfigs } from './broker-configs.js'
import type { ConfigChange, ConfigValues } from './config-changes.js'
import type { ConfigFailure } from './config-values.js'
import type { DescribedConfig } from './described-config.js'
import { GroupConfigs } from './group-configs.js'
import type { ShareGroupSettings } from './share-group-settings.js'
import { TopicConfigs } from './topic-configs.js'

export type { ShareGroupSettings } from './share-group-settings.js'

/** Whose configurations. A broker without an id: what is set on all brokers. */
export type ConfigResource =
  | { readonly kind: 'topic' | 'group'; readonly name: string }
  | { readonly kind: 'broker'; readonly id: number | undefined }

/**
 * Configurations of brokers, topics and groups, with Kafka's names, defaults and bounds. Values are checked when they are
 * set; every look-up gives what holds at that moment. Whether a topic or broker exists is for the caller to check.
 */
export class ClusterConfigs {
  readonly #surroundings: Surroundings
  readonly #brokers: BrokerConfigs
  readonly #topics: TopicConfigs
  readonly #groups: GroupConfigs

  /** Throws KafkaUsageError for server properties that are unknown, wrong, or contradict each other. */
  constructor(
    surroundings: Surroundings,
    given: { readonly serverProperties: Readonly<Record<string, string>>; readonly brokerIds: readonly number[] },
  ) {
    this.#surroundings = surroundings
    this.#brokers = new BrokerConfigs(surroundings.profile.version, given)
    this.#topics = new TopicConfigs(surroundings.profile.version, this.#brokers)
    this.#groups = new GroupConfigs(surroundings.profile, this.#brokers)
  }

  /** The brokers' value of a configuration, e.g. `group.share.max.size`; NaN where it has none. */
  brokerNumber(name: string, brokerId?: number): number {
    const value = this.#brokers.value(name, brokerId)
    return value === null ? Number.NaN : Number(value)
  }

  brokerString(name: string, brokerId?: number): string {
    return this.#brokers.value(name, brokerId) ?? ''
  }

  brokerBoolean(name: string, brokerId?: number): boolean {
    return this.#brokers.value(name, brokerId) === 'true'
  }

  /** A topic's value: its own or the default. */
  topicValue(topic: string, name: string): string {
    return this.#topics.value(topic, name)
  }

  /** What a new topic's values are in canonical form, or why Kafka would not take them. */
  checkTopic(values: ConfigValues): ConfigValues | ConfigFailure {
    return this.#topics.check(values)
  }

  /** The values that a new topic has of its own; they were checked. */
  putTopic(topic: string, values: ConfigValues): void {
    this.#topics.put(topic, values)
  }

  /** The topic is gone. */
  removeTopic(topic: string): void {
    this.#topics.remove(topic)
  }

  /** What holds for a share group now. Cheap: the same object until something changes. */
  shareGroup(groupId: string): ShareGroupSettings {
    return this.#groups.shareGroup(groupId)
  }

  /** The groups that have configurations of their own. */
  get configuredGroups(): readonly string[] {
    return this.#groups.names
  }

  /** Sets (or with null takes back) values of a group. Throws KafkaUsageError with Kafka's words for what it refuses. */
  setGroup(groupId: string, values: Readonly<Record<string, string | null>>): void {
    const changes = Object.entries(values).map(([name, value]) => ({
      name,
      operation: value === null ? ('delete' as const) : ('set' as const),
      value,
    }))
    const failure = this.change({ kind: 'group', name: groupId }, changes, { validateOnly: false })
    if (failure !== undefined)
      throw new KafkaUsageError(`The group "${groupId}" cannot be set so: ${failure.errorMessage}`)
  }

  /** Makes these changes, or replaces all own values by these; all or nothing. @returns why not */
  change(
    resource: ConfigResource,
    edit: readonly ConfigChange[] | ConfigValues,
    options: { readonly validateOnly: boolean },
  ): ConfigFailure | undefined {
    const failure = this.#change(resource, edit, options)
    if (failure !== undefined || options.validateOnly) return failure
    const whose = resource.kind === 'broker' ? `broker ${resource.id ?? '(all)'}` : `${resource.kind} ${resource.name}`
    const names = 'length' in edit ? edit.map(({ name }) => name) : [...edit.keys()]
    this.#surroundings.logger.info({ ...resource, names }, `Configuration of ${whose} changed: ${names.join(', ')}.`)
    this.#surroundings.changed()
    return undefined
  }

  #change(
    resource: ConfigResource,
    edit: readonly ConfigChange[] | ConfigValues,
    options: { readonly validateOnly: boolean },
  ): ConfigFailure | undefined {
    switch (resource.kind) {
      case 'topic':
        return this.#topics.change(resource.name, edit, options)
      case 'group':
        return this.#groups.change(resource.name, edit, options)
      case 'broker': {
        const failure = this.#brokers.change(resource.id, edit, options)
        this.#groups.brokersChanged()
        return failure
      }
    }
  }

  /** All configurations as DescribeConfigs tells them, in alphabetical order. */
  describe(resource: ConfigResource): readonly DescribedConfig[] {
    switch (resource.kind) {
      case 'topic':
        return this.#topics.describe(resource.name)
      case 'group':
        return this.#groups.describe(resource.name)
      case 'broker':
        return this.#brokers.describe(resource.id)
    }
  }

  /** The configurations of a topic that has these values of its own, and need not exist. */
  describeNewTopic(values: ConfigValues): readonly DescribedConfig[] {
    return this.#topics.describe('', values)
  }
}

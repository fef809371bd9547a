import { randomUUID } from 'node:crypto'
import { Admin } from '@milena/client'
import { isSince, type KafkaVersion } from '@milena/tools-kafka'
import type { BrokerKind } from './broker-kind.js'
import type { BrokerCount } from './broker-provider.js'
import { kafkaVersion, type MinorRelease } from './release.js'

/** What a behaviour suite sees of the broker it runs on. All suites of a run share one: use names of your own. */
export interface TestBroker {
  readonly kind: BrokerKind
  /** How many brokers it consists of. */
  readonly size: BrokerCount
  /** The release of Kafka that it is, or behaves as. */
  readonly version: KafkaVersion
  /** Whether it is of this release or a later one: what a release lacks is asserted as the error that it gives. */
  isSince(release: MinorRelease): boolean
  readonly bootstrapServers: string
  /** Closed after the suite. */
  readonly admin: Admin
  /** A name for a topic or a group that nothing else in this run, or on this broker, has. */
  uniqueName(prefix: string): string
  /** Creates a topic of its own name (prefix `topic`), of 1 partition unless told otherwise, and resolves to its name. */
  createTopic(options?: TopicOptions): Promise<string>
  /** The id of a new group (prefix `group`) that reads from the beginning (`share.auto.offset.reset=earliest`); `configs` go over that. */
  createGroup(configs?: Readonly<Record<string, string>>): Promise<string>
  /** Sets configurations of a group, such as `share.record.lock.duration.ms`; null takes one back. */
  setGroupConfig(groupId: string, configs: Readonly<Record<string, string | null>>): Promise<void>
  /** How many records the group has not finished, over all its partitions; undefined while the broker cannot tell for one of them. */
  lag(groupId: string): Promise<number | undefined>
}

export interface TopicOptions {
  readonly prefix?: string
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** A TestBroker at an address, which is asked for with its first use. */
export class TestBrokerConnection implements TestBroker {
  readonly kind: BrokerKind
  readonly size: BrokerCount
  readonly version = kafkaVersion()
  readonly #address: () => string
  #admin: Admin | undefined

  constructor(given: { readonly kind: BrokerKind; readonly size: BrokerCount; readonly address: () => string }) {
    this.kind = given.kind
    this.size = given.size
    this.#address = given.address
  }

  isSince(release: MinorRelease): boolean {
    return isSince(this.version, release)
  }

  get bootstrapServers(): string {
    return this.#address()
  }

  get admin(): Admin {
    this.#admin ??= new Admin({ bootstrapServers: this.bootstrapServers, clientId: 'milena-test-broker' })
    return this.#admin
  }

  uniqueName(prefix: string): string {
    return `${prefix}-${randomUUID().slice(0, 13)}`
  }

  async createTopic({ prefix = 'topic', partitions = 1, configs = {} }: TopicOptions = {}): Promise<string> {
    const name = this.uniqueName(prefix)
    await this.admin.createTopics([{ name, numPartitions: partitions, configs }])
    return name
  }

  async createGroup(configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const groupId = this.uniqueName('group')
    await this.setGroupConfig(groupId, { 'share.auto.offset.reset': 'earliest', ...configs })
    return groupId
  }

  setGroupConfig(groupId: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    return this.admin.alterGroupConfigs(groupId, configs)
  }

  async lag(groupId: string): Promise<number | undefined> {
    const offsets = await this.admin.listShareGroupOffsets(groupId)
    let total = 0
    for (const { lag } of offsets) {
      if (lag === null) return undefined
      total += lag
    }
    return offsets.length === 0 ? undefined : total
  }

  async close(): Promise<void> {
    await this.#admin?.close()
    this.#admin = undefined
  }
}

import { randomUUID } from 'node:crypto'
import { Admin } from '@milena/client'
import type { BrokerKind } from './broker-kind.js'

/** What a behaviour suite sees of the broker it runs on. All suites of a run share one: use names of your own. */
export interface TestBroker {
  readonly kind: BrokerKind
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

/** @returns with the way to close its connections */
export function openTestBroker(kind: BrokerKind, bootstrapServers: string): TestBroker & { close(): Promise<void> } {
  // Connects with its first use only.
  const admin = new Admin({ bootstrapServers, clientId: 'milena-test-broker' })
  const uniqueName = (prefix: string): string => `${prefix}-${randomUUID().slice(0, 13)}`
  return {
    kind,
    bootstrapServers,
    admin,
    uniqueName,
    async createTopic({ prefix = 'topic', partitions = 1, configs = {} } = {}) {
      const name = uniqueName(prefix)
      await admin.createTopics([{ name, numPartitions: partitions, configs }])
      return name
    },
    async createGroup(configs = {}) {
      const groupId = uniqueName('group')
      await admin.alterGroupConfigs(groupId, { 'share.auto.offset.reset': 'earliest', ...configs })
      return groupId
    },
    setGroupConfig: (groupId, configs) => admin.alterGroupConfigs(groupId, configs),
    async lag(groupId) {
      const offsets = await admin.listShareGroupOffsets(groupId)
      let total = 0
      for (const { lag } of offsets) {
        if (lag === null) return undefined
        total += lag
      }
      return offsets.length === 0 ? undefined : total
    },
    close: () => admin.close(),
  }
}

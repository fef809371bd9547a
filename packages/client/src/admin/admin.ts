import {
  CreateTopics,
  DeleteTopics,
  DescribeConfigs,
  DescribeShareGroupOffsets,
  ErrorCode,
  IncrementalAlterConfigs,
  KafkaBrokerError,
  KafkaUsageError,
  Metadata,
  ShareGroupDescribe,
  ZERO_UUID,
} from '@milena/protocol'
import type { Uuid } from '@milena/protocol'
import { brokerError } from '../cluster/broker-error.js'
import { KafkaClientContext, type Target } from '../cluster/kafka-client-context.js'
import {
  clientOptions,
  toClientConfig,
  type ClientOptions,
  type ClientOptionsInProperties,
} from '../config/client-config.js'
import { ineffectiveEverywhere, refusedEverywhere } from '../config/foreign-options.js'
import { option, resolveOptions } from '../config/option-table.js'
import { text } from '../config/value-schemas.js'
import {
  checkAlterConfigs,
  checkAlterGroupConfigs,
  checkAlterTopicConfigs,
  checkCreateTopics,
  checkDeleteTopics,
  checkDescribeConfigs,
  checkDescribeShareGroups,
  checkDescribeTopics,
  checkListShareGroupOffsets,
  checkListTopics,
} from './admin-arguments.js'
import { configNameOf, configsOf } from './config-names.js'
import {
  configEntryOf,
  resourceTypeOf,
  type ConfigEntry,
  type ConfigResource,
  type ConfigResourceType,
} from './config-resource.js'
import { groupDescriptionOf, offsetsOf, type ShareGroupDescription, type ShareGroupOffset } from './share-group.js'
import { topicDescriptionOf, topicRequestOf, type CreatedTopic, type NewTopic, type TopicDescription } from './topic.js'
import { waitUntilReady } from './topic-readiness.js'

/** Options of an admin client; those of every client. Default clientId `milena-admin`. */
export type AdminOptions = ClientOptions

/** How topics are created. */
export interface CreateTopicsOptions {
  /** A topic that exists already is left as it is and is no error. Default false. */
  readonly ifNotExists?: boolean | undefined
  /** Only checks whether they could be created. Default false. */
  readonly validateOnly?: boolean | undefined
  /** How long to wait until every broker knows the topics and each partition has a leader, in milliseconds; 0: not at all. Default 10,000. */
  readonly waitUntilReadyMs?: number | undefined
}

const RETRIED: ReadonlySet<number> = new Set([
  ErrorCode.NOT_CONTROLLER,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
  ErrorCode.REQUEST_TIMED_OUT,
])

const adminOptions = {
  ...clientOptions,
  clientId: option(text(), { property: 'client.id', fallback: 'milena-admin', emptyIsNone: true }),
}

/**
 * Topics, configurations, share groups. Every method sends at once and resolves with the broker's answer; while no broker can
 * be reached it goes on trying until defaultApiTimeoutMs. A refusal is a KafkaBrokerError with Kafka's name as its `code`; what
 * a method was given and does not know rejects with KafkaUsageError before anything is sent.
 */
export class Admin {
  readonly #context: KafkaClientContext

  /** The brokers are named in `properties`. */
  constructor(options: ClientOptionsInProperties, context?: KafkaClientContext)
  /** @param context internal: connections to share; without it the admin opens its own, at its first call. */
  constructor(options: AdminOptions, context?: KafkaClientContext)
  constructor(options: AdminOptions | ClientOptionsInProperties, context?: KafkaClientContext) {
    this.#context =
      context?.acquire() ??
      KafkaClientContext.create(
        toClientConfig(
          resolveOptions({
            owner: 'Admin',
            table: adminOptions,
            given: options,
            refused: refusedEverywhere,
            ineffective: ineffectiveEverywhere,
          }),
        ),
      )
  }

  /**
   * Creates topics and waits until they can be used. Rejects with the broker's first refusal (TOPIC_ALREADY_EXISTS,
   * INVALID_REPLICATION_FACTOR, INVALID_CONFIG, …; the other topics of the call are created all the same), and with
   * KafkaTimeoutError when they exist but were not ready in time.
   */
  async createTopics(topics: readonly NewTopic[], options: CreateTopicsOptions = {}): Promise<CreatedTopic[]> {
    checkCreateTopics(topics, options)
    if (topics.length === 0) return []
    const { ifNotExists = false, validateOnly = false, waitUntilReadyMs = 10_000 } = options
    const response = await this.#context.sendWithRetry(
      CreateTopics,
      { topics: topics.map(topicRequestOf), timeoutMs: this.#context.config.requestTimeoutMs, validateOnly },
      { to: 'controller', errorOf: (answer) => retriedCode(answer.topics.map((topic) => topic.errorCode)) },
    )
    const created: CreatedTopic[] = []
    for (const { name, topicId, errorCode, errorMessage, numPartitions, replicationFactor } of response.topics) {
      const existed = errorCode === ErrorCode.TOPIC_ALREADY_EXISTS
      if (errorCode !== ErrorCode.NONE && !(existed && ifNotExists)) {
        throw brokerError(CreateTopics.name, errorCode, errorMessage, `topic '${name}'`)
      }
      created.push({ name, topicId, numPartitions, replicationFactor, existed })
    }
    if (!validateOnly && waitUntilReadyMs > 0) {
      await waitUntilReady(
        this.#context,
        topics.map((topic) => topic.name),
        waitUntilReadyMs,
      )
    }
    return created
  }

  /** Deletes topics with all their records. Rejects with UNKNOWN_TOPIC_OR_PARTITION for one that does not exist, unless ifExists. */
  async deleteTopics(
    names: readonly string[],
    options: { readonly ifExists?: boolean | undefined } = {},
  ): Promise<void> {
    checkDeleteTopics(names, options)
    if (names.length === 0) return
    const response = await this.#context.sendWithRetry(
      DeleteTopics,
      {
        topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
        timeoutMs: this.#context.config.requestTimeoutMs,
      },
      { to: 'controller', errorOf: (answer) => retriedCode(answer.responses.map((topic) => topic.errorCode)) },
    )
    for (const { name, errorCode, errorMessage } of response.responses) {
      const missing = errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      if (missing && options.ifExists === true) continue
      if (missing) {
        throw new KafkaBrokerError(
          `DeleteTopics failed for topic '${name}' with UNKNOWN_TOPIC_OR_PARTITION: there is none of that name. Check it, or give ifExists: true.`,
          { errorCode, api: DeleteTopics.name },
        )
      }
      if (errorCode !== ErrorCode.NONE) {
        throw brokerError(DeleteTopics.name, errorCode, errorMessage, `topic '${name}'`)
      }
    }
  }

  /** Describes topics as one broker sees them now. Rejects with UNKNOWN_TOPIC_OR_PARTITION for one that does not exist. */
  async describeTopics(names: readonly string[]): Promise<TopicDescription[]> {
    checkDescribeTopics(names)
    if (names.length === 0) return []
    const response = await this.#fetchMetadata(names)
    return response.topics.map((topic) => {
      if (topic.errorCode !== ErrorCode.NONE)
        throw brokerError(Metadata.name, topic.errorCode, null, `topic '${topic.name}'`)
      return topicDescriptionOf(topic)
    })
  }

  /** The names and ids of all topics, those that Kafka keeps for itself only when asked for. */
  async listTopics(
    options: { readonly includeInternal?: boolean } = {},
  ): Promise<{ name: string; topicId: Uuid; isInternal: boolean }[]> {
    checkListTopics(options)
    const response = await this.#fetchMetadata(null)
    return response.topics
      .filter((topic) => options.includeInternal === true || !topic.isInternal)
      .map(({ name, topicId, isInternal }) => ({ name: name ?? '', topicId, isInternal }))
  }

  /** Reads configurations: every entry with its value and where that comes from. `keys` limits them to some. */
  async describeConfigs(
    resources: readonly (ConfigResource & { readonly keys?: readonly string[] | undefined })[],
  ): Promise<{ type: ConfigResourceType; name: string; entries: ReadonlyMap<string, ConfigEntry> }[]> {
    checkDescribeConfigs(resources)
    return Promise.all(
      resources.map(async ({ type, name, keys }) => {
        const response = await this.#context.sendWithRetry(
          DescribeConfigs,
          {
            resources: [
              {
                resourceType: resourceTypeOf(type),
                resourceName: name,
                configurationKeys: keys === undefined ? null : keys.map((key) => configNameOf(type, key)),
              },
            ],
          },
          {
            to: targetOf({ type, name }),
            errorOf: (answer) => retriedCode(answer.results.map((result) => result.errorCode)),
          },
        )
        const entries = new Map<string, ConfigEntry>()
        for (const { errorCode, errorMessage, configs } of response.results) {
          if (errorCode !== ErrorCode.NONE)
            throw brokerError(DescribeConfigs.name, errorCode, errorMessage, `${type} '${name}'`)
          for (const config of configs) entries.set(config.name, configEntryOf(config))
        }
        return { type, name, entries }
      }),
    )
  }

  /**
   * Changes some entries of configurations and leaves the others; null sets one back to its default. `retention.ms` may be written
   * retentionMs, and so all of them. Rejects with
   * INVALID_CONFIG for an unknown name or a value that is not allowed.
   */
  async alterConfigs(
    resources: readonly (ConfigResource & { readonly configs: Readonly<Record<string, string | null>> })[],
    options: { readonly validateOnly?: boolean | undefined } = {},
  ): Promise<void> {
    checkAlterConfigs(resources, options)
    const [SET, DELETE] = [0, 1]
    await Promise.all(
      resources.map(async ({ type, name, configs }) => {
        const response = await this.#context.sendWithRetry(
          IncrementalAlterConfigs,
          {
            resources: [
              {
                resourceType: resourceTypeOf(type),
                resourceName: name,
                configs: configsOf(type, configs).map(([key, value]) => ({
                  name: key,
                  configOperation: value === null ? DELETE : SET,
                  value,
                })),
              },
            ],
            validateOnly: options.validateOnly ?? false,
          },
          {
            to: targetOf({ type, name }),
            errorOf: (answer) => retriedCode(answer.responses.map((result) => result.errorCode)),
          },
        )
        for (const { errorCode, errorMessage } of response.responses) {
          if (errorCode !== ErrorCode.NONE)
            throw brokerError(IncrementalAlterConfigs.name, errorCode, errorMessage, `${type} '${name}'`)
        }
      }),
    )
  }

  /** alterConfigs() for one topic, e.g. `{ 'retention.ms': '3600000' }`. */
  async alterTopicConfigs(topic: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    checkAlterTopicConfigs(topic, configs)
    return this.alterConfigs([{ type: 'topic', name: topic, configs }])
  }

  /** alterConfigs() for one group, e.g. `{ 'share.auto.offset.reset': 'earliest' }`. The group need not exist yet. */
  async alterGroupConfigs(groupId: string, configs: Readonly<Record<string, string | null>>): Promise<void> {
    checkAlterGroupConfigs(groupId, configs)
    return this.alterConfigs([{ type: 'group', name: groupId, configs }])
  }

  /** Describes share groups with their members, as their coordinators see them. Rejects with GROUP_ID_NOT_FOUND for an unknown one. */
  async describeShareGroups(groupIds: readonly string[]): Promise<ShareGroupDescription[]> {
    checkDescribeShareGroups(groupIds)
    return Promise.all(
      groupIds.map(async (groupId) => {
        const response = await this.#context.sendWithRetry(
          ShareGroupDescribe,
          { groupIds: [groupId], includeAuthorizedOperations: false },
          { to: { group: groupId }, errorOf: (answer) => retriedCode(answer.groups.map((group) => group.errorCode)) },
        )
        const group = response.groups[0]
        if (group === undefined)
          throw brokerError(ShareGroupDescribe.name, ErrorCode.GROUP_ID_NOT_FOUND, null, `group '${groupId}'`)
        if (group.errorCode !== ErrorCode.NONE) {
          throw brokerError(ShareGroupDescribe.name, group.errorCode, group.errorMessage, `group '${groupId}'`)
        }
        return groupDescriptionOf(group)
      }),
    )
  }

  /**
   * Where a share group stands in each partition, and how many records lie before it. A group that nobody knows has none.
   * `topics` limits the answer: topic to partition numbers. Name no partition that does not exist: the broker takes about 30 s for that.
   */
  async listShareGroupOffsets(
    groupId: string,
    options: { readonly topics?: Readonly<Record<string, readonly number[]>> | undefined } = {},
  ): Promise<ShareGroupOffset[]> {
    checkListShareGroupOffsets(groupId, options)
    const topics =
      options.topics === undefined
        ? null
        : Object.entries(options.topics).map(([topicName, partitions]) => ({ topicName, partitions: [...partitions] }))
    const response = await this.#context.sendWithRetry(
      DescribeShareGroupOffsets,
      { groups: [{ groupId, topics }] },
      { to: { group: groupId }, errorOf: (answer) => retriedCode(answer.groups.map((group) => group.errorCode)) },
    )
    const group = response.groups[0]
    if (group === undefined) return []
    if (group.errorCode !== ErrorCode.NONE) {
      throw brokerError(DescribeShareGroupOffsets.name, group.errorCode, group.errorMessage, `group '${groupId}'`)
    }
    return offsetsOf(group, groupId)
  }

  /** Closes its connections. Calling it again does nothing. */
  close(): Promise<void> {
    this.#closed ??= this.#context.release()
    return this.#closed
  }

  /** close(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #closed: Promise<void> | undefined

  #fetchMetadata(names: readonly string[] | null) {
    return this.#context.sendWithRetry(
      Metadata,
      {
        topics: names === null ? null : names.map((name) => ({ name, topicId: ZERO_UUID })),
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: false,
      },
      { to: 'any', errorOf: (response) => response.errorCode },
    )
  }
}

/** The code to retry for, when all of an answer's results ask for it. One that is final must be heard, not sent again. */
function retriedCode(codes: readonly number[]): number {
  return codes.every((code) => RETRIED.has(code)) ? (codes[0] ?? ErrorCode.NONE) : ErrorCode.NONE
}

function targetOf({ type, name }: ConfigResource): Target {
  // A broker knows only its own configuration. The defaults for all brokers have an empty name.
  if (type !== 'broker' || name === '') return 'any'
  const nodeId = Number(name)
  if (!Number.isInteger(nodeId) || nodeId < 0) {
    throw new KafkaUsageError(
      `A broker is named by its node id, a whole number, or by '' for the defaults of all; '${name}' is neither.`,
    )
  }
  return nodeId
}

import { ErrorCode, KafkaUsageError, type Uuid } from '@milena/protocol'
import type { ConfigFailure } from '../configs/config-values.js'
import type { PartitionLog } from '../log/partition-log.js'
import type { Surroundings } from '../surroundings.js'
import { assignmentFailure, placeReplicas } from './replica-placement.js'
import { Partition, Topic, type PartitionEntry, type TopicEntry } from './topic-entry.js'
import { collisionKey, newTopicNameFailure, refused, type TopicFailure } from './topic-names.js'

export type { PartitionEntry, TopicEntry } from './topic-entry.js'
export type { TopicFailure } from './topic-names.js'

// All topics, and who leads their partitions. The rules it keeps:
//
// 1. A topic is checked as a whole before anything of it exists (plan), then made (create); the words of refusal are Kafka's.
// 2. A leader is a live replica or -1. Its epoch grows with each change and never otherwise.
// 3. A leader that lives stays: a preferred leader that comes back leads again only by moveLeader().
// 4. Listeners hear of a change after it happened; requests that wait for the partition's log look again then.

export interface NewTopic {
  readonly name: string
  /** Unset or -1: the broker's `num.partitions`. */
  readonly numPartitions?: number
  /** Unset or -1: the broker's `default.replication.factor`. */
  readonly replicationFactor?: number
  /** The replicas of each partition, in order; then neither number may be given. */
  readonly assignments?: readonly (readonly number[])[]
  readonly configs?: Readonly<Record<string, string | null>>
}

/** A topic that could be made now. */
export interface PlannedTopic {
  readonly name: string
  /** The replicas of each partition. */
  readonly replicas: readonly (readonly number[])[]
  readonly configs: ReadonlyMap<string, string>
}

/** The key under which requests wait for a partition's log to move (see DelayedOperations). */
export function logKey(topicId: Uuid, partition: number): string {
  return `log:${topicId}:${partition}`
}

/** A change of the catalogue, told after it happened. */
export type TopicChange =
  | { readonly kind: 'created' | 'deleted' | 'partitionsAdded'; readonly topic: TopicEntry }
  | { readonly kind: 'leaderChanged'; readonly partition: PartitionEntry; readonly formerLeaderId: number }

/** What the catalogue needs of the configurations. */
export interface TopicConfigSource {
  brokerNumber(name: string): number
  checkTopic(values: ReadonlyMap<string, string>): ReadonlyMap<string, string> | ConfigFailure
  putTopic(topic: string, values: ReadonlyMap<string, string>): void
  removeTopic(topic: string): void
}

/** Of all topics together. Kafka takes as many in one request; here they are in one process's memory. */
const MAX_PARTITIONS = 10_000

export function isTopicFailure(value: object): value is TopicFailure {
  return 'errorCode' in value
}

/** All topics, their partitions and who leads them. */
export class TopicCatalog {
  readonly #surroundings: Surroundings
  readonly #brokerIds: readonly number[]
  readonly #configs: TopicConfigSource
  readonly #makeLog: (given: { topic: string; partition: number; onMoved: () => void }) => PartitionLog
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<Uuid, Topic>()
  readonly #byCollisionKey = new Map<string, string>()
  readonly #listeners = new Set<(change: TopicChange) => void>()
  #live: ReadonlySet<number>
  #partitionCount = 0

  /** All brokers count as alive until liveBrokersChanged() says otherwise. */
  constructor(
    surroundings: Surroundings,
    given: {
      readonly brokerIds: readonly number[]
      readonly configs: TopicConfigSource
      readonly makeLog: (given: { topic: string; partition: number; onMoved: () => void }) => PartitionLog
    },
  ) {
    this.#surroundings = surroundings
    this.#brokerIds = given.brokerIds
    this.#configs = given.configs
    this.#makeLog = given.makeLog
    this.#live = new Set(given.brokerIds)
  }

  byName(name: string): TopicEntry | undefined {
    return this.#byName.get(name)
  }

  byId(id: Uuid): TopicEntry | undefined {
    return this.#byId.get(id)
  }

  /** In the order of their making. */
  all(): readonly TopicEntry[] {
    return [...this.#byName.values()]
  }

  partition(topicId: Uuid, index: number): PartitionEntry | undefined {
    return this.#byId.get(topicId)?.partitions[index]
  }

  /** Checks a topic without making it. @returns what it would be, or why not: an error code and a sentence */
  plan(topic: NewTopic): PlannedTopic | TopicFailure {
    const { name } = topic
    const wrongName = newTopicNameFailure(name, {
      exists: (other) => this.#byName.has(other),
      collision: (key) => this.#byCollisionKey.get(key),
    })
    if (wrongName !== undefined) return wrongName
    const given = Object.entries(topic.configs ?? {})
    const nulls = given.filter(([, value]) => value === null)
    if (nulls.length > 0) {
      const names = nulls.map(([key]) => key).join(',')
      return refused(ErrorCode.INVALID_CONFIG, `Null value not supported for topic configs: ${names}`)
    }
    const configs = this.#configs.checkTopic(new Map(given.map(([key, value]) => [key, value ?? ''])))
    if (isTopicFailure(configs)) return configs
    const replicas = this.#replicasOf(topic)
    if (isTopicFailure(replicas)) return replicas
    const tooMany = this.#tooMany(replicas.length)
    return tooMany ?? { name, replicas, configs }
  }

  /** @returns the topic, or why not: an error code and a sentence */
  create(topic: NewTopic): TopicEntry | TopicFailure {
    const plan = this.plan(topic)
    if (isTopicFailure(plan)) return plan
    const { name, replicas, configs } = plan
    const made = new Topic(name, this.#surroundings.random.uuid().toString('base64url'))
    this.#configs.putTopic(name, configs)
    this.#byName.set(name, made)
    this.#byId.set(made.id, made)
    this.#byCollisionKey.set(collisionKey(name), name)
    this.#append(made, replicas)
    this.#surroundings.logger.info(
      { topic: name, partitions: replicas.length, configs: Object.fromEntries(configs) },
      `Topic ${name} created with ${counted(replicas.length, 'partition')}.`,
    )
    this.#tell({ kind: 'created', topic: made })
    return made
  }

  /** Raises the number of a topic's partitions to `count`. @returns the topic, or why not */
  addPartitions(
    name: string,
    count: number,
    options: { readonly assignments?: readonly (readonly number[])[] | null; readonly validateOnly?: boolean } = {},
  ): TopicEntry | TopicFailure {
    const topic = this.#byName.get(name)
    if (topic === undefined) {
      return refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic '${name}'.`)
    }
    const had = topic.partitions.length
    if (count === had) {
      return refused(ErrorCode.INVALID_PARTITIONS, `Topic already has ${had} partition(s).`)
    }
    if (count < had) {
      return refused(
        ErrorCode.INVALID_PARTITIONS,
        `The topic ${name} currently has ${had} partition(s); ${count} would not be an increase.`,
      )
    }
    const more = count - had
    const { assignments } = options
    const tooMany = this.#tooMany(more)
    if (tooMany !== undefined) return tooMany
    if (assignments !== null && assignments !== undefined && assignments.length !== more) {
      return refused(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `Attempted to add ${more} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
      )
    }
    const replicas =
      this.#assigned(assignments ?? [], had) ?? this.#placed(had, more, topic.partitions[0]?.replicas.length ?? 1)
    if (isTopicFailure(replicas)) return replicas
    if (options.validateOnly === true) return topic
    this.#append(topic, replicas)
    this.#surroundings.logger.info(
      { topic: name, partitions: count },
      `Topic ${name} has ${counted(count, 'partition')} now.`,
    )
    this.#tell({ kind: 'partitionsAdded', topic })
    return topic
  }

  /** @returns whether there was such a topic */
  delete(name: string): boolean {
    const topic = this.#byName.get(name)
    if (topic === undefined) return false
    this.#byName.delete(name)
    this.#byId.delete(topic.id)
    this.#byCollisionKey.delete(collisionKey(name))
    this.#configs.removeTopic(name)
    this.#partitionCount -= topic.partitions.length
    for (const { log } of topic.partitions) log.close()
    this.#surroundings.logger.info({ topic: name }, `Topic ${name} deleted.`)
    this.#tell({ kind: 'deleted', topic })
    return true
  }

  /**
   * Gives the partition to another leader; its epoch grows. Nothing happens when that broker leads already.
   *
   * Throws KafkaUsageError when there is no such partition, or the broker is no live replica of it.
   */
  moveLeader(topicId: Uuid, partition: number, leaderId: number): void {
    const entry = this.#byId.get(topicId)?.partitions[partition]
    if (entry === undefined) {
      throw new KafkaUsageError(`There is no partition ${partition} of a topic with id ${topicId}.`)
    }
    const formerLeaderId = entry.leaderId
    if (entry.moveTo(leaderId, this.#live)) this.#leaderChanged(entry, formerLeaderId)
    else if (formerLeaderId !== leaderId) {
      const { replicas } = entry
      const why = replicas.includes(leaderId) ? 'is not running' : `is none of its replicas (${replicas.join(', ')})`
      throw new KafkaUsageError(
        `Broker ${leaderId} cannot lead ${entry.topic.name}-${partition}: it ${why}. Choose a running replica.`,
      )
    }
  }

  /** A broker died or came back: leaders move to live replicas, or partitions get none. */
  liveBrokersChanged(liveBrokerIds: readonly number[]): void {
    this.#live = new Set(liveBrokerIds)
    const moved: (readonly [Partition, number])[] = []
    for (const { partitions } of this.#byName.values()) {
      for (const partition of partitions) {
        const formerLeaderId = partition.leaderId
        if (partition.brokersChanged(this.#live)) moved.push([partition, formerLeaderId])
      }
    }
    for (const [partition, formerLeaderId] of moved) this.#leaderChanged(partition, formerLeaderId)
  }

  /** @returns what ends the listening */
  onChange(fn: (change: TopicChange) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  /** Closes all logs; nothing is to be asked afterwards. */
  close(): void {
    for (const { partitions } of this.#byName.values()) {
      for (const { log } of partitions) log.close()
    }
    this.#byName.clear()
    this.#byId.clear()
    this.#listeners.clear()
  }

  #replicasOf({
    numPartitions = -1,
    replicationFactor = -1,
    assignments,
  }: NewTopic): readonly (readonly number[])[] | TopicFailure {
    if (assignments !== undefined && assignments.length > 0) {
      const both = (what: string): TopicFailure =>
        refused(
          ErrorCode.INVALID_REQUEST,
          `A manual partition assignment was specified, but ${what} was not set to -1.`,
        )
      if (replicationFactor !== -1) return both('replication factor')
      if (numPartitions !== -1) return both('numPartitions')
      return this.#assigned(assignments, 0) ?? []
    }
    if (replicationFactor < -1 || replicationFactor === 0) {
      return refused(
        ErrorCode.INVALID_REPLICATION_FACTOR,
        'Replication factor must be larger than 0, or -1 to use the default value.',
      )
    }
    if (numPartitions < -1 || numPartitions === 0) {
      return refused(ErrorCode.INVALID_PARTITIONS, 'Number of partitions was set to an invalid non-positive value.')
    }
    const count = numPartitions === -1 ? this.#configs.brokerNumber('num.partitions') : numPartitions
    const factor =
      replicationFactor === -1 ? this.#configs.brokerNumber('default.replication.factor') : replicationFactor
    // Before memory is taken for their replicas.
    return this.#tooMany(count) ?? this.#placed(0, count, factor)
  }

  #placed(first: number, count: number, replicationFactor: number): readonly (readonly number[])[] | TopicFailure {
    return placeReplicas({
      first,
      count,
      replicationFactor,
      brokerIds: this.#brokerIds,
      live: this.#live,
      version: this.#surroundings.profile.version,
    })
  }

  /** Undefined when there are none. @param first the index of the partition that they begin with */
  #assigned(
    assignments: readonly (readonly number[])[],
    first: number,
  ): readonly (readonly number[])[] | TopicFailure | undefined {
    if (assignments.length === 0) return undefined
    for (const [i, replicas] of assignments.entries()) {
      const brokers = { all: this.#brokerIds, live: this.#live }
      const failure = assignmentFailure({ index: first + i, replicas }, brokers)
      if (failure !== undefined) return failure
    }
    return assignments
  }

  #tooMany(more: number): TopicFailure | undefined {
    if (this.#partitionCount + more <= MAX_PARTITIONS) return undefined
    return refused(
      ErrorCode.POLICY_VIOLATION,
      `The embedded broker holds at most ${MAX_PARTITIONS} partitions, and has ${this.#partitionCount}. Ask for fewer, or delete topics.`,
    )
  }

  #append(topic: Topic, replicas: readonly (readonly number[])[]): void {
    for (const each of replicas) {
      const index = topic.partitions.length
      const key = logKey(topic.id, index)
      const log = this.#makeLog({
        topic: topic.name,
        partition: index,
        onMoved: () => {
          this.#surroundings.delayed.touch(key)
          this.#surroundings.changed()
        },
      })
      topic.partitions.push(new Partition({ topic, index, replicas: each, log, live: this.#live }))
    }
    this.#partitionCount += replicas.length
  }

  #leaderChanged(partition: Partition, formerLeaderId: number): void {
    const { topic, index, leaderId, leaderEpoch } = partition
    const now = leaderId === -1 ? 'has no leader' : `is led by broker ${leaderId}`
    this.#surroundings.logger.info(
      { topic: topic.name, partition: index, leaderId, leaderEpoch },
      `Partition ${topic.name}-${index} ${now} now (before: ${formerLeaderId}).`,
    )
    this.#tell({ kind: 'leaderChanged', partition, formerLeaderId })
  }

  #tell(change: TopicChange): void {
    for (const fn of [...this.#listeners]) fn(change)
    const partitions = change.kind === 'leaderChanged' ? [change.partition] : change.topic.partitions
    for (const { topic, index } of partitions) this.#surroundings.delayed.touch(logKey(topic.id, index))
    this.#surroundings.changed()
  }
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`
}

import type { ClusterConfigs, ShareGroupSettings } from '../../configs/cluster-configs.js'
import type { PartitionLog } from '../../log/partition-log.js'
import type { Surroundings } from '../../surroundings.js'
import type { PartitionEntry, TopicCatalog } from '../../topics/topic-catalog.js'
import { DeadLetterBatches } from './dead-letter-batches.js'
import { DeadLetterCopies } from './dead-letter-copies.js'
import type { DeadLetter } from '../records/record-changes.js'

/*
 * Dead-letter queues (KIP-1191). The rules:
 * 1. Whether the topic may be used is looked at when a record is to be written, not when the group is configured.
 * 2. What cannot be written is lost: the record is archived all the same, and the log has an ERROR line.
 * 3. One dead letter to a record, on the partition that the source partition's number gives.
 * 4. Nobody waits for a dead letter: it is written after the answer that caused it was worked out.
 */

export interface DeadLetterSource {
  readonly topic: string
  readonly partition: number
  readonly log: PartitionLog
}

export interface DeadLetterRequest {
  readonly groupId: string
  readonly source: DeadLetterSource
  readonly settings: ShareGroupSettings
  readonly letters: readonly DeadLetter[]
}

const PREFIX = 'errors.deadletterqueue.topic.name.prefix'
const AUTO_CREATE = 'errors.deadletterqueue.auto.create.topics.enable'
const ENABLED = 'errors.deadletterqueue.group.enable'

const causes = {
  rejected: 'Offset rejected by client.',
  deliveryLimit: 'Offset delivery count exceeded the threshold.',
} as const

interface Waiting extends DeadLetterRequest {
  readonly topic: string
  readonly done: () => void
}

/** What goes to one partition of a dead-letter topic in one round. */
interface Delivery {
  readonly batches: DeadLetterBatches
  readonly requests: Waiting[]
}

export class DeadLetterQueue {
  readonly #surroundings: Surroundings
  readonly #topics: TopicCatalog
  readonly #configs: ClusterConfigs
  readonly #counts = new Map<string, number>()
  #waiting: Waiting[] = []

  constructor(surroundings: Surroundings, given: { readonly topics: TopicCatalog; readonly configs: ClusterConfigs }) {
    this.#surroundings = surroundings
    this.#topics = given.topics
    this.#configs = given.configs
  }

  /** How many dead letters were written for this group. */
  count(groupId: string): number {
    return this.#counts.get(groupId) ?? 0
  }

  /** Resolves when they are written, or given up; never rejects. Those that wait together are written together, in order. */
  write(request: DeadLetterRequest): Promise<void> {
    const topic = request.settings.deadLetterTopic
    if (topic === undefined) return Promise.resolve()
    return new Promise((done) => {
      this.#waiting.push({ ...request, topic, done })
      if (this.#waiting.length === 1) void Promise.resolve().then(() => this.#writeRounds())
    })
  }

  /** Those of a round stay at the head of the queue until it is over, so that only one runs. */
  async #writeRounds(): Promise<void> {
    while (this.#waiting.length > 0) {
      const round = [...this.#waiting]
      await this.#writeRound(round)
      this.#waiting = this.#waiting.slice(round.length)
      for (const { done } of round) done()
      this.#surroundings.changed()
    }
  }

  async #writeRound(round: readonly Waiting[]): Promise<void> {
    const deliveries = new Map<string, Delivery>()
    for (const request of round) {
      try {
        const target = this.#target(request.topic, request.source.partition)
        const key = `${request.topic}-${target.index}`
        const delivery = deliveries.get(key) ?? {
          batches: new DeadLetterBatches(target, this.#surroundings.clock),
          requests: [],
        }
        deliveries.set(key, delivery)
        await addLetters(delivery.batches, request)
        delivery.requests.push(request)
      } catch (error) {
        this.#gaveUp([request], error)
      }
    }
    for (const { batches, requests } of deliveries.values()) {
      try {
        await batches.finish()
        for (const request of requests) this.#wrote(request)
      } catch (error) {
        this.#gaveUp(requests, error)
      }
    }
  }

  #wrote({ groupId, source, letters, topic }: Waiting): void {
    const written = letters.reduce((sum, { firstOffset, lastOffset }) => sum + lastOffset - firstOffset + 1, 0)
    this.#counts.set(groupId, this.count(groupId) + written)
    this.#surroundings.logger.info(
      { groupId, topic: source.topic, partition: source.partition, deadLetterTopic: topic },
      `Share group ${groupId} gave up on ${written} of the records of ${source.topic}-${source.partition}; they are in ${topic} now`,
    )
  }

  #gaveUp(requests: readonly Waiting[], error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    for (const { groupId, source, topic } of requests) {
      this.#surroundings.logger.error(
        { groupId, topic: source.topic, partition: source.partition, deadLetterTopic: topic },
        `Failed to write to DLQ, proceeding to ARCHIVED regardless. ${why}`,
      )
    }
  }

  #target(name: string, sourcePartition: number): PartitionEntry {
    const prefix = this.#configs.brokerString(PREFIX)
    if (!name.startsWith(prefix)) {
      throw new Error(`The topic ${name} does not comply with the DLQ topic prefix ${prefix} (${PREFIX}).`)
    }
    const { partitions } = this.#topics.byName(name) ?? this.#created(name)
    if (this.#configs.topicValue(name, ENABLED) !== 'true') {
      throw new Error(`DLQ is not enabled on configured DLQ topic ${name}: set ${ENABLED}=true on it.`)
    }
    const target = partitions[sourcePartition % partitions.length]
    if (target === undefined || target.leaderId === -1) {
      throw new Error(`The DLQ topic ${name} has no leader for the partition to write to.`)
    }
    return target
  }

  #created(name: string): { readonly partitions: readonly PartitionEntry[] } {
    if (!this.#configs.brokerBoolean(AUTO_CREATE)) {
      throw new Error(
        `DLQ topic does not exist and auto create is disabled: create ${name}, or set ${AUTO_CREATE}=true.`,
      )
    }
    const created = this.#topics.create({
      name,
      configs: { [ENABLED]: 'true', 'message.timestamp.type': 'CreateTime' },
    })
    if ('errorCode' in created) throw new Error(`The DLQ topic ${name} cannot be created: ${created.errorMessage}`)
    return created
  }
}

async function addLetters(batches: DeadLetterBatches, request: DeadLetterRequest): Promise<void> {
  const { groupId, source, settings, letters } = request
  const copies = settings.deadLetterCopyRecord ? new DeadLetterCopies(source.log) : undefined
  for (const { firstOffset, lastOffset, deliveryCount, cause } of letters) {
    for (let offset = firstOffset; offset <= lastOffset; offset++) {
      const original = copies && (await copies.at(offset))
      batches.add({
        key: original?.key ?? null,
        value: original?.value ?? null,
        headers: [
          header('topic', source.topic),
          header('partition', String(source.partition)),
          header('offset', String(offset)),
          header('group', groupId),
          header('delivery.count', String(deliveryCount)),
          header('message', causes[cause]),
        ],
      })
    }
  }
}

function header(name: string, value: string): { readonly key: string; readonly value: Buffer } {
  return { key: `__dlq.errors.${name}`, value: Buffer.from(value, 'utf8') }
}

import {
  AlterShareGroupOffsets,
  CreateTopics,
  DeleteRecords,
  DeleteShareGroupOffsets,
  DeleteTopics,
  DescribeConfigs,
  DescribeShareGroupOffsets,
  EndTxn,
  ErrorCode,
  FindCoordinator,
  IncrementalAlterConfigs,
  InitProducerId,
  ListOffsets,
  Metadata,
  Produce,
  ZERO_UUID,
} from '@milena/protocol'
import { nameOfError } from './trace.js'
import type { Target } from './target.js'
import { Wire } from './wire.js'

const GROUP_RESOURCE = 32
/** The coordinators of a cluster that has just begun to serve take their time. */
const notYet: ReadonlySet<number> = new Set([
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
])
const ROUNDS = 200
const ROUND_MS = 20
/** From a configuration being told by the controller to its being in use. */
const CONFIG_IN_USE_MS = 30

interface ProducerNumbers {
  readonly id: number
  readonly epoch: number
}

/** What a sequence needs of a broker beside the requests that it compares. */
export class ClusterAdmin {
  readonly #target: Target
  readonly #wire: Wire

  private constructor(target: Target, wire: Wire) {
    this.#target = target
    this.#wire = wire
  }

  static async open(target: Target): Promise<ClusterAdmin> {
    return new ClusterAdmin(target, await Wire.open(target.transport, target.address))
  }

  close(): void {
    this.#wire.cut()
  }

  /** @returns the topic's id */
  async createTopic(name: string, partitions: number): Promise<string> {
    const { topics } = await this.#wire.send(CreateTopics, 7, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor: 1,
          assignments: [],
          // Old records are of use, not to be cleaned away.
          configs: [{ name: 'retention.ms', value: '-1' }],
        },
      ],
      timeoutMs: 30_000,
      validateOnly: false,
    })
    const [topic] = topics
    refuse('CreateTopics', topic?.errorCode)
    await this.#until(`topic ${name} has leaders`, async () => {
      const metadata = await this.#wire.send(Metadata, 12, {
        topics: [{ topicId: ZERO_UUID, name }],
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: false,
      })
      const found = metadata.topics[0]
      return (
        found?.errorCode === 0 && found.partitions.every(({ leaderId, errorCode }) => leaderId >= 0 && errorCode === 0)
      )
    })
    return topic?.topicId ?? ZERO_UUID
  }

  /** Resolves when no broker knows the topic. */
  async deleteTopic(name: string): Promise<void> {
    const { responses } = await this.#wire.send(DeleteTopics, 6, {
      topics: [{ name, topicId: ZERO_UUID }],
      timeoutMs: 30_000,
    })
    refuse('DeleteTopics', responses[0]?.errorCode)
    await this.#until(`topic ${name} is gone`, async () => {
      const metadata = await this.#wire.send(Metadata, 12, {
        topics: [{ topicId: ZERO_UUID, name }],
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: false,
      })
      return metadata.topics[0]?.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    })
  }

  /** Resolves when the broker goes by it. */
  async configureGroup(groupId: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const { responses } = await this.#wire.send(IncrementalAlterConfigs, 1, {
      resources: [
        {
          resourceType: GROUP_RESOURCE,
          resourceName: groupId,
          configs: Object.entries(settings).map(([name, value]) => ({ name, configOperation: 0, value })),
        },
      ],
      validateOnly: false,
    })
    refuse('IncrementalAlterConfigs', responses[0]?.errorCode)
    await this.#until(`the settings of group ${groupId} are in use`, async () => {
      const { results } = await this.#wire.send(DescribeConfigs, 4, {
        resources: [{ resourceType: GROUP_RESOURCE, resourceName: groupId, configurationKeys: null }],
        includeSynonyms: false,
        includeDocumentation: false,
      })
      const configs = results[0]?.configs ?? []
      return Object.entries(settings).every(
        ([name, value]) => configs.find((config) => config.name === name)?.value === value,
      )
    })
    await this.#target.wait(CONFIG_IN_USE_MS)
  }

  /** Resolves when the group has a coordinator. */
  async coordinatorOf(key: string, keyType: 0 | 1): Promise<void> {
    await this.#until(`a coordinator for ${key}`, async () => {
      const { coordinators } = await this.#wire.send(FindCoordinator, 4, { keyType, coordinatorKeys: [key] })
      return coordinators[0]?.errorCode === 0
    })
  }

  /** @returns the offset of the first record */
  async produce(topicId: string, partition: number, records: Buffer, transactionalId: string | null): Promise<number> {
    let baseOffset = -1
    await this.#until('a produced batch is taken', async () => {
      const { responses } = await this.#wire.send(Produce, 13, {
        transactionalId,
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ topicId, partitionData: [{ index: partition, records }] }],
      })
      const answer = responses[0]?.partitionResponses[0]
      if (answer !== undefined && notYet.has(answer.errorCode)) return false
      refuse('Produce', answer?.errorCode)
      baseOffset = answer?.baseOffset ?? -1
      return true
    })
    return baseOffset
  }

  async initProducer(transactionalId: string): Promise<ProducerNumbers> {
    await this.coordinatorOf(transactionalId, 1)
    let numbers = { id: -1, epoch: -1 }
    await this.#until('a transactional producer has its id', async () => {
      const answer = await this.#wire.send(InitProducerId, 5, {
        transactionalId,
        transactionTimeoutMs: 300_000,
        producerId: -1,
        producerEpoch: -1,
      })
      if (notYet.has(answer.errorCode)) return false
      refuse('InitProducerId', answer.errorCode)
      numbers = { id: answer.producerId, epoch: answer.producerEpoch }
      return true
    })
    return numbers
  }

  /** @returns what the next transaction is written under */
  async endTransaction(
    transactionalId: string,
    { id, epoch }: ProducerNumbers,
    committed: boolean,
  ): Promise<ProducerNumbers> {
    let next = { id, epoch }
    await this.#until('a transaction ends', async () => {
      const answer = await this.#wire.send(EndTxn, 5, {
        transactionalId,
        producerId: id,
        producerEpoch: epoch,
        committed,
      })
      if (notYet.has(answer.errorCode)) return false
      refuse('EndTxn', answer.errorCode)
      if (answer.producerId >= 0) next = { id: answer.producerId, epoch: answer.producerEpoch }
      return true
    })
    return next
  }

  /** Resolves when the partition ends there: markers of transactions are written after the answer that promises them. */
  async reaches(topic: string, partition: number, end: number): Promise<void> {
    await this.#until(`partition ${topic}-${partition} ends at ${end}`, async () => {
      const { topics } = await this.#wire.send(ListOffsets, 9, {
        replicaId: -1,
        isolationLevel: 0,
        topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: -1 }] }],
      })
      return (topics[0]?.partitions[0]?.offset ?? -1) >= end
    })
  }

  async deleteRecords(topic: string, partition: number, offset: number): Promise<{ error: string; start: number }> {
    const { topics } = await this.#wire.send(DeleteRecords, 2, {
      topics: [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }],
      timeoutMs: 30_000,
    })
    const answer = topics[0]?.partitions[0]
    return { error: nameOfError(answer?.errorCode ?? -1), start: answer?.lowWatermark ?? -1 }
  }

  async alterOffset(groupId: string, topic: string, partition: number, startOffset: number): Promise<unknown> {
    const answer = await this.#wire.send(AlterShareGroupOffsets, 0, {
      groupId,
      topics: [{ topicName: topic, partitions: [{ partitionIndex: partition, startOffset }] }],
    })
    return {
      error: nameOfError(answer.errorCode),
      partitions: answer.responses.flatMap(({ partitions }) =>
        partitions.map(({ errorCode }) => nameOfError(errorCode)),
      ),
    }
  }

  async deleteOffsets(groupId: string, topic: string): Promise<unknown> {
    const answer = await this.#wire.send(DeleteShareGroupOffsets, 0, { groupId, topics: [{ topicName: topic }] })
    return {
      error: nameOfError(answer.errorCode),
      topics: answer.responses.map(({ errorCode }) => nameOfError(errorCode)),
    }
  }

  /** `withoutStart` tells of partitions whose start offset is not of interest. */
  async describeOffsets(
    groupId: string,
    topics: readonly { topicName: string; partitions: number[] }[],
    withoutStart: (topic: string, partition: number) => boolean = () => false,
  ): Promise<unknown> {
    const answer = await this.#wire.send(DescribeShareGroupOffsets, 1, {
      groups: [{ groupId, topics: [...topics] }],
    })
    const [group] = answer.groups
    return {
      error: nameOfError(group?.errorCode ?? -1),
      offsets: (group?.topics ?? [])
        .flatMap(({ topicName, partitions }) =>
          partitions.map(
            ({ partitionIndex, startOffset, lag, errorCode }) =>
              `${topicName.slice(-1)}-${partitionIndex} start ${withoutStart(topicName, partitionIndex) ? '?' : startOffset} lag ${lag}${errorCode === 0 ? '' : ` ${nameOfError(errorCode)}`}`,
          ),
        )
        .toSorted(),
    }
  }

  async #until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      if (await isSo()) return
      await this.#target.wait(ROUND_MS)
    }
    throw new Error(`After ${(ROUNDS * ROUND_MS) / 1000} s it is still not so that ${what}.`)
  }
}

function refuse(api: string, errorCode: number | undefined): void {
  if (errorCode !== 0) throw new Error(`${api} answered ${nameOfError(errorCode ?? -1)}.`)
}

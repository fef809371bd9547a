import {
  DeleteRecords,
  Fetch,
  ListOffsets,
  Metadata,
  Produce,
  RecordBatchReader,
  type RequestInput,
  type ResponseOf,
} from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '@milena/embedded-broker'
import { batchOf } from '../log/log-world.js'
import { RawClient } from '../raw-client.js'

type Defined<T> = Exclude<T, undefined>
type FetchPartitionInput = RequestInput<typeof Fetch>['topics'][number]['partitions'][number]

export type ProducedPartition = ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]
export type FetchedPartition = ResponseOf<typeof Fetch>['responses'][number]['partitions'][number]

/** One broker or more on virtual time, and one client of the first of them that speaks of a single topic. */
export async function dataWorld(options: EmbeddedBrokerOptions<VirtualClock> = {}) {
  const clock = new VirtualClock()
  const broker = await EmbeddedBroker.start({ network: 'memory', topics: ['orders'], ...options, clock })
  const client = await RawClient.connect(broker)
  return { broker, clock, client, data: new DataClient(client) }
}

/** Requests about partition 0 of the topic `orders`, short to write. */
export class DataClient {
  constructor(readonly client: RawClient) {}

  async topicId(name = 'orders'): Promise<string> {
    const { topics } = await this.client.send(Metadata, 12, { topics: [{ name }] })
    return must(topics[0]).topicId
  }

  async produce(
    records: Buffer | null,
    options: {
      readonly version?: number
      readonly acks?: number
      readonly transactionalId?: string
      readonly name?: string
      readonly topicId?: string
      readonly index?: number
    } = {},
  ): Promise<ProducedPartition> {
    const answer = await this.client.send(Produce, options.version ?? 11, produceRequest(records, options))
    return must(answer.responses[0]?.partitionResponses[0])
  }

  async fetch(
    partition: Partial<FetchPartitionInput> = {},
    request: Partial<RequestInput<typeof Fetch>> & { readonly version?: number } = {},
  ): Promise<FetchedPartition> {
    const answer = await this.fetchAll(partition, request)
    return must(answer.responses[0]?.partitions[0])
  }

  fetchAll(
    partition: Partial<FetchPartitionInput> = {},
    request: Partial<RequestInput<typeof Fetch>> & { readonly version?: number } = {},
  ): Promise<ResponseOf<typeof Fetch>> {
    const { version = 12, ...rest } = request
    return this.client.send(Fetch, version, {
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1_000_000,
      topics: [{ topic: 'orders', partitions: [fetchPartition(partition)] }],
      ...rest,
    })
  }

  async offset(
    timestamp: number,
    options: { readonly version?: number; readonly isolationLevel?: number; readonly partitionIndex?: number } = {},
  ) {
    const { version = 11, isolationLevel = 0, partitionIndex = 0 } = options
    const answer = await this.client.send(ListOffsets, version, {
      replicaId: -1,
      isolationLevel,
      topics: [{ name: 'orders', partitions: [{ partitionIndex, timestamp }] }],
    })
    return must(answer.topics[0]?.partitions[0])
  }

  async deleteRecords(offset: number, options: { readonly name?: string; readonly partitionIndex?: number } = {}) {
    const { name = 'orders', partitionIndex = 0 } = options
    const answer = await this.client.send(DeleteRecords, 2, {
      timeoutMs: 1000,
      topics: [{ name, partitions: [{ partitionIndex, offset }] }],
    })
    return must(answer.topics[0]?.partitions[0])
  }
}

export function produceRequest(
  records: Buffer | null,
  options: {
    readonly acks?: number
    readonly transactionalId?: string
    readonly name?: string
    readonly topicId?: string
    readonly index?: number
  } = {},
): RequestInput<typeof Produce> {
  const { acks = -1, transactionalId = null, name = 'orders', topicId, index = 0 } = options
  return {
    transactionalId,
    acks,
    timeoutMs: 1000,
    topicData: [{ ...(topicId === undefined ? { name } : { topicId }), partitionData: [{ index, records }] }],
  }
}

export function fetchPartition(given: Partial<FetchPartitionInput> = {}): FetchPartitionInput {
  return { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, ...given }
}

/** `[first, last]` of each whole batch. */
export function batchesIn(records: Buffer | null): [number, number][] {
  const reader = new RecordBatchReader(records ?? Buffer.alloc(0))
  const found: [number, number][] = []
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    found.push([batch.baseOffset, batch.lastOffset])
  }
  return found
}

/** `count` records as a part of a transaction. */
export function transactional(
  producer: { readonly producerId: number; readonly producerEpoch: number },
  baseSequence: number,
  count = 1,
): Buffer {
  const { producerId, producerEpoch } = producer
  return batchOf(count, { producerId, producerEpoch, baseSequence, isTransactional: true })
}

export function must<T>(value: T): Defined<T> {
  if (value === undefined) throw new TypeError('The answer lacks what was asked for.')
  return value as Defined<T>
}

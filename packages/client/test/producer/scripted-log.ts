import {
  defaultCompressionCodecs,
  ErrorCode,
  InitProducerId,
  Metadata,
  Produce,
  RecordBatchReader,
  ZERO_UUID,
  type RequestOf,
  type ResponseInput,
} from '@milena/protocol'
import type { ScriptedNetwork, ScriptedNode, SeenRequest } from '../scripted-network.js'

interface WrittenBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

interface Writer {
  epoch: number
  /** The last five batches, as a broker remembers them. */
  batches: WrittenBatch[]
}

/** What a test can make of one Produce request of one partition. */
export type Fault = 'none' | 'cutBefore' | 'cutAfter' | 'silentAfter' | { readonly errorCode: number }

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** A cluster in memory that takes records by the rules of idempotence, and can be made to fail in between. */
export class ScriptedLog {
  /** Values by partition, in the order of the log. */
  readonly partitions: string[][]
  readonly leaders: number[]
  /** Produce requests per partition that reached a broker. */
  batches = 0
  maxOutstanding = 0
  missing = false
  /** Asked before each request; by default nothing fails. */
  fault: (partition: number) => Fault = () => 'none'
  readonly #writers: Map<number, Writer>[]
  #nextProducerId = 1000

  constructor(
    network: ScriptedNetwork,
    readonly topic: string,
    shape: { readonly partitions: number; readonly nodes: number },
  ) {
    this.partitions = Array.from({ length: shape.partitions }, () => [])
    this.#writers = Array.from({ length: shape.partitions }, () => new Map<number, Writer>())
    this.leaders = Array.from({ length: shape.partitions }, (_, index) => (index % shape.nodes) + 1)
    const nodes: ScriptedNode[] = []
    for (let nodeId = 1; nodeId <= shape.nodes; nodeId++) nodes.push(network.add(nodeId))
    for (const node of nodes) {
      node.on(Metadata, (body) => this.#metadata(body, nodes))
      node.on(InitProducerId, () => ({
        throttleTimeMs: 0,
        errorCode: 0,
        producerId: this.#nextProducerId++,
        producerEpoch: 0,
      }))
      node.on(Produce, (body, seen) => this.#produce(node, body, seen))
    }
  }

  /** Forgets all producers of a partition, as a broker does after a week. */
  forgetProducers(partition: number): void {
    this.#writers[partition]?.clear()
  }

  #metadata(body: RequestOf<typeof Metadata>, nodes: readonly ScriptedNode[]): ResponseInput<typeof Metadata> {
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      brokers: nodes.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
      clusterId: 'c',
      controllerId: 1,
      topics: (body.topics ?? []).map(({ name }) => {
        const isOurs = name === this.topic && !this.missing
        return {
          name,
          errorCode: isOurs ? 0 : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
          isInternal: false,
          topicAuthorizedOperations: 0,
          topicId: isOurs ? TOPIC_ID : ZERO_UUID,
          partitions: isOurs
            ? this.leaders.map((leaderId, partitionIndex) => ({
                errorCode: 0,
                partitionIndex,
                leaderId,
                leaderEpoch: 0,
                replicaNodes: [],
                isrNodes: [],
                offlineReplicas: [],
              }))
            : [],
        }
      }),
    }
  }

  #produce(
    node: ScriptedNode,
    body: RequestOf<typeof Produce>,
    { connection }: SeenRequest,
  ): ResponseInput<typeof Produce> | undefined {
    if (!connection.isOpen) return undefined
    let answers = true
    const responses = body.topicData.map(({ topicId, partitionData }) => ({
      topicId,
      partitionResponses: partitionData.map(({ index, records }) => {
        this.batches++
        const fault = this.fault(index)
        const failed = (errorCode: number) => ({ index, errorCode, baseOffset: -1, recordErrors: [] })
        if (fault === 'cutBefore' || !connection.isOpen) {
          connection.close()
          return failed(ErrorCode.UNKNOWN_SERVER_ERROR)
        }
        if (typeof fault === 'object') return failed(fault.errorCode)
        if (this.leaders[index] !== node.nodeId) return failed(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        const result = this.#append(index, records ?? Buffer.alloc(0))
        if (fault === 'cutAfter') connection.close()
        if (fault === 'silentAfter') answers = false
        return typeof result === 'number'
          ? failed(result)
          : { index, errorCode: 0, baseOffset: result.baseOffset, recordErrors: [] }
      }),
    }))
    return answers ? { responses, throttleTimeMs: 0 } : undefined
  }

  #append(partition: number, records: Buffer): { baseOffset: number } | number {
    const batch = new RecordBatchReader(records).next()
    const log = this.partitions[partition]
    const writers = this.#writers[partition]
    if (batch === undefined || log === undefined || writers === undefined || !batch.crcMatches())
      return ErrorCode.CORRUPT_MESSAGE
    const { producerId, producerEpoch, baseSequence, recordCount } = batch
    let writer = writers.get(producerId)
    if (writer === undefined || producerEpoch > writer.epoch) {
      if (writer !== undefined && baseSequence !== 0) return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
      writer = { epoch: producerEpoch, batches: [] }
      writers.set(producerId, writer)
    }
    if (producerEpoch < writer.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
    const lastSequence = baseSequence + recordCount - 1
    const repeated = writer.batches.find(
      (known) => known.firstSequence === baseSequence && known.lastSequence === lastSequence,
    )
    if (repeated !== undefined) return { baseOffset: repeated.baseOffset }
    const newest = writer.batches.at(-1)
    if (newest !== undefined && baseSequence !== newest.lastSequence + 1) return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    const baseOffset = log.length
    const cursor = batch.open(defaultCompressionCodecs)
    if (cursor instanceof Promise) throw new Error('the scripted log reads only what needs no asynchronous codec')
    while (cursor.next()) log.push(cursor.value?.toString() ?? '')
    writer.batches = [...writer.batches, { firstSequence: baseSequence, lastSequence, baseOffset }].slice(-5)
    return { baseOffset }
  }
}

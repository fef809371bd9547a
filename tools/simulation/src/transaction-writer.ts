import {
  AddPartitionsToTxn,
  correlationIdOf,
  decodeResponse,
  encodeRequest,
  EndTxn,
  FrameSplitter,
  InitProducerId,
  Produce,
  RecordBatchBuilder,
  type AnyApi,
  type RequestInput,
  type ResponseOf,
} from '@milena/protocol'
import type { Transport, TransportAddress, TransportSocket } from '@milena/protocol/runtime'

/** One connection that writes requests as they are. */
class RawConnection {
  readonly #waiting = new Map<number, (frame: Buffer) => void>()
  #socket: TransportSocket | undefined
  #lastId = 0

  static async open(transport: Transport, address: TransportAddress): Promise<RawConnection> {
    const made = new RawConnection()
    const splitter = new FrameSplitter({ maxFrameBytes: 1_000_000 })
    const answered = (frame: Buffer): void => made.#waiting.get(correlationIdOf(frame))?.(frame)
    made.#socket = await transport.connect(address, {
      timeoutMs: 1_000,
      handlers: { data: (chunk) => splitter.push(chunk, answered), close: () => undefined },
    })
    return made
  }

  async send<A extends AnyApi>(api: A, version: number, body: RequestInput<A>): Promise<ResponseOf<A>> {
    const correlationId = ++this.#lastId
    const answer = new Promise<Buffer>((resolve) => this.#waiting.set(correlationId, resolve))
    this.#socket?.write(encodeRequest(api, { version, correlationId, clientId: 'writer', body }))
    return decodeResponse(api, version, await answer)
  }

  close(): void {
    this.#socket?.close()
  }
}

/**
 * Writes a transaction of one partition and ends it, so that the log has control records, and records that were aborted. To be
 * used before anything goes wrong: it repeats nothing.
 */
export async function writeTransaction(given: {
  readonly transport: Transport
  readonly addresses: readonly TransportAddress[]
  readonly topic: string
  readonly partition: number
  readonly leader: number
  readonly values: readonly string[]
  readonly timestamp: number
  readonly committed: boolean
  readonly transactionalId: string
}): Promise<number> {
  const { transport, addresses, topic, partition, leader, values, transactionalId } = given
  const connections = await Promise.all(addresses.map((address) => RawConnection.open(transport, address)))
  try {
    for (const coordinator of connections) {
      const producer = await coordinator.send(InitProducerId, 4, { transactionalId, transactionTimeoutMs: 60_000 })
      // Only one of them coordinates this id.
      if (producer.errorCode !== 0) continue
      const { producerId, producerEpoch } = producer
      await coordinator.send(AddPartitionsToTxn, 3, {
        v3AndBelowTransactionalId: transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions: [partition] }],
      })
      const builder = new RecordBatchBuilder()
      for (const value of values)
        builder.append({ timestamp: given.timestamp, key: null, value: Buffer.from(value), headers: [] })
      const records = await builder.build({ producerId, producerEpoch, baseSequence: 0, isTransactional: true })
      const answer = await connections[leader - 1]?.send(Produce, 11, {
        transactionalId,
        acks: -1,
        timeoutMs: 1_000,
        topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
      })
      const written = answer?.responses[0]?.partitionResponses[0]
      if (written?.errorCode !== 0) throw new Error(`A transactional batch was refused: ${written?.errorCode}.`)
      await coordinator.send(EndTxn, 3, {
        transactionalId,
        producerId,
        producerEpoch,
        committed: given.committed,
      })
      return written.baseOffset
    }
    throw new Error(`No broker coordinates the transactions of ${transactionalId}.`)
  } finally {
    for (const connection of connections) connection.close()
  }
}

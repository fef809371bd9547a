import { ErrorCode, KafkaBrokerError, ShareFetch, type KafkaError, type ResponseOf } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { LastingTrouble } from './lasting-trouble.js'
import type { RequestManagerHost } from './request-manager-host.js'
import type { TopicIdPartition } from './share-partition.js'

// What is done when a broker refuses a partition: tell the application, follow the leader, or just try again (KIP-932;
// specification, sections 10.10 and 11). The other partitions of the answer are not touched by it.

type FetchResponse = ResponseOf<typeof ShareFetch>
type NodeEndpoints = FetchResponse['nodeEndpoints']
type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]
type RefusedPartition = Pick<FetchedPartition, 'errorCode' | 'errorMessage' | 'currentLeader'>

/** A refusal that an application has to hear of is told so often, however often the partition is refused. */
const TELL_AGAIN_MS = 1_000

export class PartitionRefusals {
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #toldAt = new Map<TopicIdPartition, number>()
  readonly #troubles: LastingTrouble<TopicIdPartition>

  constructor(context: KafkaClientContext, host: RequestManagerHost) {
    this.#context = context
    this.#host = host
    this.#troubles = new LastingTrouble(context.clock)
  }

  /** A partition could not be fetched from. */
  fetch(partition: TopicIdPartition, refused: RefusedPartition, endpoints: NodeEndpoints): void {
    const { errorCode, errorMessage, currentLeader } = refused
    const { topic, partition: index } = partition
    const error = KafkaBrokerError.of(errorCode, { api: `ShareFetch for ${topic}-${index}`, detail: errorMessage })
    if (isElsewhere(errorCode)) {
      this.#log(partition, error, 'a partition cannot be fetched from here')
      this.moved(partition, errorCode, currentLeader, endpoints)
    } else if (isPassing(errorCode)) this.#log(partition, error, 'a partition cannot be fetched from now; trying again')
    else this.tell(partition, error)
  }

  /** The application hears of a defect of this partition, though not too often. */
  tell(partition: TopicIdPartition, error: KafkaError): void {
    const now = this.#context.clock.now()
    if (now - (this.#toldAt.get(partition) ?? -Infinity) < TELL_AGAIN_MS) return
    this.#toldAt.set(partition, now)
    this.#host.failed(error)
  }

  /**
   * A partition was refused, be it a fetch or acknowledgements: where that means that it is elsewhere, a broker's hint about its
   * leader is taken (it means something with two errors only) and the metadata refreshed.
   */
  moved(
    { topicId, partition }: TopicIdPartition,
    errorCode: number,
    { leaderId, leaderEpoch }: FetchedPartition['currentLeader'],
    endpoints: NodeEndpoints,
  ): void {
    if (!isElsewhere(errorCode)) return
    if (errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH) {
      const endpoint = endpoints.find(({ nodeId }) => nodeId === leaderId)
      this.#context.metadata.updateLeader({ topicId, partition, nodeId: leaderId, epoch: leaderEpoch, endpoint })
    }
    this.#host.leadersMoved()
  }

  #log(partition: TopicIdPartition, error: KafkaError, message: string): void {
    const facts = { topic: partition.topic, partition: partition.partition, err: error }
    const { logger } = this.#context
    if (!this.#troubles.met(partition)) {
      logger.debug(facts, message)
      return
    }
    logger.warn(facts, `${error.message} This goes on; trying again.`)
    this.#host.lasting(error)
  }
}

/** The partition may be with another broker, or be gone: the metadata knows more. */
function isElsewhere(errorCode: number): boolean {
  switch (errorCode) {
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.FENCED_LEADER_EPOCH:
    case ErrorCode.REPLICA_NOT_AVAILABLE:
    case ErrorCode.KAFKA_STORAGE_ERROR:
    case ErrorCode.OFFSET_NOT_AVAILABLE:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.UNKNOWN_TOPIC_ID:
    case ErrorCode.INCONSISTENT_TOPIC_ID:
      return true
    default:
      return false
  }
}

/** Trying again may help, and the application cannot. */
function isPassing(errorCode: number): boolean {
  switch (errorCode) {
    case ErrorCode.UNKNOWN_SERVER_ERROR:
    case ErrorCode.UNKNOWN_LEADER_EPOCH:
    case ErrorCode.COORDINATOR_NOT_AVAILABLE:
    case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
    case ErrorCode.NOT_COORDINATOR:
    case ErrorCode.LEADER_NOT_AVAILABLE:
    case ErrorCode.REQUEST_TIMED_OUT:
      return true
    default:
      return false
  }
}

import { ErrorCode, KafkaBrokerError, ShareFetch, type KafkaError, type ResponseOf } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { RequestManagerHost } from './request-manager-host.js'
import type { TopicIdPartition } from './share-partition.js'

type FetchResponse = ResponseOf<typeof ShareFetch>
type NodeEndpoints = FetchResponse['nodeEndpoints']
type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]
type RefusedPartition = Pick<FetchedPartition, 'errorCode' | 'errorMessage' | 'currentLeader'>

/** A refusal that an application has to hear of is told so often, however often the partition is refused. */
const TELL_AGAIN_MS = 1_000

/** What is done when a broker refuses a partition: tell the application, follow the leader, or just try again. */
export class PartitionRefusals {
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #toldAt = new Map<TopicIdPartition, number>()

  constructor(context: KafkaClientContext, host: RequestManagerHost) {
    this.#context = context
    this.#host = host
  }

  /** A partition could not be fetched from. The other partitions of the answer are not touched by it. */
  fetch(
    partition: TopicIdPartition,
    { errorCode, errorMessage, currentLeader }: RefusedPartition,
    endpoints: NodeEndpoints,
  ): void {
    const { topic, partition: index } = partition
    const error = KafkaBrokerError.of(errorCode, { api: `ShareFetch for ${topic}-${index}`, detail: errorMessage })
    switch (errorCode) {
      case ErrorCode.TOPIC_AUTHORIZATION_FAILED:
      case ErrorCode.CORRUPT_MESSAGE:
        this.tell(partition, error)
        return
      case ErrorCode.UNKNOWN_SERVER_ERROR:
      case ErrorCode.UNKNOWN_LEADER_EPOCH:
        this.#context.logger.debug(
          { topic, partition: index, err: error },
          'a partition cannot be fetched from now; trying again',
        )
        return
      default:
        this.#context.logger.debug({ topic, partition: index, err: error }, 'a partition cannot be fetched from here')
        this.followLeader(partition, errorCode, currentLeader, endpoints)
        this.#host.leadersMoved()
    }
  }

  /** The application hears of a defect of this partition, though not too often. */
  tell(partition: TopicIdPartition, error: KafkaError): void {
    const now = this.#context.clock.now()
    if (now - (this.#toldAt.get(partition) ?? -Infinity) < TELL_AGAIN_MS) return
    this.#toldAt.set(partition, now)
    this.#host.failed(error)
  }

  /** Takes a broker's hint about a partition's leader; it means something with these two errors only. */
  followLeader(
    { topicId, partition }: TopicIdPartition,
    errorCode: number,
    { leaderId, leaderEpoch }: FetchedPartition['currentLeader'],
    endpoints: NodeEndpoints,
  ): void {
    if (errorCode !== ErrorCode.NOT_LEADER_OR_FOLLOWER && errorCode !== ErrorCode.FENCED_LEADER_EPOCH) return
    const endpoint = endpoints.find(({ nodeId }) => nodeId === leaderId)
    this.#context.metadata.updateLeader({ topicId, partition, nodeId: leaderId, epoch: leaderEpoch, endpoint })
  }
}

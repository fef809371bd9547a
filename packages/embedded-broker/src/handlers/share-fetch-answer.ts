import type { ShareFetch, ResponseInput, Uuid } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import type { AcquiredRange } from '../share/records/acquire-request.js'
import type { PartitionEntry } from '../topics/topic-catalog.js'
import { partitionKey, type NamedPartition } from '../share/leader/share-session.js'
import type { PartitionAcknowledged } from './share-acknowledgements.js'
import { LeaderHints, type LeaderHint } from './leader-hints.js'

/** What a fetch says of one partition. */
export interface PartitionFetched extends Pick<NamedPartition, 'topicId' | 'partition'> {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly records: Buffer
  readonly acquired: readonly AcquiredRange[]
}

type Answer = ResponseInput<typeof ShareFetch>
type Topic = Answer['responses'][number]
type Partition = Topic['partitions'][number]

/** Kafka's "no hint" in share answers: their fields have no other default. */
const NO_HINT: LeaderHint = { leaderId: 0, leaderEpoch: 0 }

/** Who leads, where the error calls for it. */
export function leaderHint(hints: LeaderHints, errorCode: number, entry: PartitionEntry | undefined): LeaderHint {
  return (entry && hints.hint(errorCode, entry).currentLeader) ?? NO_HINT
}

/** Puts the results of the fetch and of the acknowledgements together; a partition may have either or both. */
export function fetchAnswer(
  context: RequestContext,
  fetched: readonly PartitionFetched[],
  acknowledged: readonly PartitionAcknowledged[],
): Pick<Answer, 'responses' | 'nodeEndpoints'> {
  const hints = new LeaderHints(context.cluster, { leader: true, endpoints: true })
  const results = new Map<string, PartitionAcknowledged>()
  for (const result of acknowledged) results.set(partitionKey(result.topicId, result.partition), result)
  const topics = new Map<Uuid, { topicId: Uuid; partitions: Partition[] }>()
  const add = (topicId: Uuid, partition: Partition): void => {
    const topic = topics.get(topicId)
    if (topic === undefined) topics.set(topicId, { topicId, partitions: [partition] })
    else topic.partitions.push(partition)
  }
  for (const { topicId, partition, errorCode, errorMessage, records, acquired } of fetched) {
    const key = partitionKey(topicId, partition)
    const result = results.get(key)
    results.delete(key)
    add(topicId, {
      partitionIndex: partition,
      errorCode,
      errorMessage,
      acknowledgeErrorCode: result?.errorCode ?? 0,
      acknowledgeErrorMessage: result?.errorMessage ?? null,
      currentLeader: leaderHint(hints, errorCode, context.cluster.topics.partition(topicId, partition)),
      records,
      acquiredRecords: acquired,
    })
  }
  for (const { topicId, partition, errorCode, errorMessage } of results.values()) {
    add(topicId, {
      partitionIndex: partition,
      errorCode: 0,
      acknowledgeErrorCode: errorCode,
      acknowledgeErrorMessage: errorMessage,
      currentLeader: NO_HINT,
      records: Buffer.alloc(0),
      acquiredRecords: [],
    })
  }
  return { responses: [...topics.values()], nodeEndpoints: hints.nodeEndpoints }
}

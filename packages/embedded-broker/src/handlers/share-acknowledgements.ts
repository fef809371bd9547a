import { ErrorCode, type Uuid } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import type { AcknowledgeOutcome, AcknowledgementBatch } from '../share/record-acknowledgement.js'
import type { LedSharePartition } from '../share/led-share-partition.js'
import { checkAcknowledgements } from '../share/share-acknowledge-checks.js'
import { partitionKey } from '../share/share-session.js'

// The acknowledgements of one ShareFetch or ShareAcknowledge, in two steps: what is wrong with them by their form or their
// address is known before a fetch looks at the records, and what becomes of the others only afterwards, because Kafka writes
// them to its coordinator meanwhile.

export interface GivenTopicAcknowledgements {
  readonly topicId: Uuid
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly acknowledgementBatches: readonly AcknowledgementBatch[]
  }[]
}

/** What became of one partition's acknowledgements. */
export interface PartitionAcknowledged extends AcknowledgeOutcome {
  readonly topicId: Uuid
  readonly partition: number
}

/** Acknowledgements that the records themselves have to judge. */
export interface AddressedAcknowledgements {
  readonly topicId: Uuid
  readonly partition: number
  readonly led: LedSharePartition
  readonly batches: readonly AcknowledgementBatch[]
}

export interface SortedAcknowledgements {
  readonly refused: readonly PartitionAcknowledged[]
  readonly addressed: readonly AddressedAcknowledgements[]
}

export function sortAcknowledgements(
  topics: readonly GivenTopicAcknowledgements[],
  request: { readonly groupId: string; readonly isRenewAck: boolean },
  context: RequestContext,
): SortedAcknowledgements {
  const refused = new Map<string, PartitionAcknowledged>()
  const addressed = new Map<string, AddressedAcknowledgements>()
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex: partition, acknowledgementBatches: batches } of partitions) {
      if (batches.length === 0) continue
      const key = partitionKey(topicId, partition)
      const errorCode = errorOf({ topicId, partition, batches }, request, context)
      const led = context.node.share.partition(request.groupId, topicId, partition)
      if (errorCode !== ErrorCode.NONE || led?.share === undefined) {
        const code = errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : errorCode
        refused.set(key, { topicId, partition, errorCode: code, errorMessage: null })
      } else {
        addressed.set(key, { topicId, partition, led, batches })
      }
    }
  }
  return { refused: [...refused.values()], addressed: [...addressed.values()] }
}

export function applyAcknowledgements(
  { refused, addressed }: SortedAcknowledgements,
  memberId: string,
  context: RequestContext,
): readonly PartitionAcknowledged[] {
  const { share } = context.node
  return [
    ...refused,
    ...addressed.map(({ topicId, partition, led, batches }) => ({
      topicId,
      partition,
      ...share.acknowledge(led, memberId, batches),
    })),
  ]
}

/** The order of Kafka's checks: the id, the form, the right to read, the partition. */
function errorOf(
  given: { readonly topicId: Uuid; readonly partition: number; readonly batches: readonly AcknowledgementBatch[] },
  request: { readonly isRenewAck: boolean },
  context: RequestContext,
): number {
  const topic = context.cluster.topics.byId(given.topicId)
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  const form = checkAcknowledgements(given.batches, { version: context.version, isRenewAck: request.isRenewAck })
  if (form !== ErrorCode.NONE) return form
  if (!context.allows('Read', 'Topic', topic.name)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  if (topic.partitions[given.partition] === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  return ErrorCode.NONE
}

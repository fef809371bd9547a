import { ErrorCode, type Uuid } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import {
  acknowledged,
  type AcknowledgeOutcome,
  type AcknowledgementBatch,
} from '../share/records/record-acknowledgement.js'
import type { LedSharePartition } from '../share/leader/led-share-partition.js'
import { checkAcknowledgements } from '../share/leader/share-acknowledge-checks.js'
import { partitionKey } from '../share/leader/share-session.js'

// The acknowledgements of one ShareFetch or ShareAcknowledge, in three steps: what is wrong with them by their form or their
// address, what the records say, and what follows from it. A fetch in the same request looks before the last step, because
// Kafka writes to its coordinator meanwhile.

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
interface AddressedAcknowledgements {
  readonly topicId: Uuid
  readonly partition: number
  readonly led: LedSharePartition
  readonly batches: readonly AcknowledgementBatch[]
}

export interface SortedAcknowledgements {
  /** Decided already: refused, or with nothing in their lists. */
  readonly decided: readonly PartitionAcknowledged[]
  readonly addressed: readonly AddressedAcknowledgements[]
}

export const noAcknowledgements: SortedAcknowledgements = { decided: [], addressed: [] }

export function sortAcknowledgements(
  topics: readonly GivenTopicAcknowledgements[],
  request: { readonly groupId: string; readonly isRenewAck: boolean },
  context: RequestContext,
): SortedAcknowledgements {
  // Of a partition that is named twice, the last counts.
  const decided = new Map<string, PartitionAcknowledged>()
  const addressed = new Map<string, AddressedAcknowledgements>()
  const empty = new Map<string, PartitionAcknowledged>()
  let isAnyMeant = false
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex: partition, acknowledgementBatches: batches } of partitions) {
      const key = partitionKey(topicId, partition)
      for (const former of [decided, addressed, empty]) former.delete(key)
      const refuse = (errorCode: number): void => {
        decided.set(key, { topicId, partition, errorCode, errorMessage: null })
      }
      const errorCode = errorOf({ topicId, partition, batches }, request, context)
      if (errorCode !== ErrorCode.NONE) {
        refuse(errorCode)
      } else if (batches.length === 0) {
        empty.set(key, { topicId, partition, ...acknowledged })
      } else {
        isAnyMeant = true
        const led = context.node.share.partition(request.groupId, topicId, partition)
        if (led?.share === undefined) refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        else addressed.set(key, { topicId, partition, led, batches })
      }
    }
  }
  // An empty list is answered only in the company of one that is not, as Kafka does it.
  return { decided: [...decided.values(), ...(isAnyMeant ? empty.values() : [])], addressed: [...addressed.values()] }
}

/**
 * Has the records judge.
 *
 * @returns how to have the rest happen; undefined when Kafka fails at one of them, so that the whole request does, and those
 * before it hold
 */
export function beginAcknowledgements(
  { decided, addressed }: SortedAcknowledgements,
  memberId: string,
  context: RequestContext,
): { complete(): readonly PartitionAcknowledged[] } | undefined {
  const completions: (() => PartitionAcknowledged)[] = []
  const complete = (): readonly PartitionAcknowledged[] => [...decided, ...completions.map((each) => each())]
  for (const { topicId, partition, led, batches } of addressed) {
    const begun = context.node.share.beginAcknowledge(led, memberId, batches)
    if (begun.outcome.failsRequest === true) {
      complete()
      return undefined
    }
    completions.push(() => {
      const { errorCode, errorMessage } = begun.complete()
      return { topicId, partition, errorCode, errorMessage }
    })
  }
  return { complete }
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
  return context.partitionError(topic.name, given.partition)
}

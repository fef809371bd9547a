import { ErrorCode } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import type { LedSharePartition } from '../share/led-share-partition.js'
import type { SessionPartition, ShareSession } from '../share/share-session.js'
import type { PartitionFetched } from './share-fetch-answer.js'

export interface SortedPartitions {
  /** What cannot be fetched here, with why. */
  readonly failed: readonly PartitionFetched[]
  /** In the order in which this fetch serves them. */
  readonly led: readonly LedSharePartition[]
  /** Nothing is left to wait for. */
  readonly hasFailedAtOnce: boolean
}

/** The partitions of the session, as this broker can serve them now. */
export function sortPartitions(
  session: ShareSession,
  request: { readonly groupId: string | null; readonly shareSessionEpoch: number },
  context: RequestContext,
): SortedPartitions {
  const failed: PartitionFetched[] = []
  const known: SessionPartition[] = []
  for (const each of session.partitions) {
    const errorCode = addressError(each, context)
    if (errorCode === ErrorCode.NONE) known.push(each)
    else failed.push(failure(each, errorCode))
  }
  const led: LedSharePartition[] = []
  for (const each of rotated(known, request.shareSessionEpoch)) {
    const entry = context.cluster.topics.partition(each.topicId, each.partition)
    if (entry === undefined || entry.leaderId !== context.node.id) {
      failed.push(failure(each, ErrorCode.NOT_LEADER_OR_FOLLOWER))
    } else {
      led.push(context.node.share.lead(request.groupId ?? '', entry))
    }
  }
  return { failed, led, hasFailedAtOnce: led.length === 0 }
}

function addressError({ topicId, topic, partition }: SessionPartition, context: RequestContext): number {
  // Its name was never known, so that the id alone is what is wrong.
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  if (!context.allows('Read', 'Topic', topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  if (context.cluster.topics.partition(topicId, partition) === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  return ErrorCode.NONE
}

function failure({ topicId, partition }: SessionPartition, errorCode: number): PartitionFetched {
  return { topicId, partition, errorCode, errorMessage: null, records: Buffer.alloc(0), acquired: [] }
}

/** For fairness another partition comes first with each epoch; not with the first one. */
function rotated<T>(partitions: readonly T[], epoch: number): readonly T[] {
  if (partitions.length < 2 || epoch < 1) return partitions
  const at = epoch % partitions.length
  return [...partitions.slice(at), ...partitions.slice(0, at)]
}

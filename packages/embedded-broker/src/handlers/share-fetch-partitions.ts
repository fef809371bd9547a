import { ErrorCode } from '@milena/protocol'
import type { RequestContext } from '../server/request-context.js'
import type { LedSharePartition } from '../share/leader/led-share-partition.js'
import type { SessionPartition, ShareSession } from '../share/leader/share-session.js'
import type { PartitionEntry } from '../topics/topic-catalog.js'
import type { PartitionFetched } from './share-fetch-answer.js'

/** The partitions of a session that may be fetched, in its order, and what is wrong with the others. */
export interface CheckedPartitions {
  readonly failed: readonly PartitionFetched[]
  readonly known: readonly SessionPartition[]
}

export function checkPartitions(session: ShareSession, context: RequestContext): CheckedPartitions {
  const failed: PartitionFetched[] = []
  const known: SessionPartition[] = []
  for (const each of session.partitions) {
    const errorCode = addressError(each, context)
    if (errorCode === ErrorCode.NONE) known.push(each)
    else failed.push(failure(each, errorCode))
  }
  return { failed, known }
}

/** Those that this broker leads, in the order in which this fetch serves them. */
export function ledPartitions(
  known: readonly SessionPartition[],
  request: { readonly groupId: string; readonly epoch: number },
  context: RequestContext,
): { readonly failed: readonly PartitionFetched[]; readonly led: readonly LedSharePartition[] } {
  const failed: PartitionFetched[] = []
  const led: LedSharePartition[] = []
  for (const each of rotated(known, request.epoch)) {
    const entry = entryOf(each, context)
    if (entry === undefined || entry.leaderId !== context.node.id) {
      failed.push(failure(each, ErrorCode.NOT_LEADER_OR_FOLLOWER))
    } else {
      led.push(context.node.share.lead(request.groupId, each.topicId, entry))
    }
  }
  return { failed, led }
}

/** By name, as Kafka looks it up: the partition of a topic that was made anew is found, under the id of the old one. */
function entryOf({ topic, partition }: SessionPartition, { cluster }: RequestContext): PartitionEntry | undefined {
  return topic === undefined ? undefined : cluster.topics.byName(topic)?.partitions[partition]
}

function addressError(given: SessionPartition, context: RequestContext): number {
  const { topic } = given
  // Its name was never known, so that the id alone is what is wrong.
  if (topic === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  if (!context.allows('Read', 'Topic', topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  if (entryOf(given, context) === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  return context.partitionError(topic, given.partition)
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

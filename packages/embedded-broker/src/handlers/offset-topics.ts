import { ErrorCode, type Uuid } from '@milena/protocol'
import type { CommittedOffset } from '../groups/committed-offsets.js'
import type { RequestContext } from '../server/request-context.js'

/** The topics of an OffsetCommit or a TxnOffsetCommit. */
export interface CommittedTopic {
  /** Empty where topics are named by id. */
  readonly name: string
  readonly topicId: Uuid
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  }[]
}

export interface CommitAnswer {
  readonly topics: {
    readonly name: string
    readonly topicId: Uuid
    readonly partitions: { readonly partitionIndex: number; readonly errorCode: number }[]
  }[]
}

/** What of a commit can be committed, and the answer to all of it. */
export interface SortedOffsets {
  /** Those that no check refused. */
  readonly offsets: readonly CommittedOffset[]
  /** The answer, given one error for `offsets`, or one for each of them. */
  readonly answer: (errors: number | readonly number[]) => CommitAnswer
  readonly allRefused: (errorCode: number) => CommitAnswer
}

/** Separates what may be committed from topics that may not be read, and topics and partitions that do not exist. */
export function sortOffsets(topics: readonly CommittedTopic[], context: RequestContext): SortedOffsets {
  const offsets: CommittedOffset[] = []
  const sorted = topics.map(({ name, topicId, partitions }) => {
    // A request names its topics in one way only: by name, or, in the newest versions, by id.
    const entry = name === '' ? context.cluster.topics.byId(topicId) : context.cluster.topics.byName(name)
    const topicError = errorOf(name, entry?.name, context)
    return {
      name,
      topicId,
      partitions: partitions.map((partition) => {
        const { partitionIndex } = partition
        const errorCode =
          topicError !== 0
            ? topicError
            : entry?.partitions[partitionIndex] === undefined
              ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
              : 0
        if (errorCode !== 0 || entry === undefined) return { partitionIndex, errorCode, at: -1 }
        const at = offsets.length
        offsets.push({
          topic: entry.name,
          partition: partitionIndex,
          offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch,
          metadata: partition.committedMetadata ?? '',
        })
        return { partitionIndex, errorCode, at }
      }),
    }
  })
  const answerWith = (errorOfPartition: (errorCode: number, at: number) => number): CommitAnswer => ({
    topics: sorted.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex, errorCode, at }) => ({
        partitionIndex,
        errorCode: errorOfPartition(errorCode, at),
      })),
    })),
  })
  return {
    offsets,
    answer: (errors) =>
      answerWith((errorCode, at) => (at < 0 ? errorCode : typeof errors === 'number' ? errors : (errors[at] ?? 0))),
    allRefused: (refused) => answerWith(() => refused),
  }
}

function errorOf(asked: string, found: string | undefined, context: RequestContext): number {
  if (asked === '' && found === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  return context.allows('Read', 'Topic', found ?? asked) ? 0 : ErrorCode.TOPIC_AUTHORIZATION_FAILED
}

import { ErrorCode } from '@milena/protocol'
import { isSince, type KafkaVersion } from '../version-profile.js'
import type { TopicFailure } from './topic-names.js'

/**
 * Replicas of new partitions, round robin: partition p is led by the p-th live broker, its other replicas follow it; dead
 * brokers come last. Kafka begins at a random broker; here the same topics lie at the same brokers in every run.
 *
 * @param given.first the index of the first of the new partitions
 */
export function placeReplicas(given: {
  readonly first: number
  readonly count: number
  readonly replicationFactor: number
  readonly brokerIds: readonly number[]
  readonly live: ReadonlySet<number>
  readonly version: KafkaVersion
}): readonly (readonly number[])[] | TopicFailure {
  const { first, count, replicationFactor, brokerIds, live } = given
  const up = brokerIds.filter((id) => live.has(id))
  const down = brokerIds.filter((id) => !live.has(id))
  // Kafka 4.3 brought disks that may be cordoned off; here there are none, but its words speak of them.
  const speaksOfDisks = isSince(given.version, '4.3')
  if (up.length === 0) {
    const cordoned = speaksOfDisks ? ', or have all their log directories cordoned' : ''
    return unplaceable(replicationFactor, `All brokers are currently fenced${cordoned}.`)
  }
  if (replicationFactor > brokerIds.length) {
    const cordoned = speaksOfDisks ? ' or some brokers have all their log directories cordoned' : ''
    return unplaceable(
      replicationFactor,
      `The target replication factor of ${replicationFactor} cannot be reached because only ${brokerIds.length} broker(s) are registered${cordoned}.`,
    )
  }
  return Array.from({ length: count }, (_, i) =>
    [...rotated(up, first + i), ...rotated(down, first + i)].slice(0, replicationFactor),
  )
}

function rotated(ids: readonly number[], by: number): readonly number[] {
  const at = ids.length === 0 ? 0 : by % ids.length
  return [...ids.slice(at), ...ids.slice(0, at)]
}

function unplaceable(replicationFactor: number, why: string): TopicFailure {
  return {
    errorCode: ErrorCode.INVALID_REPLICATION_FACTOR,
    errorMessage: `Unable to replicate the partition ${replicationFactor} time(s): ${why}`,
  }
}

/** What is wrong with replicas that a request names for one partition. */
export function assignmentFailure(
  partition: { readonly index: number; readonly replicas: readonly number[] },
  brokers: { readonly all: readonly number[]; readonly live: ReadonlySet<number> },
): TopicFailure | undefined {
  const { index, replicas } = partition
  const failure = (errorMessage: string): TopicFailure => ({
    errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    errorMessage,
  })
  const includes = 'The manual partition assignment includes'
  if (replicas.length === 0) return failure(`${includes} an empty replica list.`)
  const sorted = replicas.toSorted((a, b) => a - b)
  const twice = sorted.find((id, i) => sorted[i + 1] === id)
  if (twice !== undefined) return failure(`${includes} the broker ${twice} more than once.`)
  const unknown = sorted.find((id) => !brokers.all.includes(id))
  if (unknown !== undefined) return failure(`${includes} broker ${unknown}, but no such broker is registered.`)
  if (replicas.some((id) => brokers.live.has(id))) return undefined
  return failure(
    `All brokers specified in the manual partition assignment for partition ${index} are fenced or in controlled shutdown.`,
  )
}

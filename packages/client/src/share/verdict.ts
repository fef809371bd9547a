import type { KafkaError } from '@milena/protocol'
import { AckCode } from './acknowledge-type.js'
import type { AcknowledgementBatch, SentPiece } from './ack-batches.js'
import type { AcquiredRange, Run } from './acquired-range.js'
import type { ConsumerRecord } from './consumer-record.js'
import { lockGone, sessionGone } from './record-verdicts.js'
import type { TopicIdPartition } from './share-partition.js'

/** How many offsets were answered with each type. `gap`: offsets that hold no record, answered by the client itself. */
export interface AcknowledgementCounts {
  readonly accept: number
  readonly release: number
  readonly reject: number
  readonly renew: number
  readonly gap: number
}

/** How many offsets were answered at all. */
export function offsetsOf({ accept, release, reject, renew, gap }: AcknowledgementCounts): number {
  return accept + release + reject + renew + gap
}

/** The broker's word on the acknowledgements that one request carried for one partition. */
export interface AcknowledgementVerdict {
  readonly partition: TopicIdPartition
  /** What was sent: offset ranges (both ends included) with one type for all, or one for each. */
  readonly batches: readonly AcknowledgementBatch[]
  readonly counts: AcknowledgementCounts
  /** Undefined: applied. Otherwise nothing of it was applied, and it is not sent again. */
  readonly error: KafkaError | undefined
  /** Of a failure: the records that had been handed out, and could be deserialised. */
  readonly records?: readonly ConsumerRecord<unknown, unknown>[] | undefined
}

export function countTypes(batches: readonly AcknowledgementBatch[]): AcknowledgementCounts {
  const byCode = [0, 0, 0, 0, 0]
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    const [only] = acknowledgeTypes
    if (acknowledgeTypes.length === 1 && only !== undefined)
      byCode[only] = (byCode[only] ?? 0) + lastOffset - firstOffset + 1
    else for (const code of acknowledgeTypes) byCode[code] = (byCode[code] ?? 0) + 1
  }
  return {
    gap: byCode[AckCode.GAP] ?? 0,
    accept: byCode[AckCode.ACCEPT] ?? 0,
    release: byCode[AckCode.RELEASE] ?? 0,
    reject: byCode[AckCode.REJECT] ?? 0,
    renew: byCode[AckCode.RENEW] ?? 0,
  }
}

/**
 * The verdict on an answer that came when its lock or session was gone: it is not even sent. `known`: its records, where the range
 * may have forgotten them.
 */
export function lateAnswer(
  range: AcquiredRange,
  { from, to }: Run,
  code: AckCode,
  known?: readonly ConsumerRecord<unknown, unknown>[],
): AcknowledgementVerdict {
  const { partition, firstOffset, holder } = range
  const batches = [{ firstOffset: firstOffset + from, lastOffset: firstOffset + to - 1, acknowledgeTypes: [code] }]
  const error = holder.live ? lockGone(partition) : sessionGone(partition)
  const records = known ?? handedOutOf([{ range, from, to }], batches)
  return { partition, batches, counts: countTypes(batches), error, records }
}

/** The records of a failure that were handed out. Asked before it is settled: what is finished is forgotten. */
export function handedOutOf(
  pieces: readonly SentPiece[],
  batches: readonly AcknowledgementBatch[],
): readonly ConsumerRecord<unknown, unknown>[] {
  const records = pieces.flatMap(
    ({ range, from, to }) => range.handedOutAmong(from, to) as ConsumerRecord<unknown, unknown>[],
  )
  return records.filter(({ offset }) =>
    batches.some(({ firstOffset, lastOffset }) => firstOffset <= offset && offset <= lastOffset),
  )
}

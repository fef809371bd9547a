import { KafkaProtocolError } from '@milena/protocol'
import type { TopicIdPartition } from './share-partition.js'

// What a broker says it has acquired, before memory is taken for it. Pure.
//
// Rules kept here
// - What comes out is in offset order and disjoint, and its length is bounded: a byte of state is kept for each offset.
// - An entry that cannot be meant is left out, with one error for the partition; the other entries stand. Its locks, if there
//   are any, run out by themselves.

/** Offsets, both ends included, that one answer acquired in one piece. */
export interface AcquiredOffsets {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly deliveryCount: number
}

/** How many offsets one answer may still bring, over all its partitions. */
export interface OffsetAllowance {
  left: number
}

/** The most offsets that one answer may bring; a broker's own limit is 10,000 locks for a partition, batches kept whole. */
const MOST_OFFSETS = 16_777_216

export function offsetAllowance(): OffsetAllowance {
  return { left: MOST_OFFSETS }
}

export interface CheckedOffsets {
  readonly acquired: readonly AcquiredOffsets[]
  /** Why something was left out. */
  readonly fault: KafkaProtocolError | undefined
}

export function checkAcquired(
  partition: TopicIdPartition,
  told: readonly AcquiredOffsets[],
  allowance: OffsetAllowance,
): CheckedOffsets {
  const acquired: AcquiredOffsets[] = []
  let fault: KafkaProtocolError | undefined
  let end = -1
  for (const entry of inOrder(told)) {
    const { firstOffset, lastOffset, deliveryCount } = entry
    // Nothing at all: that happens.
    if (lastOffset === firstOffset - 1 && Number.isSafeInteger(firstOffset)) continue
    const problem = problemOf(entry, end, allowance)
    if (problem !== undefined) {
      fault ??= new KafkaProtocolError(
        `The broker says of ${partition.topic}-${partition.partition} that it acquired offsets ${firstOffset} to ${lastOffset}: ${problem}. ` +
          'They are left alone, and their locks run out at the broker; the rest goes on. Look for a proxy or broker that is not Apache Kafka.',
        { retriable: true },
      )
      continue
    }
    end = lastOffset
    allowance.left -= lastOffset - firstOffset + 1
    // The count travels in 16 bits with a sign.
    acquired.push({ firstOffset, lastOffset, deliveryCount: deliveryCount & 0xffff })
  }
  return { acquired, fault }
}

function problemOf(
  { firstOffset, lastOffset }: AcquiredOffsets,
  end: number,
  { left }: OffsetAllowance,
): string | undefined {
  if (!Number.isSafeInteger(firstOffset) || !Number.isSafeInteger(lastOffset) || firstOffset < 0)
    return 'these are no offsets'
  if (lastOffset < firstOffset) return 'the range ends before it begins'
  if (firstOffset <= end) return 'the range overlaps another one'
  if (lastOffset - firstOffset >= left) return `one answer cannot bring more than ${MOST_OFFSETS} offsets`
  return undefined
}

/** Brokers tell them in order, so there is hardly ever something to do. */
function inOrder(told: readonly AcquiredOffsets[]): readonly AcquiredOffsets[] {
  const ordered = told.every(({ firstOffset }, i) => firstOffset > (told[i - 1]?.firstOffset ?? -1))
  return ordered ? told : [...told].sort((a, b) => a.firstOffset - b.firstOffset)
}

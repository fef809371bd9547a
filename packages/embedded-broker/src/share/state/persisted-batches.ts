import type { VersionProfile } from '../../version-profile.js'

/** Record states as they are persisted. ARCHIVING: its copy for the dead-letter queue is not written yet. */
export const PersistedState = { AVAILABLE: 0, ACKNOWLEDGED: 2, ARCHIVING: 3, ARCHIVED: 4 } as const
export type PersistedState = (typeof PersistedState)[keyof typeof PersistedState]

export interface PersistedBatch {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly state: PersistedState
  readonly deliveryCount: number
}

/**
 * The states of a share partition after a write: `written` applied over `stored`, nothing kept below `startOffset`, neighbours
 * of equal state and count one batch. Where both speak of an offset the one with the higher delivery count holds, with equal
 * counts the one with the later state: an old write that comes late takes nothing back.
 *
 * Before 4.4, what has replaced a stored batch of a lower count is not joined with what comes before it: Kafka has finished
 * with that one by then.
 *
 * Both are ordered by offset and free of overlaps, and so is the result; its length is bounded by the in-flight window.
 */
export function applyBatches(
  stored: readonly PersistedBatch[],
  written: readonly PersistedBatch[],
  startOffset: number,
  { joinsReplacedBatches }: Pick<VersionProfile, 'joinsReplacedBatches'>,
): readonly PersistedBatch[] {
  const result: PersistedBatch[] = []
  // One sweep over both, cut at each border: `from` is the first offset that is not decided yet.
  let from = startOffset
  let s = 0
  let w = 0
  for (;;) {
    while ((stored[s]?.lastOffset ?? Infinity) < from) s++
    while ((written[w]?.lastOffset ?? Infinity) < from) w++
    const a = stored[s]
    const b = written[w]
    if (a === undefined && b === undefined) return result
    const aFrom = Math.max(from, a?.firstOffset ?? Infinity)
    const bFrom = Math.max(from, b?.firstOffset ?? Infinity)
    if (b === undefined || aFrom < bFrom) {
      if (a === undefined) return result
      from = append(result, a, aFrom, Math.min(a.lastOffset, bFrom - 1))
    } else if (a === undefined || bFrom < aFrom) {
      from = append(result, b, bFrom, Math.min(b.lastOffset, aFrom - 1))
    } else {
      const [winner, loser] = supersedes(b, a) ? [b, a] : [a, b]
      const isJoined = joinsReplacedBatches || isAlike(winner, loser) || loser.lastOffset > winner.lastOffset
      from = append(result, winner, aFrom, Math.min(a.lastOffset, b.lastOffset), isJoined)
    }
  }
}

function supersedes(later: PersistedBatch, earlier: PersistedBatch): boolean {
  if (later.deliveryCount !== earlier.deliveryCount) return later.deliveryCount > earlier.deliveryCount
  return later.state >= earlier.state
}

function isAlike(one: PersistedBatch, other: PersistedBatch): boolean {
  return one.state === other.state && one.deliveryCount === other.deliveryCount
}

function append(
  result: PersistedBatch[],
  of: PersistedBatch,
  firstOffset: number,
  lastOffset: number,
  isJoined = true,
): number {
  const last = result.at(-1)
  const { state, deliveryCount } = of
  if (isJoined && last !== undefined && last.lastOffset + 1 === firstOffset && isAlike(last, of)) {
    result[result.length - 1] = { ...last, lastOffset }
  } else {
    result.push({ firstOffset, lastOffset, state, deliveryCount })
  }
  return lastOffset + 1
}

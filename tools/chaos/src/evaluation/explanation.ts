import type { Redelivery } from './delivery-ledger.js'

/** A time in which something was done to the cluster, a member or a connection. */
export interface FaultWindow {
  readonly kind: FaultKind
  readonly from: number
  /** Infinity while it lasts. */
  readonly to: number
  /** Whose records it explains; absent: everybody's. */
  readonly member?: string
}

export type FaultKind = 'member killed' | 'member frozen' | 'member stopped' | 'broker lost' | 'connection spoilt'

/** Why a record was handed out again. */
export type Explanation = FaultKind | 'lock expired' | 'answer stored late' | 'unexplained' | 'after confirmation'

/** The broker's timers and the clocks of two log lines are not exact. */
const TOLERANCE_MS = 250

/**
 * A redelivery is explained by a fault that lay between the two hand-outs, of the member that had the record first or of the
 * cluster; else by the lock, if that had the time to run out.
 *
 * A record that comes again after the broker had confirmed it is explained by one thing only: the broker was kept from storing
 * the answer by a fault, gave the record out anew when the lock ran out meanwhile (so that it counts one more delivery), and
 * stored and confirmed the answer after that.
 */
export function explain(redelivery: Redelivery, windows: readonly FaultWindow[], lockMs: number): Explanation {
  const { before, again, confirmedAt } = redelivery
  const between = windows.filter(({ from, to }) => from <= again.at + TOLERANCE_MS && to >= before.at - TOLERANCE_MS)
  const shared = between.find(({ member }) => member === undefined)
  if (confirmedAt !== undefined) {
    const crossed = again.count > before.count && confirmedAt > before.at && again.at - confirmedAt < lockMs
    return crossed && shared !== undefined ? 'answer stored late' : 'after confirmation'
  }
  const own = between.find(({ member }) => member === before.member)
  if (own !== undefined) return own.kind
  if (shared !== undefined) return shared.kind
  return again.at - before.at >= lockMs - TOLERANCE_MS ? 'lock expired' : 'unexplained'
}

/** How many of each. */
export function tally(explanations: readonly Explanation[]): ReadonlyMap<Explanation, number> {
  const counts = new Map<Explanation, number>()
  for (const each of explanations) counts.set(each, (counts.get(each) ?? 0) + 1)
  return counts
}

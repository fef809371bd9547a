import type { MemberHealth } from './container-health.js'

/** What is known of the member in one place, for health(). Kept at each batch and each fault, never at a record. */
export interface MemberVitals {
  status: MemberHealth['status']
  /** By the clock. */
  lastRecordAt: number | undefined
  /** What the member failed on, and when; until it works again. */
  trouble: { readonly error: unknown; readonly at: number } | undefined
  /** A member in this place hung: the next one begins cautiously. */
  hung: boolean
}

/** Not being given records is no failure, and for a while no proof either that a failure is over. */
const PROVEN_MS = 30_000

/** The member has waited for records in vain, and without a failure. */
export function waitedInVain(vitals: MemberVitals, now: number): void {
  if (vitals.trouble !== undefined && now - vitals.trouble.at >= PROVEN_MS) vitals.trouble = undefined
}

export function noVitals(): MemberVitals {
  return { status: 'down', lastRecordAt: undefined, trouble: undefined, hung: false }
}

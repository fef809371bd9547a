import type { MemberHealth } from './container-health.js'

/** What is known of the member in one place, for health(). Kept at each batch and each fault, never at a record. */
export interface MemberVitals {
  status: MemberHealth['status']
  /** By the clock. */
  lastRecordAt: number | undefined
  /** What the member failed on, until it works again. */
  trouble: { readonly error: unknown } | undefined
}

export function noVitals(): MemberVitals {
  return { status: 'down', lastRecordAt: undefined, trouble: undefined }
}

/** Offsets of one state, as an assertion wants to see them; neighbours of equal state are one entry. */
export interface ShareRecordsView {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly state: 'AVAILABLE' | 'ACQUIRED' | 'ACKNOWLEDGED' | 'ARCHIVING' | 'ARCHIVED'
  readonly deliveryCount: number
  /** Of ACQUIRED ones. */
  readonly memberId?: string
  /** Milliseconds until the lock runs out. Of ACQUIRED ones. */
  readonly lockLeftMs?: number
}

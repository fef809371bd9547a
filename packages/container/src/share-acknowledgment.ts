/**
 * The handle by which a listener answers its own record, in MANUAL mode. EXPLICIT mode, the one this version has, answers for
 * the listener, whose handle is then undefined.
 */
export interface ShareAcknowledgment {
  /** ACCEPT: processed, never delivered again. Terminal. */
  acknowledge(): void
  /** RELEASE: delivered again, to any member of the group. Terminal. */
  release(): void
  /** REJECT: archived, never delivered again. Terminal. */
  reject(): void
  /** Starts the record's acquisition lock anew; a terminal answer must still follow. */
  renew(): void
  /** True once a terminal answer was given. */
  readonly isAcknowledged: boolean
}

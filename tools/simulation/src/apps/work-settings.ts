import type { ShareAckMode } from '@milena/container'

/** How the work on records is set up, as the container around it is. */
export interface WorkSettings {
  readonly mode: ShareAckMode
  /** How many records of one member may be at work at once. */
  readonly atOnce: number
  /** They may be of different batches. */
  readonly isWindow: boolean
  readonly deadlineMs: number | undefined
  readonly ackTimeoutMs: number
  /** How long the work on a record takes. */
  readonly workMs: () => number
  readonly guard: (work: Promise<void>) => Promise<void>
  /** Ends the container from inside a listener. */
  readonly stopFromInside: () => void
}

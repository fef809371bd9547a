import type { Transport, TransportAddress } from '@milena/protocol/runtime'

/** A broker to play against, and its time. */
export interface Target {
  readonly name: 'kafka' | 'embedded'
  readonly transport: Transport
  readonly address: TransportAddress
  /** Milliseconds of its clock, for durations. */
  now(): number
  /** What its clock says the date is, epoch ms. */
  date(): number
  wait(ms: number): Promise<void>
  /** The answer, on a clock that goes on by at least `ms` if it takes that long. */
  answered<T>(answer: Promise<T>, ms: number): Promise<T>
  /** Ends what this play had of it. */
  close(): Promise<void>
}

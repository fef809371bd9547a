import { KafkaUsageError } from '@milena/protocol'
import type { AcknowledgementVerdict } from './verdict.js'

// What the methods of a share consumer take, and how that is checked.

/** How long a poll may take, and what may end it earlier. */
export interface PollOptions {
  /** Milliseconds; 0 takes what is there. */
  readonly timeoutMs?: number | undefined
  /** Ends the poll with an error of code ABORTED; nothing is lost by it. */
  readonly signal?: AbortSignal | undefined
}

/** How long a commit waits for the brokers' verdicts. */
export interface CommitOptions {
  /** Milliseconds. Default: the option defaultApiTimeoutMs. */
  readonly timeoutMs?: number | undefined
  /** Ends the wait with an error of code ABORTED; the acknowledgements stay on their way, and the next commit tells of them. */
  readonly signal?: AbortSignal | undefined
}

/** How long a close may take. */
export interface CloseOptions {
  /** Milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined
}

/** A record by its place, for one that could not be deserialised. */
export interface RecordPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Told the broker's verdict on acknowledged offsets of one partition (gaps included), or why there is none. A promise may be returned. */
export type AcknowledgementCommitCallback = (verdict: AcknowledgementVerdict) => unknown

export function isPosition(value: unknown): value is RecordPosition {
  if (typeof value !== 'object' || value === null) return false
  const { topic, partition, offset } = value as Partial<RecordPosition>
  return typeof topic === 'string' && typeof partition === 'number' && typeof offset === 'number'
}

/** `usage`: how the method is called, without a full stop. */
export function requireDuration(timeoutMs: unknown, usage: string): void {
  if (typeof timeoutMs === 'number' && timeoutMs >= 0) return
  throw new KafkaUsageError(`${usage}; it was given ${String(timeoutMs)}.`)
}

import { KafkaUsageError } from '@milena/protocol'
import { shownArgument } from '../config/shown-argument.js'
import { withoutFields } from '../config/plain-object.js'
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

/** How records are read by an iteration. */
export interface ReadOptions {
  /**
   * Explicit mode: how many records may be handed out and unanswered; the next ones wait for that. Implicit mode: how many
   * records a batch has at most. Default: the option maxInFlight.
   */
  readonly maxInFlight?: number | undefined
  /** Ends the iteration with an error of code ABORTED. */
  readonly signal?: AbortSignal | undefined
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

/** What an iteration was told, but for the value of maxInFlight. Throws KafkaUsageError for anything else. */
export function checkedReadOptions(given: unknown): ReadOptions {
  const usage = 'records() and batches() take { maxInFlight, signal }'
  requireKnown(given, ['maxInFlight', 'signal'], usage)
  const { maxInFlight, signal } = given as { readonly maxInFlight?: number; readonly signal?: unknown }
  return { maxInFlight, signal: signal === undefined ? undefined : signalOf(signal, usage) }
}

/** What a poll was told. Throws KafkaUsageError for anything else. */
export function readPollOptions(given: unknown): PollOptions {
  const usage = 'poll() takes a number of milliseconds, 0 or more, or { timeoutMs, signal }'
  return typeof given === 'object'
    ? readOptions(given, ['timeoutMs', 'signal'], usage)
    : { timeoutMs: duration(given, usage) }
}

/** What a commit was told. Throws KafkaUsageError for anything else. */
export function readCommitOptions(given: unknown): CommitOptions {
  return readOptions(
    given,
    ['timeoutMs', 'signal'],
    'commitSync() takes { timeoutMs, signal }, such as commitSync({ timeoutMs: 5000 })',
  )
}

/** What a close was told. Throws KafkaUsageError for anything else. */
export function readCloseOptions(given: unknown): CloseOptions {
  return readOptions(given, ['timeoutMs'], 'close() takes { timeoutMs }, such as close({ timeoutMs: 5000 })')
}

type WaitOptions = PollOptions

/** `usage`: how the method is called, without a full stop. */
function readOptions(given: unknown, known: readonly (keyof WaitOptions)[], usage: string): WaitOptions {
  if (given === undefined) return {}
  requireKnown(given, known, usage)
  const { timeoutMs, signal } = given as { readonly timeoutMs?: unknown; readonly signal?: unknown }
  return {
    timeoutMs:
      timeoutMs === undefined
        ? undefined
        : duration(timeoutMs, `${usage}, timeoutMs being a number of milliseconds, 0 or more`),
    signal: signal === undefined ? undefined : signalOf(signal, usage),
  }
}

function requireKnown(given: unknown, known: readonly string[], usage: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new KafkaUsageError(`${usage}; it was given ${shownArgument(given)}.`)
  }
  const wrong = withoutFields(given)
  if (wrong !== undefined) throw new KafkaUsageError(`${usage}; it was given ${wrong}.`)
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new KafkaUsageError(`${usage}; it was given '${name}', which it does not know.`)
  }
}

function duration(value: unknown, usage: string): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value
  throw new KafkaUsageError(`${usage}; it was given ${shownArgument(value)}.`)
}

function signalOf(value: unknown, usage: string): AbortSignal {
  if (isSignal(value)) return value
  throw new KafkaUsageError(
    `${usage}, signal being an AbortSignal (the signal of an AbortController); it was given ${shownArgument(value)}.`,
  )
}

// Not by instanceof: the signal may come from another realm, as with some test runners.
function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  )
}

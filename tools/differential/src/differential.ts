import { firstDifference, type Difference } from './compare.js'
import { play } from './player.js'
import { makeSequence } from './sequence.js'
import type { Sequence } from './step.js'
import type { Target } from './target.js'
import { count, type Tally, type Trace } from './trace.js'

/** Plays that say nothing (see Trace.invalid) before a sequence is given up. */
const MAX_PLAYS = 5
/** How often Kafka is asked again when it was answered otherwise: what depends on the moment shows as two answers of its own. */
const MORE_PLAYS_AMONG_OTHERS = 2
/** And once more when nothing else runs: a busy Kafka may be as late in each of those. */
const MORE_PLAYS_ALONE = 5

export interface DifferentialOptions {
  readonly seed: number
  readonly sequences: readonly number[]
  readonly steps: number
  readonly parallel: number
  /** Begins the names of topics and groups; a run has its own. */
  readonly prefix: string
  /** What is judged. */
  readonly openSubject: () => Promise<Target>
  /** What judges. */
  readonly openKafka: () => Promise<Target>
  readonly onSequence?: (outcome: SequenceOutcome) => void
}

export interface SequenceOutcome {
  readonly sequence: Sequence
  readonly kafka: Trace
  readonly subject: Trace
  readonly difference: Difference | undefined
  /** Kafka answered two plays differently, and the subject as one of them. */
  readonly unsteady: boolean
  readonly tookMs: number
}

/** A sequence that a broker did not let be played to its end. */
export interface FailedSequence {
  readonly index: number
  readonly reason: string
}

export interface DifferentialResult {
  readonly outcomes: readonly SequenceOutcome[]
  readonly failures: readonly FailedSequence[]
  readonly operations: Tally
  readonly errors: Tally
}

/** Plays sequences, some at a time, against the subject and Kafka. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialResult> {
  const outcomes: SequenceOutcome[] = []
  const operations = new Map<string, number>()
  const errors = new Map<string, number>()
  const failures: FailedSequence[] = []
  const waiting = [...options.sequences]
  const open: SequenceOutcome[] = []
  const settle = (outcome: SequenceOutcome): void => {
    outcomes.push(outcome)
    for (const [name, times] of outcome.kafka.operations) count(operations, name, times)
    for (const [name, times] of outcome.kafka.errors) count(errors, name, times)
    options.onSequence?.(outcome)
  }
  const work = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      let outcome: SequenceOutcome
      try {
        outcome = await compareOne(options, makeSequence(options.seed, index, options.steps))
      } catch (error) {
        failures.push({ index, reason: error instanceof Error ? error.message : String(error) })
        continue
      }
      if (outcome.difference === undefined) settle(outcome)
      else open.push(outcome)
    }
  }
  await Promise.all(Array.from({ length: options.parallel }, work))
  for (const outcome of open) {
    try {
      settle(await askAgain(options, outcome, { plays: MORE_PLAYS_ALONE, called: 'alone' }))
    } catch {
      // Too slow to be played now; what was seen before stands.
      settle(outcome)
    }
  }
  return { outcomes, failures, operations, errors }
}

async function compareOne(options: DifferentialOptions, sequence: Sequence): Promise<SequenceOutcome> {
  const startedAt = performance.now()
  const name = `${options.prefix}-${sequence.index}`
  const [subject, first] = await Promise.all([
    validPlay(sequence, options.openSubject, `${name}s`),
    validPlay(sequence, options.openKafka, `${name}k`),
  ])
  const outcome: SequenceOutcome = {
    sequence,
    kafka: first,
    subject,
    difference: firstDifference(first, subject),
    unsteady: false,
    tookMs: performance.now() - startedAt,
  }
  return askAgain(options, outcome, { plays: MORE_PLAYS_AMONG_OTHERS, called: 'again' })
}

/** Plays the sequence against Kafka anew while it differs. Only a whole play that is the same throughout settles it. */
async function askAgain(
  options: DifferentialOptions,
  outcome: SequenceOutcome,
  { plays, called }: { readonly plays: number; readonly called: string },
): Promise<SequenceOutcome> {
  const startedAt = performance.now()
  const { sequence, subject } = outcome
  let { kafka, difference, unsteady } = outcome
  for (let round = 1; difference !== undefined && round <= plays; round++) {
    const next = await validPlay(sequence, options.openKafka, `${options.prefix}-${sequence.index}k${called}${round}`)
    if (firstDifference(kafka, next) !== undefined) unsteady = true
    const nextDifference = firstDifference(next, subject)
    if (nextDifference === undefined || nextDifference.at > difference.at) {
      kafka = next
      difference = nextDifference
    }
  }
  return { ...outcome, kafka, difference, unsteady, tookMs: outcome.tookMs + performance.now() - startedAt }
}

async function validPlay(sequence: Sequence, open: () => Promise<Target>, prefix: string): Promise<Trace> {
  let reason = ''
  for (let round = 0; round < MAX_PLAYS; round++) {
    const target = await open()
    try {
      const trace = await play(sequence, target, round === 0 ? prefix : `${prefix}r${round}`)
      if (trace.invalid === undefined) return trace
      reason = trace.invalid
    } catch (error) {
      throw new Error(
        `Sequence ${sequence.index} could not be played against ${target.name}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      )
    } finally {
      await target.close()
    }
  }
  throw new Error(
    `Sequence ${sequence.index} was played ${MAX_PLAYS} times and always too slowly (${reason}). Let fewer run at once: --parallel 2.`,
  )
}

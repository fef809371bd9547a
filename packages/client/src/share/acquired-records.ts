import type { KafkaError } from '@milena/protocol'
import { takeAcknowledgements, type SentAcknowledgements } from './ack-batches.js'
import type { AcquiredRange, RangeHolder, Run, Verdict } from './acquired-range.js'
import { LockRenewals } from './lock-renewals.js'
import { renewalsAmong } from './forbidden-renewals.js'
import type { TopicIdPartition } from './share-partition.js'
import { RangeVerdicts } from './record-verdicts.js'
import { countTypes, handedOutOf, lateAnswer, type AcknowledgementVerdict } from './verdict.js'

// The ledger: what this member holds from one broker in one share session. No I/O, no clock.
//
// Rules kept here
// - Ranges, not records: a record knows its range and index, so an answer costs one store and no lookup.
// - An answer goes to the broker that handed the record out, in the session that acquired it. When that session is
//   gone the whole ledger is: `live` turns false, what waited to be sent fails visibly, and nothing of it is sent later.
// - An offset acquired again while an older range still holds it (its lock had run out) belongs to the newer range.
// - The broker refuses all answers of a partition when it refuses one, for an expired lock say. The offsets of a range
//   share their lock, so what was refused together is sent again range by range, and only the culprit is lost.
// - A range with an unsent RELEASE or RENEW is in no fetch: whoever decides for one, the ledger does not hand it out.
// - Renewals that the group forbids cost nothing: their records keep their locks, and what the broker refused along with them
//   is sent again.
// - A range leaves the ledger with its last verdict.

const SEND_AGAIN: Verdict = { outcome: 'again' }

/**
 * What is taken out for a request: everything (ShareAcknowledge), what may travel with a fetch, or of that only ranges with nothing
 * left to answer.
 */
export type Takeout = 'all' | 'with a fetch' | 'whole ranges'

/** What one request carries, by partition. */
export type SentByPartition = ReadonlyMap<TopicIdPartition, SentAcknowledgements>

/** Told of what happens in the ledger. */
export interface LedgerListener {
  /** There is something to send. `urgent`: it should not wait for company. */
  answered(urgent: boolean): void
  verdict(verdict: AcknowledgementVerdict): void
  /** The lock of records that had no terminal answer is gone. */
  lost(piece: LostPiece): void
}

/** A piece of a range whose lock is gone: it ran out, or went with its session. */
export interface LostPiece extends Run {
  readonly range: AcquiredRange
  readonly cause: 'expired' | 'session'
  readonly error: KafkaError | undefined
  /** Those that were handed out, where the range does not know them any more. */
  readonly records?: readonly object[]
}

export class AcquiredRecords implements RangeHolder {
  /** The broker takes renewals (Kafka 4.2); known once connected. */
  renewable = true
  outstanding = 0
  /** What the lock keeper wants renewed. */
  readonly renewals = new LockRenewals()
  /** Why the session is gone. */
  #lostBecause: KafkaError | undefined
  readonly #listener: LedgerListener
  readonly #ranges = new Map<TopicIdPartition, Set<AcquiredRange>>()
  readonly #outbox = new Set<AcquiredRange>()
  /** Partitions whose answers go out one range at a time, because some of them were refused together. */
  readonly #apart = new Set<TopicIdPartition>()

  constructor(listener: LedgerListener) {
    this.#listener = listener
  }

  get live(): boolean {
    return this.#lostBecause === undefined
  }

  /** Something is answered and not in a request yet. */
  get hasUnsent(): boolean {
    return this.#outbox.size > 0
  }

  /** Some record of this broker waits for its answer, in the buffer or with the application. */
  get hasOpen(): boolean {
    for (const ranges of this.#ranges.values()) for (const range of ranges) if (range.open > 0) return true
    return false
  }

  /** The partitions whose answers have no verdict yet. */
  *pendingPartitions(): Generator<TopicIdPartition> {
    for (const [partition, ranges] of this.#ranges) {
      for (const range of ranges) {
        if (range.unsent + range.sent === 0) continue
        yield partition
        break
      }
    }
  }

  /** Answers wait that no fetch may carry; those of a partition outside of `wanted` would fetch from it again. */
  hasUnsentApart(wanted: ReadonlySet<TopicIdPartition>): boolean {
    for (const range of this.#outbox) if (range.alone > 0 || !wanted.has(range.partition)) return true
    return false
  }

  /** Enters a new acquisition. Returns how many offsets an older, expired one lost to it. */
  enter(range: AcquiredRange): number {
    const ranges = this.#ranges.get(range.partition) ?? new Set()
    let lost = 0
    for (const older of ranges) {
      const from = Math.max(range.firstOffset, older.firstOffset) - older.firstOffset
      const to = Math.min(range.lastOffset, older.lastOffset) - older.firstOffset + 1
      if (from < to) {
        const tooLate = older.unsentAnswers(from, to)
        lost += this.#lost(older, older.supersede(from, to))
        for (const { code, ...run } of tooLate) this.#listener.verdict(lateAnswer(older, run, code))
        older.verdicts?.decided(older, from, to)
        this.#tidy(older)
      }
    }
    ranges.add(range)
    // Not before: the last older range to leave takes the partition's entry with it.
    this.#ranges.set(range.partition, ranges)
    return lost
  }

  answered(range: AcquiredRange): void {
    this.#outbox.add(range)
    this.#listener.answered(false)
  }

  urged(): void {
    this.#listener.answered(true)
  }

  renew(range: AcquiredRange, from: number, to: number): void {
    this.renewals.add(range, from, to)
    this.#listener.answered(false)
  }

  giveUp(range: AcquiredRange, from: number, to: number): void {
    // What went with its session has been told.
    if (!this.live) return
    this.#lost(range, range.giveUp(from, to))
    range.verdicts?.decided(range, from, to)
    this.#tidy(range)
  }

  /** Everything acquired that is not finished. */
  *ranges(): Generator<AcquiredRange> {
    for (const ranges of this.#ranges.values()) yield* ranges
  }

  /** Answers every open offset alike; how many those were. */
  answerAllOpen(code: Parameters<AcquiredRange['answerOpen']>[0]): number {
    let answered = 0
    for (const ranges of this.#ranges.values()) for (const range of ranges) answered += range.answerOpen(code)
    return answered
  }

  /**
   * Takes out what is unsent, for one request. A range that is answered piecemeal costs the broker several times as much, since it
   * then keeps a state per offset.
   */
  send(what: Takeout): SentByPartition {
    const byPartition = new Map<TopicIdPartition, AcquiredRange[]>()
    for (const range of this.#outbox) {
      if (what !== 'all' && range.alone > 0) continue
      if (what === 'whole ranges' && range.open > 0) continue
      const ranges = byPartition.get(range.partition)
      if (ranges !== undefined && this.#apart.has(range.partition)) continue
      this.#outbox.delete(range)
      if (ranges === undefined) byPartition.set(range.partition, [range])
      else ranges.push(range)
    }
    const sent = new Map<TopicIdPartition, SentAcknowledgements>()
    for (const [partition, ranges] of byPartition) {
      const acknowledgements = takeAcknowledgements(ranges)
      if (acknowledgements.batches.length > 0) sent.set(partition, acknowledgements)
    }
    return sent
  }

  /** Enters the broker's word on one partition of a request. Returns whether something is to be sent again. */
  settle(partition: TopicIdPartition, sent: SentAcknowledgements, word: Verdict): boolean {
    const refusedTogether = word.outcome === 'failed' && word.together && this.live && hasSeveralRanges(sent)
    if (refusedTogether) this.#apart.add(partition)
    const renewals = word.outcome === 'unrenewed' ? renewalsAmong(sent.batches) : []
    const verdict = refusedTogether
      ? SEND_AGAIN
      : word.outcome === 'unrenewed' && renewals.length === 0
        ? failed(word)
        : word
    const told = verdict.outcome === 'unrenewed' ? renewals : sent.batches
    const news =
      verdict.outcome === 'unrenewed' || verdict.outcome === 'failed'
        ? { error: verdict.error, records: handedOutOf(sent.pieces, told) }
        : { error: undefined }
    let again = false
    for (const { range, from, to } of sent.pieces) {
      const { unsent } = range
      // A renewal that is refused takes its record along. What goes with the session is told by lose().
      const refused = verdict.outcome === 'failed' && this.live ? unansweredAmong(range, from, to) : []
      range.settle(from, to, verdict)
      if (verdict.outcome === 'failed') {
        range.verdicts ??= new RangeVerdicts()
        range.verdicts.failed(range, { from, to }, verdict.error)
      }
      for (const piece of refused) this.#listener.lost(piece)
      range.verdicts?.decided(range, from, to)
      // Restored, or a terminal answer that had waited behind a renewal.
      again ||= range.unsent > unsent
      this.#tidy(range)
    }
    if (!this.#hasUnsentOf(partition)) this.#apart.delete(partition)
    if (this.#lostBecause !== undefined) this.#failUnsent(this.#lostBecause)
    if (verdict.outcome === 'again') return again
    this.#listener.verdict({ partition, batches: told, counts: countTypes(told), ...news })
    return again
  }

  /** Gives up what nobody answered in time (see AcquiredRange.expire); how many records that were. */
  expire(time: number): number {
    let expired = 0
    for (const ranges of this.#ranges.values()) {
      for (const range of ranges) {
        const runs = range.expire(time)
        if (runs.length === 0) continue
        expired += this.#lost(range, runs)
        range.verdicts?.decided(range, 0, range.length)
        this.#tidy(range)
      }
    }
    return expired
  }

  /** The session is gone, and every lock with it. Returns how many records were held and had no terminal answer. */
  lose(error: KafkaError): number {
    if (!this.live) return 0
    this.#apart.clear()
    const lost = [...this.#ranges.values()].flatMap((ranges) =>
      Array.from(ranges, (range) => ({ range, runs: range.unansweredRuns() })),
    )
    this.#lostBecause = error
    this.#failUnsent(error)
    for (const ranges of this.#ranges.values()) for (const range of ranges) range.verdicts?.abandon(range, error)
    this.#ranges.clear()
    this.#outbox.clear()
    this.renewals.clear()
    let records = 0
    for (const { range, runs } of lost) records += this.#lost(range, runs, error)
    return records
  }

  /** What cannot be sent any more, as its session is gone: also what had waited behind a renewal that was on its way. */
  #failUnsent(error: KafkaError): void {
    for (const [partition, sent] of this.send('all'))
      this.settle(partition, sent, { outcome: 'failed', error, together: false })
  }

  /** Tells which records have lost their locks; how many. */
  #lost(range: AcquiredRange, runs: readonly Run[], error?: KafkaError): number {
    let lost = 0
    for (const { from, to } of runs) {
      lost += to - from
      this.#listener.lost({ range, from, to, cause: error === undefined ? 'expired' : 'session', error })
    }
    return lost
  }

  #hasUnsentOf(partition: TopicIdPartition): boolean {
    for (const range of this.#outbox) if (range.partition === partition) return true
    return false
  }

  #tidy(range: AcquiredRange): void {
    if (range.unsent === 0) this.#outbox.delete(range)
    if (range.unfinished) return
    const ranges = this.#ranges.get(range.partition)
    ranges?.delete(range)
    if (ranges?.size === 0) this.#ranges.delete(range.partition)
  }
}

/** What is renewed and has no terminal answer, with its records: a range that is finished forgets them. */
function unansweredAmong(range: AcquiredRange, from: number, to: number): LostPiece[] {
  return range.unansweredRuns(from, to).map((run) => ({
    ...run,
    range,
    cause: 'expired',
    error: undefined,
    records: range.handedOutAmong(run.from, run.to),
  }))
}

/** The broker forbids renewals and was asked for none. */
function failed({ error }: { readonly error: KafkaError }): Verdict {
  return { outcome: 'failed', error, together: false }
}

function hasSeveralRanges({ pieces }: SentAcknowledgements): boolean {
  const first = pieces[0]?.range
  return pieces.some(({ range }) => range !== first)
}

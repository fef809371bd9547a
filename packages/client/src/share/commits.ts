import { KafkaTimeoutError, type KafkaError } from '@milena/protocol'
import type { AcknowledgementBatch } from './ack-batches.js'
import type { AcquiredRange } from './acquired-range.js'
import type { LedgerSpan } from './handout.js'
import type { TopicIdPartition } from './share-partition.js'
import type { AcknowledgementVerdict } from './verdict.js'

// Which verdict belongs to which commit. The engine sends answers by itself and tells verdicts by partition and offsets; a
// commit speaks of what was answered between the commit before it and itself.
//
// Rules kept here
// - A commit claims the answers given before it that no other commit has claimed, and gets their verdicts, those that came
//   before it was asked for included. Commits that overlap each get their own.
// - What has no verdict when a commit's time is up stays claimed: the next commit goes on with it, and until then there
//   is something `pending`.
// - Noting an answer costs two comparisons; offsets are looked at only while a commit waits.

/** The outcome of a commit by partition: undefined is success. Partitions with nothing to commit are not in it. */
export type CommitResult = ReadonlyMap<TopicIdPartition, KafkaError | undefined>

/** Consecutive offsets, both ends included. */
interface Offsets {
  readonly first: number
  readonly last: number
}

/** What a commit claims of one partition. */
interface Claim {
  /** In order, without overlaps. */
  readonly offsets: readonly Offsets[]
  /** How many of them have no verdict yet. */
  left: number
}

/** What a commit begins with. */
interface CommitBeginning {
  /** What it claims, with what commits `before` it left. */
  readonly spans: readonly LedgerSpan[]
  readonly before: readonly Commit[]
  readonly told: CommitResult
  readonly handOuts: number
}

export class Commit {
  /** The partitions of which the application was told that there is no verdict yet. */
  late: readonly TopicIdPartition[] = []
  readonly result = new Map<TopicIdPartition, KafkaError | undefined>()
  readonly claims: ReadonlyMap<TopicIdPartition, Claim>
  /** How many hand-outs there had been when it was asked for. */
  readonly handOuts: number

  constructor({ spans, told, before, handOuts }: CommitBeginning) {
    this.claims = claimsOf(spans, before)
    this.handOuts = handOuts
    for (const { result } of before) this.#enterAll(result)
    this.#enterAll(told)
  }

  /** Takes in a verdict as far as it is about this commit; how many offsets that were. */
  heard({ partition, batches, error }: AcknowledgementVerdict): number {
    const claim = this.claims.get(partition)
    if (claim === undefined) return 0
    const mine = overlap(claim.offsets, batches)
    if (mine === 0) return 0
    claim.left = Math.max(0, claim.left - mine)
    this.#enter(partition, error)
    return mine
  }

  /** Takes in a verdict on what went out with an earlier poll, which this commit waited for like everybody. */
  heardStray({ partition, error }: AcknowledgementVerdict): void {
    this.#enter(partition, error)
  }

  /**
   * Its time is up: tells what there is, and of each partition that still waits that it does. From then on `result` holds what
   * was not told.
   */
  tellLate(waiting: Iterable<TopicIdPartition>, timeoutMs: number): CommitResult {
    const told = new Map(this.result)
    this.result.clear()
    this.late = [...waiting]
    for (const partition of this.late) {
      told.set(
        partition,
        new KafkaTimeoutError(
          `The acknowledgements for ${partition.topic}-${partition.partition} have no verdict after ${timeoutMs} ms. They are kept, and sent again: commit again to learn of it.`,
        ),
      )
    }
    return told
  }

  #enterAll(result: CommitResult): void {
    for (const [partition, error] of result) this.#enter(partition, error)
  }

  #enter(partition: TopicIdPartition, error: KafkaError | undefined): void {
    this.result.set(partition, this.result.get(partition) ?? error)
  }
}

export class Commits {
  #answered: LedgerSpan[] = []
  #handOuts = 0
  /** Verdicts that no commit has claimed. */
  #told = new Map<TopicIdPartition, KafkaError | undefined>()
  readonly #open = new Set<Commit>()
  /** Commits whose time was up, or that nobody waits for any more: the next one goes on with them. */
  #kept: Commit[] = []

  /** A commit ended without the verdict of everything: the next one has to be asked for. */
  get pending(): boolean {
    return this.#kept.some(({ late }) => late.length > 0)
  }

  /** The partitions that such a commit waits for. */
  get pendingPartitions(): TopicIdPartition[] {
    return this.#kept.flatMap(({ late }) => late)
  }

  /** A record was answered. */
  noted(range: AcquiredRange, index: number): void {
    const span = this.#answered.at(-1)
    if (span !== undefined && span.range === range && span.to === index) span.to = index + 1
    else this.#answered.push({ range, from: index, to: index + 1 })
  }

  /** A whole batch was. */
  notedAll(spans: readonly LedgerSpan[]): void {
    for (const { range, from, to } of spans) this.#answered.push({ range, from, to })
  }

  /**
   * A poll hands out records: what was answered before went out with it. The next commit tells of that what is not decided yet, or
   * fails from now on; what was decided while the poll waited is for the acknowledgement callback, as in Java.
   */
  handedOut(): void {
    this.#handOuts++
    this.#answered = []
    this.#told.clear()
    this.#kept = this.#kept.filter(({ late }) => late.length > 0)
  }

  /**
   * An iteration comes for more, and nobody polls: what was answered until now is sent without a commit, and remembered no more.
   * The next commit tells of it what is not decided by then, and all that failed.
   */
  readOn(): void {
    this.#handOuts++
    this.#answered = []
    for (const [partition, error] of this.#told) if (error === undefined) this.#told.delete(partition)
  }

  /** A verdict for the member before this one: only commits that wait want to hear of it. */
  heardOfOld(verdict: AcknowledgementVerdict): number {
    let claimed = 0
    for (const commit of this.#open) claimed += commit.heard(verdict)
    for (const commit of this.#kept) claimed += commit.heard(verdict)
    return claimed
  }

  heard(verdict: AcknowledgementVerdict): void {
    const claimed = this.heardOfOld(verdict)
    if (claimed > 0 && claimed >= answersIn(verdict)) return
    if (!this.#isUnclaimed(verdict)) {
      // It went out with an earlier poll. When no commit waits, only a failure is worth the next one's while.
      const waiting = [...this.#open].find(({ handOuts }) => handOuts === this.#handOuts)
      const commit = waiting ?? this.#kept.find(({ late }) => late.includes(verdict.partition))
      commit?.heardStray(verdict)
      if (commit !== undefined || verdict.error === undefined) return
    }
    this.#told.set(verdict.partition, this.#told.get(verdict.partition) ?? verdict.error)
  }

  begin(): Commit {
    const commit = new Commit({
      spans: this.#answered,
      told: this.#told,
      before: this.#kept,
      handOuts: this.#handOuts,
    })
    this.#answered = []
    this.#told = new Map()
    this.#kept = []
    this.#open.add(commit)
    return commit
  }

  /** Everything it waited for has a verdict. */
  done(commit: Commit): CommitResult {
    this.#open.delete(commit)
    return commit.result
  }

  /** Its time was up. */
  late(commit: Commit, pending: ReadonlySet<TopicIdPartition>, timeoutMs: number): CommitResult {
    this.#open.delete(commit)
    const result = commit.tellLate(this.#waitedFor(commit, pending), timeoutMs)
    if (commit.late.length > 0) this.#kept.push(commit)
    return result
  }

  /** Nobody waits for it any more: the next commit tells what it would have told. */
  abandoned(commit: Commit): void {
    this.#open.delete(commit)
    this.#kept.push(commit)
  }

  /** Forgets everything but the commits that wait. */
  clear(): void {
    this.handedOut()
    this.#kept = []
  }

  /** Its own partitions without a verdict, and those of earlier polls, which are nobody else's. */
  *#waitedFor(commit: Commit, pending: ReadonlySet<TopicIdPartition>): Generator<TopicIdPartition> {
    for (const partition of pending) {
      const claim = commit.claims.get(partition)
      const isOthers =
        this.#answered.some(({ range }) => range.partition === partition) ||
        [...this.#open].some(({ claims }) => claims.has(partition))
      const isEarlier = commit.handOuts === this.#handOuts && !isOthers
      if (claim === undefined ? isEarlier : claim.left > 0) yield partition
    }
  }

  /** It is about something that was answered since the last hand-out and that no commit has claimed. */
  #isUnclaimed({ partition, batches }: AcknowledgementVerdict): boolean {
    return this.#answered.some(
      ({ range, from, to }) =>
        range.partition === partition &&
        batches.some(
          ({ firstOffset, lastOffset }) =>
            firstOffset < range.firstOffset + to && range.firstOffset + from <= lastOffset,
        ),
    )
  }
}

function claimsOf(spans: readonly LedgerSpan[], before: readonly Commit[]): ReadonlyMap<TopicIdPartition, Claim> {
  const byPartition = new Map<TopicIdPartition, Offsets[]>()
  const add = (partition: TopicIdPartition, offsets: Offsets): void => {
    const known = byPartition.get(partition)
    if (known === undefined) byPartition.set(partition, [offsets])
    else known.push(offsets)
  }
  for (const { range, from, to } of spans)
    add(range.partition, { first: range.firstOffset + from, last: range.firstOffset + to - 1 })
  for (const { claims } of before) {
    for (const [partition, { offsets, left }] of claims) if (left > 0) for (const each of offsets) add(partition, each)
  }
  const claims = new Map<TopicIdPartition, Claim>()
  for (const [partition, all] of byPartition) {
    const offsets = merged(all)
    claims.set(partition, { offsets, left: offsets.reduce((sum, { first, last }) => sum + last - first + 1, 0) })
  }
  return claims
}

function merged(offsets: readonly Offsets[]): Offsets[] {
  const result: Offsets[] = []
  for (const { first, last } of [...offsets].sort((a, b) => a.first - b.first)) {
    const before = result.at(-1)
    if (before !== undefined && first <= before.last + 1)
      result[result.length - 1] = { first: before.first, last: Math.max(before.last, last) }
    else result.push({ first, last })
  }
  return result
}

/** How many offsets both have; both are in order. */
function overlap(offsets: readonly Offsets[], batches: readonly AcknowledgementBatch[]): number {
  let common = 0
  let at = 0
  for (const { firstOffset, lastOffset } of batches) {
    while ((offsets[at]?.last ?? Infinity) < firstOffset) at++
    for (let i = at; i < offsets.length; i++) {
      const { first, last } = offsets[i] as Offsets
      if (first > lastOffset) break
      common += Math.min(last, lastOffset) - Math.max(first, firstOffset) + 1
    }
  }
  return common
}

function answersIn({ batches, counts }: AcknowledgementVerdict): number {
  let offsets = 0
  for (const { firstOffset, lastOffset } of batches) offsets += lastOffset - firstOffset + 1
  return offsets - counts.gap
}

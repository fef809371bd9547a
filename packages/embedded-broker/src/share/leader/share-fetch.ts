import type { ShareGroupSettings } from '../../configs/cluster-configs.js'
import type { LogBatch } from '../../log/partition-log.js'
import type { Surroundings } from '../../surroundings.js'
import { logKey } from '../../topics/topic-catalog.js'
import type { LedSharePartition } from './led-share-partition.js'
import { AcquisitionFailure, type AcquiredRange, type AcquireMode } from '../records/acquire-request.js'
import { deliverableEnd } from './share-reset-position.js'

/*
 * One fetch of one member, over the share partitions that this broker leads. The rules, as Kafka keeps them:
 * 1. It is over once the partitions that can be acquired from have MinBytes together, once a read fails, or when its time is
 *    over; it acquires only then. What the others have acquired meanwhile it does not get.
 * 2. MaxBytes is divided evenly over these partitions; the first batch of a read is given even when it is larger. Kafka reads
 *    twice: partitions where it has looked before at the same offset come after the others then, and are served before them.
 * 3. The records still wanted are counted down from partition to partition.
 * 4. Who waits looks again when the log has moved, when a lock ran out or the start offset moved, when another fetch of the
 *    partition is over, and when acknowledgements for it come in (before they take effect). Not when records were released.
 * 5. No work per record: whole batches are looked at, and their bytes are put together.
 */

export interface ShareFetchGiven {
  readonly groupId: string
  readonly memberId: string
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxRecords: number
  readonly batchSize: number
  readonly mode: AcquireMode
  /** In the order in which they are served. */
  readonly partitions: readonly LedSharePartition[]
  readonly settings: ShareGroupSettings
}

/** What one partition gave. */
export interface FetchedRecords {
  readonly records: Buffer
  readonly acquired: readonly AcquiredRange[]
}

interface Candidate {
  readonly led: LedSharePartition
  readonly fetchOffset: number
  /** Where deliverable records end (exclusive). */
  readonly upTo: number
  /** The log does not have the offset any more, or not yet. */
  readonly isOutOfRange: boolean
  /** Some fetch has looked at this offset before. */
  readonly isLookedAt: boolean
}

const nothing: FetchedRecords = { records: Buffer.alloc(0), acquired: [] }

export class ShareFetch {
  readonly #surroundings: Surroundings
  readonly #given: ShareFetchGiven
  readonly #results = new Map<LedSharePartition, FetchedRecords>()
  #isOver = false
  #hasFailed = false

  constructor(surroundings: Surroundings, given: ShareFetchGiven) {
    this.#surroundings = surroundings
    this.#given = given
  }

  /** None of the results is of use: every partition that could be acquired from is answered with UNKNOWN_SERVER_ERROR. */
  get hasFailed(): boolean {
    return this.#hasFailed
  }

  /** Of the partitions that could be acquired from when it was over. */
  get results(): ReadonlyMap<LedSharePartition, FetchedRecords> {
    return this.#results
  }

  /** Takes what there is, if that is enough. @returns whether it is over */
  attempt(): boolean {
    if (this.#isOver) return true
    const candidates = this.#candidates()
    if (candidates.length === 0) return false
    const isEnough = this.#isEnough(candidates)
    for (const { led, fetchOffset, isOutOfRange } of candidates) if (!isOutOfRange) led.lookedAt = fetchOffset
    if (!isEnough) return false
    const known = candidates.filter(({ isLookedAt }) => isLookedAt)
    const fresh = candidates.filter(({ isLookedAt }) => !isLookedAt)
    this.#take([known, fresh], this.#share(candidates))
    return true
  }

  /**
   * Waits until it is over.
   *
   * @param mayLookAtOnce whether something has happened since the last attempt
   */
  async wait(maxWaitMs: number, mayLookAtOnce: boolean, signal: AbortSignal): Promise<void> {
    let looks = mayLookAtOnce
    const outcome = await this.#surroundings.delayed.wait({
      keys: this.#given.partitions.flatMap((led) => [led.waitKey, logKey(led.key.topicId, led.key.partition)]),
      delayMs: maxWaitMs,
      tryComplete: () => {
        const isOver = looks && this.attempt()
        looks = true
        return isOver
      },
      signal,
    })
    if (outcome === 'expired') this.end()
  }

  /** Its time is over: takes what there is. @returns true: it is over */
  end(): true {
    const candidates = this.#candidates()
    this.#take([candidates], this.#share(candidates))
    return true
  }

  /** To be called when it is over: others that wait for these partitions may have their turn. */
  passOn(): void {
    for (const { waitKey } of this.#results.keys()) this.#surroundings.delayed.touch(waitKey)
  }

  #candidates(): readonly Candidate[] {
    const candidates: Candidate[] = []
    for (const led of this.#given.partitions) {
      const { share, log } = led
      if (share === undefined || !share.canAcquire) continue
      const fetchOffset = share.nextFetchOffset
      candidates.push({
        led,
        fetchOffset,
        upTo: deliverableEnd(log, this.#given.settings.isolationLevel),
        isOutOfRange: fetchOffset < log.startOffset || fetchOffset > log.endOffset,
        isLookedAt: led.lookedAt === fetchOffset,
      })
    }
    return candidates
  }

  #isEnough(candidates: readonly Candidate[]): boolean {
    const maxBytes = this.#share(candidates)
    let bytes = 0
    for (const { led, fetchOffset, upTo, isOutOfRange } of candidates) {
      if (isOutOfRange) return true
      if (fetchOffset >= upTo) {
        // Behind the last stable offset, after the group went over to read_committed: Kafka takes that for an older segment. It
        // goes by where the batch begins that holds the offset.
        if (fetchOffset > upTo && beginningOfBatch(led.log, fetchOffset) > upTo) return true
        continue
      }
      const available = led.log.bytesAvailable({ fromOffset: fetchOffset, upTo, enough: maxBytes })
      bytes += Math.min(available, maxBytes)
    }
    return bytes >= Math.min(this.#given.minBytes, this.#given.maxBytes)
  }

  /** How many bytes each partition may give; one that may give some is enough for MinBytes. */
  #share(candidates: readonly Candidate[]): number {
    return Math.max(1, Math.floor(this.#given.maxBytes / Math.max(1, candidates.length)))
  }

  /** @param reads the candidates of each read, in the order in which they are served */
  #take(reads: readonly (readonly Candidate[])[], maxBytes: number): void {
    if (this.#isOver) return
    this.#isOver = true
    try {
      this.#takeInTurn(reads, maxBytes)
    } catch (error) {
      if (!(error instanceof AcquisitionFailure)) throw error
      this.#hasFailed = true
      for (const { led } of reads.flat()) this.#results.set(led, nothing)
    }
  }

  #takeInTurn(reads: readonly (readonly Candidate[])[], maxBytes: number): void {
    let recordsLeft = this.#given.maxRecords
    for (const candidates of reads) {
      let bytesLeft = this.#given.maxBytes
      let mayExceed = true
      for (const candidate of candidates) {
        this.#results.set(candidate.led, nothing)
        const limit = Math.min(maxBytes, bytesLeft)
        const batches = this.#read(candidate, limit, recordsLeft)
        if (batches.length === 0) continue
        const size = batches.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
        if (size > limit && !mayExceed) continue
        mayExceed = false
        bytesLeft = Math.max(0, bytesLeft - size)
        if (recordsLeft <= 0) continue
        const fetched = this.#acquire(candidate, batches, recordsLeft)
        this.#results.set(candidate.led, fetched)
        for (const { firstOffset, lastOffset } of fetched.acquired) recordsLeft -= lastOffset - firstOffset + 1
      }
    }
  }

  /** Only as many batches as can be acquired from: those that begin within the next records wanted. */
  #read(candidate: Candidate, maxBytes: number, recordsLeft: number): readonly LogBatch[] {
    const { fetchOffset, upTo, isOutOfRange } = candidate
    const { share, log } = candidate.led
    // The client is told nothing: it asks again, and finds what there is.
    if (isOutOfRange) share?.logStartMoved(log.startOffset)
    if (isOutOfRange || share === undefined || fetchOffset >= upTo) return []
    const wanted = Math.max(1, Math.min(recordsLeft, this.#given.settings.partitionMaxRecordLocks))
    const newFrom = Math.max(fetchOffset, share.endOffset + 1)
    const batches = log.read({ fromOffset: fetchOffset, maxBytes, upTo: Math.min(upTo, newFrom + wanted) })
    if (batches.length > 0 && (batches[0]?.baseOffset ?? 0) <= fetchOffset) return batches
    // The log has a hole there (compaction): count from what follows it.
    const next = log.read({ fromOffset: fetchOffset, maxBytes: 1, upTo })[0]
    if (next === undefined) return []
    return log.read({
      fromOffset: next.baseOffset,
      maxBytes,
      upTo: Math.min(upTo, Math.max(newFrom, next.baseOffset) + wanted),
    })
  }

  #acquire(candidate: Candidate, batches: readonly LogBatch[], maxRecords: number): FetchedRecords {
    const { memberId, mode, batchSize, settings } = this.#given
    const { share, log } = candidate.led
    const first = batches[0]
    const last = batches.at(-1)
    if (share === undefined || first === undefined || last === undefined) return nothing
    const acquired = share.acquire({
      memberId,
      mode,
      maxRecords,
      batchSize: Math.max(1, batchSize),
      batches,
      fetchOffset: candidate.fetchOffset,
      abortedTransactions:
        settings.isolationLevel === 'read_committed'
          ? log.abortedTransactions(first.baseOffset, last.lastOffset + 1)
          : [],
      producerOf: (batch) => batch as LogBatch,
    })
    const from = acquired[0]?.firstOffset
    const to = acquired.at(-1)?.lastOffset
    if (from === undefined || to === undefined) return nothing
    return { records: bytesBetween(batches, from, to), acquired }
  }
}

function beginningOfBatch(log: LedSharePartition['log'], offset: number): number {
  return log.read({ fromOffset: offset, maxBytes: 1, upTo: log.endOffset })[0]?.baseOffset ?? offset
}

/** From the batch that holds `from` to the one that holds `to`. */
function bytesBetween(batches: readonly LogBatch[], from: number, to: number): Buffer {
  const chosen = batches.filter(({ baseOffset, lastOffset }) => lastOffset >= from && baseOffset <= to)
  const only = chosen[0]
  if (only !== undefined && chosen.length === 1) return only.bytes
  return Buffer.concat(chosen.map(({ bytes }) => bytes))
}

import { ErrorCode, type Uuid } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { PartitionLog } from '../log/partition-log.js'
import type { Surroundings } from '../surroundings.js'
import {
  isEpochExhausted,
  newTransaction,
  partitionKey,
  type TransactionEntry,
  type TransactionPartition,
} from './transaction.js'

/*
 * Producer ids and transactions: who may write under which epoch, and which partitions a transaction has touched. The rules:
 * 1. A transactional id has one producer id; whoever initialises it anew gets a higher epoch, and the one before is fenced.
 * 2. A transaction that is open at that moment is aborted first; the asker is told CONCURRENT_TRANSACTIONS and asks again.
 * 3. Since EndTxn 5 (KIP-890) every end raises the epoch, and the markers carry the raised one; a repeated request is known by it.
 * 4. Markers are written before EndTxn is answered. In Kafka they follow a moment later.
 * 5. A transaction that is open longer than its timeout is aborted, and its producer fenced.
 */

/** What identifies a producer in a request. */
export interface ProducerIdentity {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** A transaction was decided. */
export interface TransactionEnd {
  readonly transactionalId: string
  readonly producerId: number
  /** The epoch that the transaction was written under. */
  readonly producerEpoch: number
  readonly committed: boolean
  /** The groups whose offsets were part of it. */
  readonly groups: readonly string[]
}

export interface TransactionCoordinatorParts {
  /** transaction.max.timeout.ms */
  readonly maxTimeoutMs: () => number
  /** transactional.id.expiration.ms */
  readonly idExpirationMs: () => number
  /** The log of a partition and its leader's epoch; undefined when it was deleted. */
  readonly logOf: (
    topicId: Uuid,
    partition: number,
  ) => { readonly log: PartitionLog; readonly leaderEpoch: number } | undefined
}

/** The outcome of InitProducerId and EndTxn. */
export interface ProducerIdResult {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

const EXPIRATION_CHECK_MS = 3_600_000
const COORDINATOR_EPOCH = 0

/** Remembered at once; more only while all of them have open transactions, which end by themselves. */
const MAX_TRANSACTIONAL_IDS = 10_000

export class TransactionCoordinator {
  readonly #surroundings: Surroundings
  readonly #parts: TransactionCoordinatorParts
  readonly #transactions = new Map<string, TransactionEntry>()
  readonly #listeners = new Set<(end: TransactionEnd) => void>()
  #nextProducerId = 0
  #expirationTimer: Timer | undefined

  constructor(surroundings: Surroundings, parts: TransactionCoordinatorParts) {
    this.#surroundings = surroundings
    this.#parts = parts
  }

  /** Hears of every transaction that is decided, after its markers were written. Returns how to stop that. */
  onTransactionEnd(listener: (end: TransactionEnd) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** An id for a producer that numbers its batches without transactions. */
  newProducerId(): ProducerIdResult {
    return { errorCode: ErrorCode.NONE, producerId: this.#nextProducerId++, producerEpoch: 0 }
  }

  /**
   * A producer with a transactional id comes up, or goes on after an error (`expected`: the id and epoch it had, KIP-360).
   */
  initialise(request: {
    readonly transactionalId: string
    readonly timeoutMs: number
    readonly expected?: { readonly producerId: number; readonly producerEpoch: number }
  }): ProducerIdResult {
    const { transactionalId, timeoutMs, expected } = request
    if (transactionalId === '') return failed(ErrorCode.INVALID_REQUEST)
    if (timeoutMs <= 0 || timeoutMs > this.#parts.maxTimeoutMs()) return failed(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    const entry = this.#entryFor(transactionalId)
    if (expected !== undefined && !isOwn(entry, expected)) return failed(ErrorCode.PRODUCER_FENCED)
    if (entry.state === 'ongoing') {
      this.#fence(entry, `A producer came up anew under the transactional id ${transactionalId}`)
      return failed(ErrorCode.CONCURRENT_TRANSACTIONS)
    }
    const isRepeated =
      expected !== undefined && entry.producerEpoch >= 0 && expected.producerEpoch !== entry.producerEpoch
    if (isRepeated && expected.producerEpoch !== entry.lastEpoch) return failed(ErrorCode.PRODUCER_FENCED)
    if (!isRepeated) {
      this.#raiseEpoch(entry)
      if (expected === undefined) entry.lastEpoch = -1
    }
    entry.state = 'empty'
    entry.timeoutMs = timeoutMs
    this.#touched(entry)
    return granted(entry)
  }

  /** Adds partitions to a transaction, which it opens where none is open. */
  addPartitions(producer: ProducerIdentity, partitions: readonly TransactionPartition[]): number {
    const entry = this.#checked(producer)
    if (typeof entry === 'number') return entry
    if (partitions.length === 0) return ErrorCode.NONE
    this.#open(entry)
    for (const each of partitions) entry.partitions.set(partitionKey(each), each)
    return ErrorCode.NONE
  }

  /** Whether a partition is part of the open transaction: 0, TRANSACTION_ABORTABLE when it is not, or what is wrong. */
  verifyPartition(producer: ProducerIdentity, partition: TransactionPartition): number {
    const entry = this.#checked(producer)
    if (typeof entry === 'number') return entry
    const isPart = entry.state === 'ongoing' && entry.partitions.has(partitionKey(partition))
    return isPart ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE
  }

  /** The offsets of this group become part of the transaction, which it opens where none is open (AddOffsetsToTxn). */
  addOffsets(producer: ProducerIdentity, groupId: string): number {
    const entry = this.#checked(producer)
    if (typeof entry === 'number') return entry
    this.#open(entry)
    entry.groups.add(groupId)
    return ErrorCode.NONE
  }

  /**
   * Whether the offsets of this group are part of the open transaction (TxnOffsetCommit up to version 4): 0,
   * TRANSACTION_ABORTABLE when they are not, or what is wrong. From version 5 on `addOffsets` is to be asked instead.
   */
  verifyOffsets(producer: ProducerIdentity, groupId: string): number {
    const entry = this.#checked(producer)
    if (typeof entry === 'number') return entry
    return entry.state === 'ongoing' && entry.groups.has(groupId) ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE
  }

  /** Commits or aborts. `raisesEpoch`: as EndTxn does from version 5 on. */
  end(
    producer: ProducerIdentity,
    how: { readonly committed: boolean; readonly raisesEpoch: boolean },
  ): ProducerIdResult {
    const { committed, raisesEpoch } = how
    if (producer.transactionalId === '') return failed(ErrorCode.INVALID_REQUEST)
    const entry = this.#transactions.get(producer.transactionalId)
    if (entry === undefined) return failed(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    const wanted = committed ? 'committed' : 'aborted'
    if (raisesEpoch && isBefore(entry, producer)) {
      return entry.state === wanted ? granted(entry) : failed(ErrorCode.INVALID_TXN_STATE)
    }
    if (entry.producerId !== producer.producerId) return failed(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    if (entry.producerEpoch !== producer.producerEpoch) return failed(ErrorCode.PRODUCER_FENCED)
    if (entry.state === 'ongoing') {
      this.#decide(entry, { committed, raisesEpoch })
      return raisesEpoch ? granted(entry) : failed(ErrorCode.NONE)
    }
    if (raisesEpoch) {
      // A producer that failed before its first record may abort: nothing was written, but what is under way is fenced.
      if (committed) return failed(ErrorCode.INVALID_TXN_STATE)
      this.#decide(entry, { committed, raisesEpoch })
      return granted(entry)
    }
    return failed(entry.state === wanted ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE)
  }

  /** What an inspection shows. */
  inspect(): readonly {
    readonly transactionalId: string
    readonly producerId: number
    readonly producerEpoch: number
    readonly state: TransactionEntry['state']
  }[] {
    return [...this.#transactions.values()].map(({ transactionalId, producerId, producerEpoch, state }) => ({
      transactionalId,
      producerId,
      producerEpoch,
      state,
    }))
  }

  /** Frees timers. */
  close(): void {
    this.#expirationTimer?.cancel()
    for (const entry of this.#transactions.values()) entry.timer?.cancel()
    this.#transactions.clear()
  }

  #entryFor(transactionalId: string): TransactionEntry {
    let entry = this.#transactions.get(transactionalId)
    if (entry === undefined) {
      this.#makeRoom()
      entry = newTransaction(transactionalId, this.#nextProducerId++)
      this.#transactions.set(transactionalId, entry)
      this.#expirationTimer ??= this.#armExpiration()
    }
    return entry
  }

  /** Forgets the oldest transactional id that has no open transaction, as if it had expired, where there are too many. */
  #makeRoom(): void {
    if (this.#transactions.size < MAX_TRANSACTIONAL_IDS) return
    for (const [transactionalId, { state }] of this.#transactions) {
      if (state === 'ongoing') continue
      this.#surroundings.logger.warn(
        { transactionalId },
        `There are ${MAX_TRANSACTIONAL_IDS} transactional ids, the most that the embedded broker keeps: ${transactionalId} is forgotten.`,
      )
      this.#transactions.delete(transactionalId)
      return
    }
  }

  /** The entry of a producer that may act, or the error. */
  #checked(producer: ProducerIdentity): TransactionEntry | number {
    if (producer.transactionalId === '') return ErrorCode.INVALID_REQUEST
    const entry = this.#transactions.get(producer.transactionalId)
    if (entry === undefined || entry.producerId !== producer.producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
    return entry.producerEpoch === producer.producerEpoch ? entry : ErrorCode.PRODUCER_FENCED
  }

  #open(entry: TransactionEntry): void {
    if (entry.state === 'ongoing') return
    entry.state = 'ongoing'
    entry.timer = this.#surroundings.clock.setTimer(
      () => {
        entry.timer = undefined
        this.#fence(entry, `The transaction of ${entry.transactionalId} was open longer than ${entry.timeoutMs} ms`)
        this.#surroundings.changed()
      },
      entry.timeoutMs,
      { unref: true },
    )
    this.#touched(entry)
  }

  /** Aborts what is open, under an epoch that its producer does not have. */
  #fence(entry: TransactionEntry, why: string): void {
    this.#surroundings.logger.info(
      { transactionalId: entry.transactionalId, producerId: entry.producerId },
      `${why}: it is aborted, and its producer fenced`,
    )
    this.#decide(entry, { committed: false, raisesEpoch: true })
  }

  #decide(entry: TransactionEntry, how: { readonly committed: boolean; readonly raisesEpoch: boolean }): void {
    const { committed, raisesEpoch } = how
    const { producerId, producerEpoch } = entry
    entry.timer?.cancel()
    entry.timer = undefined
    const partitions = [...entry.partitions.values()]
    const groups = [...entry.groups]
    entry.partitions.clear()
    entry.groups.clear()
    if (raisesEpoch) this.#raiseEpoch(entry)
    entry.state = committed ? 'committed' : 'aborted'
    this.#touched(entry)
    const markerEpoch = raisesEpoch ? producerEpoch + 1 : producerEpoch
    for (const each of partitions) {
      const found = this.#parts.logOf(each.topicId, each.partition)
      found?.log.appendMarker(
        { producerId, producerEpoch: markerEpoch, committed, coordinatorEpoch: COORDINATOR_EPOCH },
        { leaderEpoch: found.leaderEpoch },
      )
    }
    const end: TransactionEnd = { transactionalId: entry.transactionalId, producerId, producerEpoch, committed, groups }
    for (const listener of this.#listeners) listener(end)
  }

  #raiseEpoch(entry: TransactionEntry): void {
    if (isEpochExhausted(entry.producerEpoch)) {
      entry.lastProducerId = entry.producerId
      entry.lastEpoch = entry.producerEpoch
      entry.producerId = this.#nextProducerId++
      entry.producerEpoch = 0
      return
    }
    entry.lastEpoch = entry.producerEpoch
    entry.producerEpoch += 1
  }

  #touched(entry: TransactionEntry): void {
    entry.updatedAtMs = this.#surroundings.clock.wallTime()
  }

  #armExpiration(): Timer {
    const { clock } = this.#surroundings
    return clock.setTimer(
      () => {
        const before = clock.wallTime() - this.#parts.idExpirationMs()
        for (const [id, entry] of this.#transactions) {
          if (entry.state !== 'ongoing' && entry.updatedAtMs < before) this.#transactions.delete(id)
        }
        this.#expirationTimer = this.#transactions.size === 0 ? undefined : this.#armExpiration()
      },
      EXPIRATION_CHECK_MS,
      { unref: true },
    )
  }
}

/** Whether a producer that goes on is the one that the id belongs to. */
function isOwn(
  entry: TransactionEntry,
  expected: { readonly producerId: number; readonly producerEpoch: number },
): boolean {
  return (
    entry.producerEpoch === -1 ||
    expected.producerId === entry.producerId ||
    (expected.producerId === entry.lastProducerId && isEpochExhausted(expected.producerEpoch))
  )
}

/** Whether the request was made under the epoch before the latest end: it may be one that is repeated. */
function isBefore(entry: TransactionEntry, producer: ProducerIdentity): boolean {
  if (entry.state !== 'committed' && entry.state !== 'aborted') return false
  const isSameId = producer.producerId === entry.producerId && producer.producerEpoch === entry.producerEpoch - 1
  return (
    isSameId ||
    (producer.producerId === entry.lastProducerId &&
      producer.producerEpoch === entry.lastEpoch &&
      entry.producerEpoch === 0)
  )
}

function failed(errorCode: number): ProducerIdResult {
  return { errorCode, producerId: -1, producerEpoch: -1 }
}

function granted({ producerId, producerEpoch }: TransactionEntry): ProducerIdResult {
  return { errorCode: ErrorCode.NONE, producerId, producerEpoch }
}

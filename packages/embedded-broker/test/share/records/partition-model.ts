import { ErrorCode } from '@milena/protocol'
import { ACCEPT, RELEASE, RENEW } from './partition-bench.js'

export type ModelState = 'AVAILABLE' | 'ACQUIRED' | 'ACKNOWLEDGED' | 'ARCHIVED'

interface ModelRecord {
  state: ModelState
  count: number
  member?: string
  deadline?: number
}

export interface ModelAnswer {
  readonly first: number
  readonly last: number
  readonly types: readonly number[]
}

const isFinished = ({ state }: ModelRecord): boolean => state === 'ACKNOWLEDGED' || state === 'ARCHIVED'

/**
 * A share partition as the specification tells it, one object for each offset and no thought of speed. It knows no tracked
 * batches: what of a fetch is left to them (how far a batch-optimised one goes) it checks instead of foretelling.
 */
export class PartitionModel {
  readonly records = new Map<number, ModelRecord>()
  start = 0
  /** The last offset that was ever tracked. */
  end = -1
  now = 0
  limit = 5
  lockMs = 30_000
  maxLocks = 2_000

  /** What may be taken, in order: available ones, then those that the log has behind all that is tracked. */
  candidates(logEnd: number, withNew: boolean): number[] {
    const offsets = [...this.records.keys()].filter((offset) => {
      return offset >= this.start && this.records.get(offset)?.state === 'AVAILABLE'
    })
    offsets.sort((a, b) => a - b)
    if (withNew) for (let offset = Math.max(this.end + 1, this.start); offset < logEnd; offset++) offsets.push(offset)
    return offsets
  }

  get nextFetchOffset(): number {
    return this.candidates(0, false)[0] ?? Math.max(this.end + 1, this.start)
  }

  /** How many may be taken at least, if there are so many. */
  room(maxRecords: number): { readonly records: number; readonly withNew: boolean } {
    const used = this.records.size === 0 ? 0 : this.end - this.start + 1
    const free = Math.min(maxRecords, this.maxLocks - used)
    if (free > 0) return { records: free, withNew: true }
    return { records: Math.min(maxRecords, this.end - this.nextFetchOffset + 1), withNew: false }
  }

  /** @returns the delivery count that the member is to be told */
  acquire(offset: number, member: string): number {
    const count = (this.records.get(offset)?.count ?? 0) + 1
    this.records.set(offset, { state: 'ACQUIRED', count, member, deadline: this.now + this.lockMs })
    this.end = Math.max(this.end, offset)
    return count
  }

  /** The rest of a log batch that was cut. */
  track(upTo: number): void {
    for (let offset = this.end + 1; offset <= upTo; offset++) this.records.set(offset, { state: 'AVAILABLE', count: 0 })
    this.end = Math.max(this.end, upTo)
  }

  /** @returns the error code */
  acknowledge(member: string, answers: readonly ModelAnswer[], writeError: number): number {
    const before = new Map<number, ModelRecord>()
    let code = 0
    for (const answer of answers) {
      code = this.#answer(member, answer, before)
      if (code !== 0) break
    }
    if (code === 0 && before.size > 0) code = writeError
    if (code !== 0) for (const [offset, record] of before) this.records.set(offset, record)
    else if (before.size > 0) this.#advance()
    return code
  }

  #answer(member: string, { first, last, types }: ModelAnswer, before: Map<number, ModelRecord>): number {
    if (last < this.start) return 0
    if (this.records.size === 0) {
      return first < this.start ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_RECORD_STATE
    }
    if (last > this.end) return ErrorCode.INVALID_REQUEST
    for (let offset = Math.max(first, this.start); offset <= last; offset++) {
      const record = this.records.get(offset)
      if (record?.state !== 'ACQUIRED' || record.member !== member) return ErrorCode.INVALID_RECORD_STATE
      const type = types.length === 1 ? types[0] : types[offset - first]
      if (type === RENEW) {
        record.deadline = this.now + this.lockMs
        continue
      }
      before.set(offset, { ...record })
      if (type === ACCEPT) this.#end(record, 'ACKNOWLEDGED')
      else if (type === RELEASE) this.#giveBack(record)
      else this.#end(record, 'ARCHIVED')
    }
    return 0
  }

  releaseMember(member: string, writeFails: boolean): void {
    if (!writeFails) this.#giveBackWhere((record) => record.member === member)
  }

  advanceTime(ms: number): void {
    const target = this.now + ms
    for (;;) {
      const deadlines = [...this.records.values()].map((record) => record.deadline ?? Infinity)
      const next = Math.min(...deadlines)
      if (next > target) break
      this.now = next
      this.#giveBackWhere((record) => record.deadline === next)
    }
    this.now = target
  }

  logStartMoved(to: number): void {
    if (to <= this.start) return
    this.start = to
    for (const [offset, { state }] of this.records) if (offset < to && state !== 'ACQUIRED') this.records.delete(offset)
    if (this.records.size === 0) this.end = to - 1
  }

  get finishedCount(): number {
    return [...this.records.entries()].filter(([offset, record]) => offset >= this.start && isFinished(record)).length
  }

  #giveBackWhere(isMeant: (record: ModelRecord) => boolean): void {
    let any = false
    for (const [offset, record] of this.records) {
      if (record.state !== 'ACQUIRED' || !isMeant(record)) continue
      any = true
      if (offset < this.start) this.records.delete(offset)
      else this.#giveBack(record)
    }
    if (any) this.#advance()
  }

  #giveBack(record: ModelRecord): void {
    this.#end(record, record.count >= this.limit ? 'ARCHIVED' : 'AVAILABLE')
  }

  #end(record: ModelRecord, state: ModelState): void {
    record.state = state
    delete record.member
    delete record.deadline
  }

  #advance(): void {
    // What is still acquired below the start holds it.
    if ([...this.records.keys()].some((offset) => offset < this.start)) return
    for (let record = this.records.get(this.start); record !== undefined && isFinished(record);) {
      this.records.delete(this.start)
      this.start++
      record = this.records.get(this.start)
    }
  }
}

import { AckCode } from './acknowledge-type.js'
import type { AcquiredRange } from './acquired-range.js'
import { ConsumerRecord } from './consumer-record.js'
import { cover, failedPart, type Handout, type LateRecord, type LedgerSpan, type TakenBatch } from './handout.js'
import { RecordDeserializationFailure } from './record-failure.js'

// A hand-out whose deserialisers returned promises. Its records are acquired and with nobody: it waits for the promises, and then
// for somebody to take it, who is free to go away meanwhile.

type Settable<T> = { -readonly [P in keyof T]: T[P] }

export class LateHandout<K, V> {
  readonly #records: readonly ConsumerRecord<K, V>[]
  readonly #failures: RecordDeserializationFailure[]
  readonly #failed = new Set<ConsumerRecord<K, V>>()
  /** Resolves, and never rejects, when every promise is settled. */
  readonly finished: Promise<void>
  #isFinished = false

  constructor({ batch: { records, failures }, late }: Pick<Handout<K, V>, 'batch' | 'late'>) {
    this.#records = records
    this.#failures = [...failures]
    this.finished = Promise.all(late.map((each) => this.#settle(each))).then(() => {
      this.#isFinished = true
    })
  }

  get isFinished(): boolean {
    return this.#isFinished
  }

  /** How many records it holds, undecodable ones included. */
  get size(): number {
    return this.#records.length - this.#failed.size + this.#failures.length
  }

  /** What may be handed out of it; `isHeld`: the record was neither answered nor lost meanwhile. */
  batch(isHeld: (range: AcquiredRange, index: number) => boolean): TakenBatch<K, V> {
    const records: ConsumerRecord<K, V>[] = []
    const spans: LedgerSpan[] = []
    for (const record of this.#records) {
      if (this.#failed.has(record)) continue
      const { range, index } = placeOf(record)
      if (!isHeld(range, index)) continue
      records.push(record)
      cover(spans, range, index)
    }
    const failures = this.#failures.filter((failure) => {
      const { range, index } = placeOf(failure)
      return isHeld(range, index)
    })
    return { records, failures, spans }
  }

  /** RELEASEs what is not answered. */
  release(): void {
    for (const each of [...this.#records, ...this.#failures]) {
      const { range, index } = placeOf(each)
      if (range.holder.live) range.answerOpen(AckCode.RELEASE, index, index + 1)
    }
  }

  async #settle({ record, rawKey, rawValue }: LateRecord<K, V>): Promise<void> {
    const settable: Settable<ConsumerRecord<K, V>> = record
    // Both are awaited whatever becomes of the first, so that no rejection is left unhandled.
    const [key, value] = await Promise.allSettled([record.key, record.value])
    if (key.status === 'fulfilled' && value.status === 'fulfilled') {
      settable.key = key.value
      settable.value = value.value
      return
    }
    this.#failed.add(record)
    const of = { offset: record.offset, rawKey, rawValue, range: ConsumerRecord.rangeOf(record) }
    if (key.status === 'rejected') this.#failures.push(failedPart({ part: 'key', ...of }, key.reason))
    else if (value.status === 'rejected') this.#failures.push(failedPart({ part: 'value', ...of }, value.reason))
  }
}

function placeOf(of: ConsumerRecord<unknown, unknown> | RecordDeserializationFailure): {
  readonly range: AcquiredRange
  readonly index: number
} {
  const range =
    of instanceof RecordDeserializationFailure ? RecordDeserializationFailure.rangeOf(of) : ConsumerRecord.rangeOf(of)
  return { range, index: of.offset - range.firstOffset }
}

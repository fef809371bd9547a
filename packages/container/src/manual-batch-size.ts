// How many records make a batch in MANUAL mode with Spring's batch rule. Pure.
//
// Rules kept here
// - What counts is how fast listener calls return, not how fast records are answered: a listener that hands its records to somebody
//   else may well want them all before it answers the first. The client's own sizing counts answers, and would give it one.
// - A slow listener gets few at once: what is handed out cannot be given back, and its lock is renewed for a limited time only.

const FIRST_RECORDS = 16
const MAX_RECORDS = 2_000
/** A batch is started within this time. */
const START_WITHIN_MS = 250

export class ManualBatchSize {
  #records = FIRST_RECORDS

  /** How many records the next batch has at most. */
  get records(): number {
    return this.#records
  }

  /** All listener calls of a batch have returned, in this time. */
  started(records: number, tookMs: number): void {
    if (records === 0) return
    const startable = Math.floor(START_WITHIN_MS / Math.max(tookMs / records, 1e-6))
    // A batch that was not full tells that the listener is quick, and not that it wants more.
    const wanted = records < this.#records ? this.#records : 2 * this.#records
    this.#records = Math.max(1, Math.min(startable, wanted, MAX_RECORDS))
  }
}

// How many records to ask for. Pure: it is told what the listener does and how long that took.
//
// Rules kept here
// - Each acquisition costs a record one of the group's delivery attempts and locks it for this member, so nothing is
//   fetched that cannot be started soon: within half the lock, and within READ_AHEAD_MS.
// - An unknown application starts small; one that keeps up is given twice as much each time, up to MAX_RECORDS. A slow one
//   gets what it can start and, by the acquire mode, not a record more.

export interface FetchSizing {
  /** Ask for exactly this many per fetch; undefined: sized by what the listener does. */
  readonly fixedRecords?: number | undefined
  /** Records acquired beyond what is handed out; 'auto' is as many as one fetch asks for. */
  readonly prefetch: number | 'auto'
}

const FIRST_RECORDS = 16
const MAX_RECORDS = 2_000
/** Long enough to hide a fetch (some 5 ms) many times over; short, for the sake of the other members of the group. */
const READ_AHEAD_MS = 250
/** The weight of the newest measurement. */
const NEWEST = 0.3

export class FetchSizer {
  readonly #sizing: FetchSizing
  #perRecordMs: number | undefined
  /** How many can be started soon. Nothing is fetched ahead before the application was seen at work. */
  #startable = 0
  #records = FIRST_RECORDS

  constructor(sizing: FetchSizing) {
    this.#sizing = sizing
  }

  /** The application came back for more, `elapsedMs` after it was given `records`. */
  worked(records: number, elapsedMs: number, lockMs: number): void {
    if (records === 0) return
    const perRecordMs = elapsedMs / records
    this.#perRecordMs =
      this.#perRecordMs === undefined ? perRecordMs : this.#perRecordMs * (1 - NEWEST) + perRecordMs * NEWEST
    this.#startable = Math.floor(Math.min(READ_AHEAD_MS, lockMs / 2) / Math.max(this.#perRecordMs, 1e-6))
    this.#records = Math.max(1, Math.min(MAX_RECORDS, this.#records * 2, this.#startable))
  }

  /** How many one fetch asks for. */
  get fetchRecords(): number {
    return this.#sizing.fixedRecords ?? this.#records
  }

  /**
   * Whether a fetch should acquire no more than it asks for. Left to itself the broker acquires whole record batches, which
   * may be many times more; only an application that keeps up can have those.
   */
  get exact(): boolean {
    return this.#sizing.fixedRecords === undefined && this.#records < MAX_RECORDS
  }

  /** How many to ask for now; 0: there is enough. `waiting`: the application has nothing to do. */
  recordsToFetch(buffered: number, waiting: boolean): number {
    const size = this.fetchRecords
    if (waiting && buffered === 0) return size
    const { prefetch } = this.#sizing
    if (prefetch !== 'auto') return buffered < prefetch ? Math.min(size, prefetch - buffered) : 0
    return size <= this.#startable && buffered <= size / 2 ? size : 0
  }
}

// How many records to ask for, and to hand out at once. Pure: it is told what the application does and how long that took.
//
// Rules kept here
// - Each acquisition costs a record one of the group's delivery attempts and locks it for this member, so nothing is
//   fetched that cannot be started soon: within half the lock, and within READ_AHEAD_MS.
// - An unknown application starts small; one that keeps up is given twice as much each time, up to MAX_RECORDS. A slow one
//   gets what it can start and, by the acquire mode, not a record more.
// - Where locks are looked after, what cannot be started yet stays behind in the buffer, from where it can still be given back:
//   an unknown application is handed one record at first. A number that was set is then asked for as long as so many can be
//   started within the time for which the lock keeper would keep them.
// - After it stood still, when what had been fetched for it went back unseen, an application begins with one record again, whatever
//   number was set, and is given twice as much each time, as far as its pace allows that; this ends at the number that was set, however
//   slow it is. Not even that while what came lately was delivered OFTEN times: each record that goes back unseen once more is one
//   delivery nearer to its end.

export interface FetchSizing {
  /** Ask for exactly this many per fetch; undefined: sized by what the listener does. */
  readonly fixedRecords?: number | undefined
  /** Records acquired beyond what is handed out; 'auto' is as many as one fetch asks for. */
  readonly prefetch: number | 'auto'
}

/** What a decision to fetch looks at. */
export interface FetchSituation {
  /** Acquired, and not handed out. */
  readonly buffered: number
  /** The application has nothing to do, or room for `free` records more. */
  readonly waiting: boolean
  /** How many records could be handed out at once; 0: not known. */
  readonly free?: number
  /** What is handed out is begun one by one, and answered as a whole. */
  readonly inBatches?: boolean
  /** Records that are handed out, and worked on before anything else is begun. */
  readonly ahead?: number
  /** Milliseconds per record, as slow as it looks at the moment. */
  readonly slowestMs?: number
}

const FIRST_RECORDS = 16
const MAX_RECORDS = 2_000
/** Long enough to hide a fetch (some 5 ms) many times over; short, for the sake of the other members of the group. */
const READ_AHEAD_MS = 250
/** What will be started within this time, or within the lock if that is longer, is kept rather than given back. */
const KEEP_MS = 30_000
const USUAL_LOCK_MS = 30_000
/** Deliveries of a record that had two before. */
const OFTEN = 3

/** For how long acquired records may wait their turn where their locks are renewed. */
export function keepForMs(lockMs: number): number {
  return Math.max(lockMs, KEEP_MS)
}

export class FetchSizer {
  readonly #sizing: FetchSizing
  /** Locks are looked after, and hand-outs cut to what is started soon. */
  careful = false
  #perRecordMs: number | undefined
  #lockMs = USUAL_LOCK_MS
  #records = FIRST_RECORDS
  /** It stood still, and may have so many by now; undefined: as many as its pace allows. */
  #regained: number | undefined
  /** What came lately was delivered so often, at most. */
  #deliveries = 1

  constructor(sizing: FetchSizing) {
    this.#sizing = sizing
  }

  /** The application has answered some records, and needs `perRecordMs` for each. */
  worked(perRecordMs: number, lockMs: number): void {
    this.#perRecordMs = perRecordMs
    this.#lockMs = lockMs
    this.#records = Math.max(1, Math.min(MAX_RECORDS, this.#records * 2, this.#startable(perRecordMs)))
    if (this.#regained === undefined || this.#deliveries >= OFTEN) return
    this.#regained *= 2
    if (this.#regained >= (this.#sizing.fixedRecords ?? MAX_RECORDS)) this.#regained = undefined
  }

  /** An answer brought records, delivered so often at most. What earlier ones brought may still be there, or come again. */
  received(deliveries: number): void {
    this.#deliveries = Math.max(deliveries, this.#deliveries - 1)
  }

  /** The application stood still; or nothing is known of it but that the one before it did. */
  stood(): void {
    this.#regained = 1
  }

  /** It stood still, and has not been given twice as much often enough since. */
  get regaining(): boolean {
    return this.#regained !== undefined
  }

  /** How many one fetch asks for. */
  get fetchRecords(): number {
    return Math.min(this.#recordsByPace, this.#regained ?? Infinity)
  }

  /** The same for an application that never stood still. */
  get #recordsByPace(): number {
    const { fixedRecords } = this.#sizing
    if (fixedRecords === undefined) return this.#records
    if (!this.careful || this.#perRecordMs === undefined) return fixedRecords
    return Math.max(1, Math.min(fixedRecords, startedWithin(keepForMs(this.#lockMs), this.#perRecordMs)))
  }

  /** How many to hand out at once, cutting ranges if need be; undefined: whole ranges, as many as a fetch asks for. */
  get handOutRecords(): number | undefined {
    if (!this.careful) return undefined
    if (this.#perRecordMs === undefined) return 1
    const startable = this.#startable(this.#perRecordMs)
    return startable >= (this.#sizing.fixedRecords ?? MAX_RECORDS) ? undefined : Math.max(1, startable)
  }

  /**
   * Whether a fetch should acquire no more than it asks for. Left to itself the broker acquires whole record batches, which
   * may be many times more; only an application that keeps up can have those.
   */
  get exact(): boolean {
    const { fixedRecords } = this.#sizing
    return fixedRecords === undefined ? this.fetchRecords < MAX_RECORDS : this.fetchRecords < fixedRecords
  }

  /** How many to ask for now; 0: there is enough. */
  recordsToFetch({ buffered, waiting, free = 0, inBatches = false, ahead = 0, slowestMs = 0 }: FetchSituation): number {
    const size = this.fetchRecords
    if (waiting && buffered === 0) {
      const { fixedRecords } = this.#sizing
      const room = Math.min(free, fixedRecords ?? MAX_RECORDS)
      if (this.regaining) return room > 0 && !inBatches ? room : size
      // What there is room for can be started at once; beyond that nothing is known of an unknown application.
      const known = this.#perRecordMs !== undefined || fixedRecords !== undefined
      return room > 0 && !known ? room : Math.max(size, room)
    }
    const { prefetch } = this.#sizing
    if (this.regaining && this.#deliveries >= OFTEN) return 0
    if (prefetch !== 'auto') {
      // What the lock keeper gave back because it takes too long is not to come back at once: it counts by the same measure.
      const slowest = Math.max(this.#perRecordMs ?? 0, slowestMs)
      const kept = this.careful ? startedWithin(keepForMs(this.#lockMs), slowest) - ahead : Infinity
      return Math.max(0, Math.min(size, Math.min(prefetch, kept) - buffered))
    }
    if (this.#perRecordMs === undefined || buffered > size / 2) return 0
    return size <= this.#startable(Math.max(this.#perRecordMs, slowestMs)) ? size : 0
  }

  /** How many can be started soon. */
  #startable(perRecordMs: number): number {
    return startedWithin(Math.min(READ_AHEAD_MS, this.#lockMs / 2), perRecordMs)
  }
}

function startedWithin(ms: number, perRecordMs: number): number {
  return Math.floor(ms / Math.max(perRecordMs, 1e-6))
}

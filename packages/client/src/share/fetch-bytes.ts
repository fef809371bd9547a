// How many bytes a fetch may bring. Pure.
//
// Rules kept here
// - No more is allowed than the records that are asked for are likely to take: a large allowance cost the broker about
//   twice the CPU per record, however few records it then acquired (docs/decisions/0009-fetch-sizing.md).
// - The limit is soft at the broker: a batch that is larger comes all the same, and the next limit knows it.

/** Small enough to cost little, and large enough for most fetches before the records' size is known. */
const LEAST_BYTES = 1_048_576
/** Room for records that are larger than the average. */
const HEADROOM = 1.25
/** The weight of the newest answer. */
const NEWEST = 0.3

export class FetchBytes {
  readonly #limit: number
  #perRecord: number | undefined

  /** @param limit the user's fetchMaxBytes, never exceeded */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** An answer brought `records` acquired records in `bytes` bytes. */
  received(records: number, bytes: number): void {
    if (records === 0) return
    const perRecord = bytes / records
    this.#perRecord = this.#perRecord === undefined ? perRecord : this.#perRecord * (1 - NEWEST) + perRecord * NEWEST
  }

  /** The limit for a fetch of `records` records; the broker divides it evenly among the `partitions` of the session. */
  maxBytes(records: number, partitions: number): number {
    const likely = records * (this.#perRecord ?? 0) * HEADROOM * Math.max(1, partitions)
    return Math.min(this.#limit, Math.max(LEAST_BYTES, Math.ceil(likely)))
  }
}

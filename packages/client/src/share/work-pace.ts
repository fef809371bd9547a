// How fast the application works off what it is given. Pure: it is told the time, and how many records are outstanding.
//
// Rules kept here
// - What counts is records answered, over the time in which the application had enough to do: while it waits for records it
//   shows nothing.
// - An application that has answered nothing since it was given records is at least as slow as that time tells.

/** The weight of the newest measurement. */
const NEWEST = 0.3

export class WorkPace {
  #perRecordMs: number | undefined
  /** Since when the application has been at work without a measurement; undefined: it waits, or was never given anything. */
  #since: number | undefined
  /** How many records were outstanding then, with those handed out later. */
  #outstanding = 0

  /** Milliseconds per record; undefined: not known yet. */
  get perRecordMs(): number | undefined {
    return this.#perRecordMs
  }

  /** `records` were handed out, and `outstanding` are so in all. */
  handedOut(now: number, records: number, outstanding: number): void {
    if (this.#since === undefined) {
      this.#since = now
      this.#outstanding = outstanding
    } else this.#outstanding += records
  }

  /** The application comes for more; how many records it has answered since it was last measured. */
  measure(now: number, outstanding: number): number {
    const answered = this.#outstanding - outstanding
    if (this.#since === undefined || answered <= 0) return 0
    const perRecordMs = (now - this.#since) / answered
    this.#since = undefined
    this.#perRecordMs =
      this.#perRecordMs === undefined ? perRecordMs : this.#perRecordMs * (1 - NEWEST) + perRecordMs * NEWEST
    return answered
  }

  /** The application waits for records, or what it had was lost: the time until it is given some again tells nothing. */
  idle(): void {
    this.#since = undefined
  }

  /** Milliseconds per record, as far as can be told now: at least as many as it has spent on what it has not answered. */
  slowestMs(now: number, outstanding: number): number {
    const known = this.#perRecordMs ?? 0
    if (this.#since === undefined) return known
    const answered = Math.max(0, this.#outstanding - outstanding)
    return Math.max(known, (now - this.#since) / (answered + 1))
  }
}

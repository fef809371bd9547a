// How fast the application works off what it is given. Pure: it is told the time, and how many records are outstanding.
//
// Rules kept here
// - What counts is records answered, over the time in which the application had enough to do: while it waits for records it
//   shows nothing.
// - An application that has answered nothing since it was given records is at least as slow as that time tells; so is one that has
//   answered nothing more since it was looked at, whatever it had answered before.
// - A lost record is not answered: what is measured while records are lost tells no pace, and the application still stands.

/** The weight of the newest measurement. */
const NEWEST = 0.3

export class WorkPace {
  #perRecordMs: number | undefined
  /** Since when the application has been at work without a measurement; undefined: it waits, or was never given anything. */
  #since: number | undefined
  /** How many records were outstanding then, with those handed out later. */
  #outstanding = 0
  /** How many were outstanding when it was looked at last. */
  #seen = 0
  /** When something was handed out or answered last, as far as was looked; undefined: it waits. */
  #movedAt: number | undefined
  /** Records were lost since it was measured. */
  #spoiled = false

  /** Milliseconds per record; undefined: not known yet. */
  get perRecordMs(): number | undefined {
    return this.#perRecordMs
  }

  /** `records` were handed out, and `outstanding` are so in all. */
  handedOut(now: number, records: number, outstanding: number): void {
    this.#movedAt = now
    this.#seen = outstanding
    if (this.#since === undefined) {
      this.#since = now
      this.#outstanding = outstanding
    } else this.#outstanding += records
  }

  /** The application comes for more; how many records it has answered since it was last measured. */
  measure(now: number, outstanding: number): number {
    this.#look(now, outstanding)
    if (this.#spoiled) this.#since = undefined
    this.#spoiled = false
    const answered = this.#outstanding - outstanding
    if (this.#since === undefined || answered <= 0) return 0
    const perRecordMs = (now - this.#since) / answered
    this.#since = undefined
    this.#perRecordMs =
      this.#perRecordMs === undefined ? perRecordMs : this.#perRecordMs * (1 - NEWEST) + perRecordMs * NEWEST
    return answered
  }

  /** The application waits for records: the time until it is given some again tells nothing. */
  idle(): void {
    this.#since = undefined
    this.#movedAt = undefined
    this.#spoiled = false
  }

  /** Records were lost; so many are outstanding now. */
  lost(outstanding: number): void {
    this.#seen = outstanding
    this.#spoiled = true
  }

  /** For how long nothing was handed out and nothing answered; 0 while it waits for records. */
  standsMs(now: number, outstanding: number): number {
    this.#look(now, outstanding)
    return this.#movedAt === undefined ? 0 : now - this.#movedAt
  }

  /** Milliseconds per record, as far as can be told now: at least as many as it has spent on what it has not answered. */
  slowestMs(now: number, outstanding: number): number {
    const slow = Math.max(this.#perRecordMs ?? 0, this.standsMs(now, outstanding))
    if (this.#since === undefined || this.#spoiled) return slow
    const answered = Math.max(0, this.#outstanding - outstanding)
    return Math.max(slow, (now - this.#since) / (answered + 1))
  }

  #look(now: number, outstanding: number): void {
    if (outstanding < this.#seen && this.#movedAt !== undefined) this.#movedAt = now
    this.#seen = outstanding
  }
}

// Which broker is asked for records next where one fetch may not bring more than the application asked for: with acquireMode
// 'record_limit' the brokers take turns (KIP-1206; specification, section 10.3). Several of them asked at once would each lock
// that many, to lie about until the next poll. No I/O, no clock.
//
// Rules kept here
// - At most one broker is asked at a time. When it has answered it is the turn of who has waited longest.
// - Only who has nothing else to do waits for a turn: one that does not come would hold up the others.

export class BrokerRotation {
  /** Who waits for a turn, longest first, and how to wake it. */
  readonly #waiting = new Map<number, () => void>()
  readonly #wanting = new Set<number>()
  #asked: number | undefined
  /** Whose turn it is. */
  #next: number | undefined

  /** Other brokers wait for this one to answer. */
  get isShared(): boolean {
    return this.#wanting.size > 1
  }

  /** Whether there is anything to fetch from this broker. */
  wants(nodeId: number, anything: boolean): void {
    if (anything) this.#wanting.add(nodeId)
    else this.#wanting.delete(nodeId)
  }

  /** Whether this broker may be asked now; if not, `wake` is called when it may. */
  mayAsk(nodeId: number, wake: () => void): boolean {
    if (this.#asked === undefined && (this.#next === undefined || this.#next === nodeId)) return true
    this.#waiting.set(nodeId, wake)
    return false
  }

  /** A broker is asked for records. */
  asked(nodeId: number): void {
    this.#waiting.delete(nodeId)
    this.#next = undefined
    this.#asked = nodeId
  }

  /** It has answered, or never will. */
  answered(nodeId: number): void {
    if (this.#asked !== nodeId) return
    this.#asked = undefined
    this.#handOver()
  }

  /** This broker is not asked now, though it may have been its turn. `waits`: for its turn, if it said so. */
  passes(nodeId: number, waits: boolean): void {
    if (!waits) this.#waiting.delete(nodeId)
    if (this.#next !== nodeId) return
    this.#next = undefined
    this.#handOver()
  }

  #handOver(): void {
    const [longest] = this.#waiting
    if (longest === undefined) return
    const [nodeId, wake] = longest
    this.#waiting.delete(nodeId)
    this.#next = nodeId
    wake()
  }
}

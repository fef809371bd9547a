/**
 * Those who wait until every answer given before they asked has the broker's verdict. A request takes all answers
 * there are, so it is enough to know whether a waiter's answers are in the request that is out.
 */
export class SettledWaiters {
  #waiters: { readonly resolve: () => void; inFlight: boolean }[] = []

  /** `inFlight`: all that is waited for is in the request that is out. */
  add(inFlight: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ resolve, inFlight })
    })
  }

  /** A request goes out with every answer given so far. */
  sending(): void {
    for (const waiter of this.#waiters) waiter.inFlight = true
  }

  /**
   * The request that was out has ended. `again`: some of its answers are to be sent again; `unsent`: something is left
   * to send. True when somebody still waits.
   */
  ended({ again, unsent }: { readonly again: boolean; readonly unsent: boolean }): boolean {
    const waiting = this.#waiters
    this.#waiters = []
    for (const waiter of waiting) {
      if (unsent && (again || !waiter.inFlight)) {
        waiter.inFlight = false
        this.#waiters.push(waiter)
      } else waiter.resolve()
    }
    return this.#waiters.length > 0
  }
}

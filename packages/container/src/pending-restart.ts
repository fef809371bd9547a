/** A start() that came while its container was stopping: it begins when that is over. */
export class PendingRestart {
  readonly started: Promise<void>
  #settle: (outcome: Promise<void>) => void = () => undefined

  constructor() {
    this.started = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  begin(start: () => Promise<void>): void {
    this.#settle(start())
  }

  cancel(cause: Error): void {
    this.#settle(Promise.reject(cause))
  }
}

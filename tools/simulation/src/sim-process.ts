import type { Clock, Timer, VirtualClock } from '@milena/protocol/runtime'
import type { Findings } from './findings.js'

interface ProcessTimer {
  readonly fn: () => void
  inner: Timer | undefined
}

/**
 * A client's operating-system process: its own timers over the one virtual clock. It can be frozen (SIGSTOP: time goes on, it does
 * not run, and all that fell due fires when it goes on) and killed (nothing of it ever runs again).
 */
export class SimProcess {
  readonly clock: Clock
  isDead = false
  isFrozen = false
  /** When it was last frozen or let go on, to tell waits that it slept through. */
  frozenLastAt = -1
  readonly #master: VirtualClock
  readonly #findings: Findings
  readonly #timers = new Set<ProcessTimer>()
  #late: (() => void)[] = []
  #isCatchingUp = false

  constructor(
    readonly name: string,
    master: VirtualClock,
    findings: Findings,
  ) {
    this.#master = master
    this.#findings = findings
    this.clock = {
      now: () => master.now(),
      wallTime: () => master.wallTime(),
      setTimer: (fn, delayMs) => this.#setTimer(fn, delayMs),
      immediate: (fn) => {
        master.immediate(() => this.run(fn))
      },
    }
  }

  /** Timers that are set and have not fired. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  /** Runs something in this process: now, when it goes on, or never. */
  run(fn: () => void): void {
    if (this.isDead) return
    if (this.isFrozen || this.#isCatchingUp) this.#late.push(fn)
    else this.#call(fn)
  }

  #call(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      this.#findings.broken('DEFECT', `something that was due in ${this.name} threw: ${stackOf(error)}`)
    }
  }

  /** What fell due meanwhile runs one after the other, and promises in between, as in Node. */
  #catchUp(): void {
    const fn = this.isFrozen ? undefined : this.#late.shift()
    this.#isCatchingUp = fn !== undefined
    if (fn === undefined) return
    this.#call(fn)
    this.#master.immediate(() => this.#catchUp())
  }

  /** The application's own waiting, which is not counted: after a stop it may still be at work. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.#master.setTimer(() => this.run(resolve), ms))
  }

  freeze(): void {
    if (this.isDead || this.isFrozen) return
    this.isFrozen = true
    this.frozenLastAt = this.#master.now()
  }

  thaw(): void {
    if (this.isDead || !this.isFrozen) return
    this.isFrozen = false
    this.frozenLastAt = this.#master.now()
    if (!this.#isCatchingUp) this.#catchUp()
  }

  kill(): void {
    if (this.isDead) return
    this.isDead = true
    for (const { inner } of this.#timers) inner?.cancel()
    this.#timers.clear()
    this.#late = []
  }

  #setTimer(fn: () => void, delayMs: number): Timer {
    const timer: ProcessTimer = { fn, inner: undefined }
    if (this.isDead || delayMs === Infinity) return { cancel: () => undefined }
    this.#timers.add(timer)
    timer.inner = this.#master.setTimer(
      () =>
        this.run(() => {
          // A timer that fell due while the process was frozen can still be taken back by one that fires before it.
          if (this.#timers.delete(timer)) fn()
        }),
      delayMs,
    )
    return {
      cancel: () => {
        this.#timers.delete(timer)
        timer.inner?.cancel()
      },
    }
  }
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

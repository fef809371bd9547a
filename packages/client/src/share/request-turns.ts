import type { Backoff } from '../cluster/backoff.js'
import type { AcquiredRecords } from './acquired-records.js'
import type { ShareSession } from './share-session.js'

// What a request manager sends next. No I/O, no clock: it is told the time.
//
// Rules kept here
// - Acknowledgements travel with a fetch where one is due. RELEASE and RENEW do not (a parked fetch is not woken by a
//   release, and a renewing fetch brings nothing), nor do those of partitions that are no longer fetched from.
// - They wait a little for company, unless somebody waits for their verdict, one is urgent, or nothing else is out.
// - An empty answer that came early is followed by a pause (no tight loop), which a due acknowledgement ends; an error by a
//   back-off, which nothing ends.

/** How long acknowledgements wait for company. */
const ACKNOWLEDGE_LINGER_MS = 10
/** The pause after an early answer with nothing. */
const EMPTY_FETCH_PAUSE_MS = 20

export type Turn =
  /** `answers`: the acknowledgements that go with it. */
  | { readonly do: 'fetch'; readonly records: number; readonly answers: 'all' | 'whole ranges' }
  | { readonly do: 'acknowledge' }
  /** Nothing is fetched from this broker any more, and nothing is out: its session ends. */
  | { readonly do: 'retire' }
  | { readonly do: 'wait'; readonly ms?: number }

/** What a decision looks at. */
export interface TurnSituation {
  readonly now: number
  readonly session: ShareSession
  readonly held: AcquiredRecords
  /** How many records the application wants. */
  readonly recordsToFetch: () => number
}

export class RequestTurns {
  readonly #backoff: Backoff
  readonly #fetchMaxWaitMs: number
  #awaited = false
  #urgent = false
  #answeredAt: number | undefined
  #pausedUntil = 0
  #fetchNotBefore = 0

  constructor(backoff: Backoff, fetchMaxWaitMs: number) {
    this.#backoff = backoff
    this.#fetchMaxWaitMs = fetchMaxWaitMs
  }

  /** Somebody waits for the verdicts of what is unsent. */
  get awaited(): boolean {
    return this.#awaited
  }

  /** Somebody waits for verdicts: what is unsent goes out at the next turn. */
  await(): void {
    this.#awaited = true
  }

  /** Some answer should go out by itself and at once. */
  urge(): void {
    this.#urgent = true
  }

  /** Every answer is in a request. */
  answersSent(): void {
    this.#awaited = false
    this.#urgent = false
    this.#answeredAt = undefined
  }

  /** A fetch was answered. */
  fetched({ empty, sentAt, now }: { readonly empty: boolean; readonly sentAt: number; readonly now: number }): void {
    const early = now - sentAt < Math.max(this.#fetchMaxWaitMs / 2, EMPTY_FETCH_PAUSE_MS)
    if (empty && early) this.#fetchNotBefore = now + EMPTY_FETCH_PAUSE_MS
  }

  /** Something went wrong: the next turn comes after a back-off. */
  pause(now: number): void {
    this.#pausedUntil = now + this.#backoff.next()
  }

  /** Something went right. */
  succeeded(): void {
    this.#backoff.reset()
  }

  decide({ now, session, held, recordsToFetch }: TurnSituation): Turn {
    if (now < this.#pausedUntil) return { do: 'wait', ms: this.#pausedUntil - now }
    const { hasUnsent } = held
    const lingerMs = hasUnsent ? this.#lingerMs(now, held) : Infinity
    const apart = hasUnsent && (this.#urgent || held.hasUnsentOutside(session.wanted))
    if (apart && lingerMs <= 0) return { do: 'acknowledge' }

    const records = session.wanted.size > 0 ? recordsToFetch() : 0
    const pauseMs = lingerMs <= 0 ? 0 : this.#fetchNotBefore - now
    if (records > 0 && pauseMs <= 0) return { do: 'fetch', records, answers: lingerMs <= 0 ? 'all' : 'whole ranges' }
    if (lingerMs <= 0) return { do: 'acknowledge' }
    if (session.wanted.size === 0 && session.isOpen && !hasUnsent && !held.hasOpen) return { do: 'retire' }

    const ms = Math.min(lingerMs, records > 0 ? pauseMs : Infinity)
    return ms === Infinity ? { do: 'wait' } : { do: 'wait', ms }
  }

  /** How long the unsent answers may still wait; 0: not any longer. */
  #lingerMs(now: number, { hasOpen }: AcquiredRecords): number {
    if (this.#awaited || this.#urgent || !hasOpen) return 0
    this.#answeredAt ??= now
    return Math.max(0, this.#answeredAt + ACKNOWLEDGE_LINGER_MS - now)
  }
}

import type { Backoff } from '../cluster/backoff.js'
import type { AcquiredRecords, Takeout } from './acquired-records.js'
import type { ShareSession } from './share-session.js'

// What a request manager sends next, and how long that may wait at the broker. No I/O, no clock: it is told the time.
//
// Rules kept here
// - Acknowledgements travel with a fetch where one is due. RELEASE and RENEW do not (a parked fetch is not woken by a
//   release, and a renewing fetch brings nothing), nor do those of partitions that are no longer fetched from.
// - They wait a little for company, unless somebody waits for their verdict, one is urgent, or nothing else is out.
// - A broker serves a connection one request at a time, so a fetch waits there for long only while this member holds nothing of
//   its that is unanswered: no acknowledgement can come up that would be stuck behind it. Otherwise it does not wait at all. (At the
//   limit of locks for a partition the records that it waits for may even be waiting for just that acknowledgement.)
// - It waits for SHORT_WAIT_MS where it carries acknowledgements, since somebody may come to wait for their verdicts; and where
//   records are out for long, but the application has nothing else to do: then new ones come at once.
// - An empty answer that came early is followed by a pause (no tight loop), which a due acknowledgement ends. Refused partitions
//   are followed by a back-off of the fetches alone, any other error by one of everything, which nothing ends but, once, a wish to
//   have refused acknowledgements sent again; a throttling by the time that the broker named (KIP-219: it does not read this
//   connection until then).

/** How long acknowledgements wait for company. */
const ACKNOWLEDGE_LINGER_MS = 10
/** How long a fetch may wait at the broker where an acknowledgement is not likely to come up, but might. */
const SHORT_WAIT_MS = 20
/** Two fetches of which the first brought nothing begin at least so far apart. */
const EMPTY_FETCH_INTERVAL_MS = 20
/** A fetch that brought errors only, and no later than this, is followed by a back-off. */
const REFUSED_FETCH_MS = 100
/** Records are out for long when no acknowledgement was sent for so long. */
const QUIET_MS = 100
/** Who waited for a verdict this short a time ago is likely to wait for the next one too. */
const AWAITED_LATELY_MS = 1_000

export type Turn =
  /** `answers`: the acknowledgements that go with it. */
  | { readonly do: 'fetch'; readonly records: number; readonly answers: Exclude<Takeout, 'all'> }
  | { readonly do: 'acknowledge' }
  /** Renewals for the lock keeper, and nothing else. */
  | { readonly do: 'renew' }
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

/** A fetch that is about to go out. */
export interface FetchPlan {
  readonly now: number
  /** After what it carries was taken out. */
  readonly held: AcquiredRecords
  /** It holds acknowledgements, or other brokers wait for its end. */
  readonly carrying: boolean
  /** The application has nothing to do. */
  readonly waiting: boolean
}

/** A fetch as it went, for the next decision. */
export interface FetchedTurn {
  /** It brought nothing. */
  readonly empty: boolean
  /** Some partition could not be fetched from. */
  readonly refused: boolean
  readonly sentAt: number
  readonly now: number
  /** It did not wait at the broker only because of the acknowledgements it carried. */
  readonly carried: boolean
}

export class RequestTurns {
  readonly #backoff: Backoff
  readonly #fetchMaxWaitMs: number
  #awaited = false
  #awaitedAt = -Infinity
  #acknowledgedAt = -Infinity
  #urgent = false
  #answeredAt: number | undefined
  #pausedUntil = 0
  /** The back-off is due to refused acknowledgements only, and may be cut short. */
  #mayHurry = false
  /** The last one was. */
  #hurried = false
  #mutedUntil = 0
  #fetchNotBefore = 0
  #refusedUntil = 0

  constructor(backoff: Backoff, fetchMaxWaitMs: number) {
    this.#backoff = backoff
    this.#fetchMaxWaitMs = fetchMaxWaitMs
  }

  /** Somebody waits for verdicts; `unsent`: of what is not sent yet, which then goes out at the next turn. */
  await(now: number, unsent: boolean): void {
    this.#awaited ||= unsent
    this.#awaitedAt = now
  }

  /** Somebody wants refused acknowledgements sent again now. Of two back-offs in a row one is cut short. */
  hurry(): void {
    if (!this.#mayHurry) return
    this.#mayHurry = false
    this.#hurried = true
    this.#pausedUntil = 0
  }

  /** Some answer should go out by itself and at once. */
  urge(): void {
    this.#urgent = true
  }

  /** A request carries acknowledgements. */
  acknowledging(now: number): void {
    this.#acknowledgedAt = now
  }

  /** Every answer is in a request. */
  answersSent(): void {
    this.#awaited = false
    this.#urgent = false
    this.#answeredAt = undefined
  }

  /** A fetch was answered. True: something is wrong, and the next one comes after a back-off. */
  fetched({ empty, refused, sentAt, now, carried }: FetchedTurn): boolean {
    const tookMs = now - sentAt
    // A partition in error is in every answer until it is forgotten: it must not slow down those that bring something, nor
    // acknowledgements. Where the broker waited for the others the pace is kept.
    if (empty && refused && tookMs < REFUSED_FETCH_MS) {
      this.#refusedUntil = now + this.#backoff.next()
      return true
    }
    if (!empty || tookMs >= EMPTY_FETCH_INTERVAL_MS) return false
    // The next one carries nothing, and waits at the broker.
    if (carried && this.#fetchMaxWaitMs > 0) return false
    this.#fetchNotBefore = sentAt + EMPTY_FETCH_INTERVAL_MS
    return false
  }

  /** Something went wrong: the next turn comes after a back-off, and no sooner than in `atLeastMs`. */
  pause(now: number, atLeastMs = 0): void {
    this.#pausedUntil = now + Math.max(this.#backoff.next(), atLeastMs)
    this.#mayHurry = false
  }

  /** Acknowledgements were refused for a reason that passes: they are sent again after a back-off. */
  pauseAnswers(now: number): void {
    this.#pausedUntil = now + this.#backoff.next()
    // Whoever is always in a hurry does not make a tight loop of it.
    this.#mayHurry = !this.#hurried
    this.#hurried = false
  }

  /** The broker asks to be left alone for so long; nothing is sent meanwhile. */
  throttle(now: number, ms: number): void {
    if (ms > 0) this.#mutedUntil = Math.max(this.#mutedUntil, now + ms)
  }

  /** How long the broker still wants to be left alone. */
  mutedForMs(now: number): number {
    return Math.max(0, this.#mutedUntil - now)
  }

  /** Something went right. */
  succeeded(): void {
    this.#backoff.reset()
    this.#hurried = false
  }

  /** How long a fetch may wait at the broker. */
  waitAtBrokerMs({ now, held, carrying, waiting }: FetchPlan): number {
    if (held.hasUnsent) return 0
    const { hasOpen } = held
    if (!hasOpen && !carrying) return this.#fetchMaxWaitMs
    if (now - this.#awaitedAt < AWAITED_LATELY_MS) return 0
    const shortly = !hasOpen || (waiting && now - this.#acknowledgedAt >= QUIET_MS)
    return shortly ? Math.min(this.#fetchMaxWaitMs, SHORT_WAIT_MS) : 0
  }

  decide({ now, session, held, recordsToFetch }: TurnSituation): Turn {
    const blockedMs = Math.max(this.#pausedUntil, this.#mutedUntil) - now
    if (blockedMs > 0) return { do: 'wait', ms: blockedMs }
    if (session.isOpen && held.renewals.pending) return { do: 'renew' }
    const { hasUnsent } = held
    const lingerMs = hasUnsent ? this.#lingerMs(now, held) : Infinity
    const apart = hasUnsent && (this.#urgent || held.hasUnsentApart(session.wanted))
    if (apart && lingerMs <= 0) return { do: 'acknowledge' }

    const records = session.wanted.size > 0 ? recordsToFetch() : 0
    const pauseMs = Math.max(this.#refusedUntil - now, lingerMs <= 0 ? 0 : this.#fetchNotBefore - now)
    if (records > 0 && pauseMs <= 0)
      return { do: 'fetch', records, answers: lingerMs <= 0 ? 'with a fetch' : 'whole ranges' }
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

import { KafkaError, KafkaUsageError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { isConnectionLoss } from '../network/aborted.js'

/** An outage that is met again within this time is the same one. */
const ONE_OUTAGE_MS = 5_000

/** The code of an error that tells of a member that holds itself lost. */
export const MEMBERSHIP_LOST = 'MEMBERSHIP_LOST'

/** Hears of what a take() would not, or not yet, reject with. */
export interface FailureWatcher {
  /** It ends the member for good. */
  fatal(error: KafkaError): void
  /** A broker has been refusing to hand out records for some seconds; told again every 20 s while it does. */
  lasting(error: KafkaError): void
}

/**
 * What went wrong in a member and its application has to hear: an error that heals by itself once, a fatal one from then on,
 * an outage once, however many parts of the member meet it.
 */
export class MemberFailures {
  readonly #context: KafkaClientContext
  readonly #groupId: string
  readonly #watchers = new Set<FailureWatcher>()
  #passing: KafkaError | undefined
  #fatal: KafkaError | undefined
  /** When the application last heard of an outage, on the injected clock. */
  #outageToldAt = -Infinity

  constructor(context: KafkaClientContext, groupId: string) {
    this.#context = context
    this.#groupId = groupId
  }

  /** Has a watcher told at once, whether anybody takes or not. Returns the function that ends it. */
  watch(watcher: FailureWatcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Trouble that heals by itself goes on and on. */
  lasting(error: KafkaError): void {
    for (const watcher of this.#watchers) watcher.lasting(error)
  }

  /** What ended the member for good. */
  get fatal(): KafkaError | undefined {
    return this.#fatal
  }

  /** Notes an error to be told once. False: the application knows of it already. */
  passing(error: KafkaError): boolean {
    if (this.#isOldNews(error)) return false
    // It comes once; what it takes the place of comes again while it lasts.
    if (isLoss(error)) this.#passing = error
    else this.#passing ??= error
    return true
  }

  /** Notes an error that does not heal by itself; the first one counts. */
  forGood(error: KafkaError): void {
    if (this.#fatal !== undefined) return
    this.#fatal = error
    for (const watcher of this.#watchers) watcher.fatal(error)
  }

  /** The error to tell now, if any. */
  next(): KafkaError | undefined {
    const error = this.#fatal ?? this.#passing
    this.#passing = undefined
    this.told(error)
    return error
  }

  /** The application hears of an error by another way: it is not told again. */
  told(error: KafkaError | undefined): void {
    if (this.#passing === error) this.#passing = undefined
    if (error !== undefined && isConnectionLoss(error)) this.#outageToldAt = this.#context.clock.now()
  }

  /** Several parts of a member meet one outage at once; the application hears of it from the first. */
  #isOldNews(error: KafkaError): boolean {
    const { clock, logger } = this.#context
    if (this.#fatal === error || !isConnectionLoss(error) || isLoss(error)) return false
    const old = this.#passing !== undefined || clock.now() - this.#outageToldAt < ONE_OUTAGE_MS
    if (old) logger.debug({ groupId: this.#groupId, err: error }, 'an outage goes on that the application knows of')
    return old
  }
}

/** The member holds itself lost: more than the outage that it may be due to. */
function isLoss({ code }: KafkaError): boolean {
  return code === MEMBERSHIP_LOST
}

/** What every call is told that comes after close(). */
export function closedError(): KafkaUsageError {
  return new KafkaUsageError('This share consumer is closed: create a new one.', { code: 'CLOSED' })
}

/** A part of the member failed that never does: a fault of ours. */
export function brokenError(cause: unknown): KafkaError {
  return new KafkaError(
    'The share consumer is broken: this is a fault of Milena, please report it with the stack trace of the cause.',
    { code: 'BROKEN_INVARIANT', cause },
  )
}

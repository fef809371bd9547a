import type { ConsumerRecord } from '@milena/client'
import type {
  ListenerErrorContext,
  ProcessingDeadlineExceededEvent,
  RecordLockLostEvent,
  RecovererAnswer,
  ShareAcknowledgment,
} from '@milena/container'
import type { AppSurroundings } from './app.js'
import { Deliveries, type Delivery, type ValueRecord } from './container-deliveries.js'
import { failAnyhow } from './listener-failures.js'
import { ManualAnswers } from './manual-answers.js'
import type { WorkSettings } from './work-settings.js'

// What an application does with its records inside a container: listener, filter, error handler and recoverer, which tell the
// truth what they decide before the container hears of it.
//
// Rules kept here
// - What nobody waits for any more (the deadline has passed, error handler or recoverer was asked) is not told to the truth.
// - Once all is calm everything is worked off quickly and accepted.

const ANSWERS = ['RELEASE', 'RELEASE', 'REJECT', 'ACCEPT'] as const

export class ContainerWork {
  readonly deliveries: Deliveries
  readonly #answers: ManualAnswers

  constructor(
    private readonly around: AppSurroundings,
    private readonly settings: WorkSettings,
  ) {
    this.deliveries = new Deliveries(around, settings)
    this.#answers = new ManualAnswers(around, settings, this.deliveries)
  }

  /** The listener. */
  listen(
    record: ValueRecord,
    acknowledgment: ShareAcknowledgment | undefined,
    memberId: string,
    signal: AbortSignal,
  ): unknown {
    const { dice, findings } = this.around
    const { mode, workMs, stopFromInside } = this.settings
    const delivery = this.deliveries.begin({ record, acknowledgment, memberId, signal })
    if (mode === 'MANUAL' && acknowledgment === undefined) {
      findings.broken('DEFECT', 'a listener in MANUAL mode was given no acknowledgment')
    }
    if (!this.#isCalm && dice.chance(0.01)) stopFromInside()
    const finish = (): unknown => {
      this.deliveries.ended(delivery)
      return mode === 'MANUAL' ? this.#answers.answer(delivery) : this.#outcome(delivery)
    }
    const ms = workMs()
    return ms === 0 && dice.chance(0.5) ? finish() : this.around.process.sleep(ms).then(finish)
  }

  /** The filter; `memberId` is whose record it must be. */
  filter(record: ValueRecord, memberId: string): boolean | Promise<boolean> {
    const { dice, truth, findings } = this.around
    if (this.#isCalm) return true
    const isWanted = dice.chance(0.85)
    const throws = dice.chance(0.03)
    // Now, and not when it decides: of two deliveries of one record it sees the earlier one first.
    const delivery = this.deliveries.meet(record, memberId)
    const decide = (): boolean => {
      if (!throws) {
        if (isWanted) return true
        truth.intends(delivery.acquisition, 'ACCEPT')
        findings.count('filtered')
        return false
      }
      if (this.settings.mode === 'IMPLICIT') truth.intends(delivery.acquisition, 'ACCEPT')
      throw new Error('the filter failed')
    }
    return dice.chance(0.8) ? decide() : this.around.process.sleep(dice.between(0, 20)).then(decide)
  }

  /** The error handler: decides, passes on, or throws. */
  handle(
    record: ConsumerRecord<unknown, unknown>,
    _error: unknown,
    { acknowledgment }: ListenerErrorContext,
  ): RecovererAnswer | void | Promise<RecovererAnswer | void> {
    const { dice, process } = this.around
    const delivery = this.deliveries.over(record)
    if (dice.chance(0.3)) return undefined
    if (dice.chance(0.1)) throw new Error('the error handler failed')
    if (acknowledgment !== undefined && dice.chance(0.3)) {
      return this.#answers.give(delivery, dice.pick(ANSWERS), acknowledgment)
    }
    if (dice.chance(0.7)) return this.#decide(delivery)
    return process.sleep(dice.between(0, 300)).then(() => this.#decide(delivery))
  }

  /** The recoverer: decides, at once or later, for at once or later; throws, or answers what is no answer. */
  recover(record: ConsumerRecord<unknown, unknown>): RecovererAnswer | Promise<RecovererAnswer> {
    const { dice, process, truth } = this.around
    const delivery = this.deliveries.over(record)
    if (dice.chance(0.05)) {
      if (delivery?.isAnswered !== true) truth.intends(delivery?.acquisition, 'REJECT')
      if (dice.chance(0.5)) return 'RENEW'
      throw new Error('the recoverer failed')
    }
    if (dice.chance(0.8)) return this.#decide(delivery)
    return process.sleep(dice.between(0, 300)).then(() => this.#decide(delivery))
  }

  /** A deadline has passed: in IMPLICIT mode the record is accepted. */
  deadlinePassed({ record }: ProcessingDeadlineExceededEvent): void {
    const { truth, findings } = this.around
    const delivery = this.deliveries.over(record)
    if (this.settings.mode === 'IMPLICIT') truth.intends(delivery?.acquisition, 'ACCEPT')
    findings.count('deadline passed')
  }

  locksLost({ records }: RecordLockLostEvent): void {
    for (const record of records) this.deliveries.lost(record)
  }

  get #isCalm(): boolean {
    return this.around.isCalm()
  }

  #decide(delivery: Delivery | undefined): RecovererAnswer {
    const { dice, truth, findings } = this.around
    const type = dice.pick(ANSWERS)
    // In MANUAL mode the listener may have answered while this was deciding, and then that stands.
    if (delivery?.isAnswered !== true) truth.intends(delivery?.acquisition, type)
    findings.count(`recovered ${type}`)
    return type === 'RELEASE' && dice.chance(0.5) ? { type, delayMs: dice.between(1, 3_000) } : type
  }

  /** How a listener call ends where the container answers. */
  #outcome(delivery: Delivery): unknown {
    const { dice, truth, findings } = this.around
    if (delivery.isOver) {
      findings.count('worked longer than its deadline')
      return undefined
    }
    const fails = !this.#isCalm && dice.chance(0.1)
    if (!fails || this.settings.mode === 'IMPLICIT') truth.intends(delivery.acquisition, 'ACCEPT')
    if (fails) return failAnyhow(dice)
    findings.count(`worked in ${this.settings.mode}`)
    return undefined
  }
}

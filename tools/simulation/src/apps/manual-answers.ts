import type { AcknowledgeType } from '@milena/client'
import type { ShareAcknowledgment } from '@milena/container'
import { told } from '../acquisitions.js'
import { stackOf } from '../sim-process.js'
import type { AppSurroundings } from './app.js'
import type { Deliveries, Delivery } from './container-deliveries.js'
import { failAnyhow } from './listener-failures.js'
import type { WorkSettings } from './work-settings.js'

type Terminal = Exclude<AcknowledgeType, 'RENEW'>

/** What a listener in MANUAL mode does with the acknowledgment of its record. */
export class ManualAnswers {
  constructor(
    private readonly around: AppSurroundings,
    private readonly settings: Pick<WorkSettings, 'guard' | 'workMs'>,
    private readonly deliveries: Deliveries,
  ) {}

  /** Ends a listener call: answered by now, or by somebody else later, or never; and it may throw before or after. */
  answer(delivery: Delivery): unknown {
    const { dice, findings } = this.around
    const { acknowledgment } = delivery
    if (acknowledgment === undefined) return undefined
    const plan = this.around.isCalm()
      ? 'now'
      : dice.weighted({ now: 44, later: 25, renewed: 8, throws: 8, 'throws after': 6, twice: 6, never: 3 })
    findings.count(`manual: ${plan}`)
    switch (plan) {
      case 'now':
        return this.give(delivery, this.#type(), acknowledgment)
      case 'later':
        void this.settings.guard(this.#later(delivery, acknowledgment))
        return undefined
      case 'renewed':
        return this.#later(delivery, acknowledgment)
      case 'throws':
        return delivery.isOver ? undefined : failAnyhow(dice)
      case 'throws after':
        this.give(delivery, this.#type(), acknowledgment)
        return failAnyhow(dice)
      case 'twice':
        this.give(delivery, this.#type(), acknowledgment)
        return this.#again(delivery, acknowledgment)
      case 'never':
        return undefined
    }
  }

  /** Gives one answer. The truth hears of it first, and that it is none where it is refused. */
  give(delivery: Delivery | undefined, type: Terminal, acknowledgment: ShareAcknowledgment): void {
    const { truth, findings } = this.around
    const acquisition = delivery?.acquisition
    const before = acquisition?.intent
    truth.intends(acquisition, type)
    try {
      answerBy(acknowledgment, type)
    } catch (error) {
      truth.withdraws(acquisition, before)
      this.#refused(delivery, error)
      return
    }
    truth.owed(acquisition)
    if (delivery === undefined || acquisition === undefined) return
    this.deliveries.answered(delivery)
    findings.count(`manual: answered ${type}`)
    // Whether a lock that has run out here was renewed in time only its broker knows, as long as it has not said so.
    if (delivery.isLost) {
      findings.broken('TWICE', `${told(acquisition)} took an answer (${type}) after its lock was said to be lost`)
    }
  }

  #type(): Terminal {
    const { dice } = this.around
    return this.around.isCalm() ? 'ACCEPT' : dice.weighted({ ACCEPT: 80, RELEASE: 12, REJECT: 8 })
  }

  /** Elsewhere, after some work, now and then with a renewal in between. */
  async #later(delivery: Delivery, acknowledgment: ShareAcknowledgment): Promise<void> {
    const { dice, process } = this.around
    for (let renewals = dice.pick([0, 0, 0, 1, 1, 3]); renewals > 0; renewals--) {
      await process.sleep(dice.between(0, 500))
      this.#renew(delivery, acknowledgment)
    }
    await process.sleep(this.settings.workMs())
    this.give(delivery, this.#type(), acknowledgment)
  }

  #renew(delivery: Delivery, acknowledgment: ShareAcknowledgment): void {
    try {
      acknowledgment.renew()
      this.deliveries.renewed(delivery)
      this.around.findings.count('manual: renewed')
    } catch (error) {
      this.#refused(delivery, error)
    }
  }

  #again(delivery: Delivery, acknowledgment: ShareAcknowledgment): void {
    const { dice, findings } = this.around
    try {
      answerBy(acknowledgment, dice.pick(['ACCEPT', 'RELEASE', 'REJECT'] as const))
    } catch (error) {
      this.#refused(delivery, error)
      return
    }
    findings.broken('TWICE', `${nameOf(delivery)} took a second answer`)
  }

  /** An answer may be refused because there is one already, or because it is too late for any. */
  #refused(delivery: Delivery | undefined, error: unknown): void {
    const { findings } = this.around
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    findings.count(`manual: refused ${String(code)}`)
    if (delivery?.acquisition !== undefined && code === 'ACKNOWLEDGMENT_TOO_LATE') delivery.acquisition.tooLate++
    if (code !== 'ALREADY_ACKNOWLEDGED' && code !== 'ACKNOWLEDGMENT_TOO_LATE') {
      findings.broken('DEFECT', `an acknowledgment threw what it may not throw: ${stackOf(error)}`)
    } else if (delivery !== undefined && !delivery.isAnswered && !this.deliveries.mayBeRefused(delivery)) {
      findings.broken('VERDICT', `${nameOf(delivery)} refuses its answer (${code}), and its lock is held`)
    } else if (delivery !== undefined && code === 'ACKNOWLEDGMENT_TOO_LATE') this.deliveries.lost(delivery.record)
  }
}

function answerBy(acknowledgment: ShareAcknowledgment, type: Terminal): void {
  switch (type) {
    case 'ACCEPT':
      return acknowledgment.acknowledge()
    case 'RELEASE':
      return acknowledgment.release()
    case 'REJECT':
      return acknowledgment.reject()
  }
}

function nameOf({ acquisition, record }: Delivery): string {
  return acquisition === undefined ? `${record.topic}-${record.partition}@${record.offset}` : told(acquisition)
}

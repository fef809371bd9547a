import { AcknowledgmentTimeoutEvent } from './events.js'
import type { ManualAcknowledgment } from './manual-acknowledgment.js'
import type { MemberSurroundings } from './member-surroundings.js'
import { placeOf } from './recoverers.js'

/**
 * Tells of records that a MANUAL listener does not answer, once for each record. Nothing else happens to them: they stay locked for
 * as long as locks are renewed, and hold up what comes after them.
 */
export class AckTimeoutMonitor {
  constructor(
    private readonly surroundings: MemberSurroundings,
    readonly timeoutMs: number,
  ) {}

  overdue<K, V>(acknowledgment: ManualAcknowledgment<K, V>, now: number): void {
    if (acknowledgment.reported) return
    acknowledgment.reported = true
    const { counters, recordLog, events, source } = this.surroundings
    const { record, deliveredAt } = acknowledgment
    const { topic, partition, offset, deliveryCount } = record
    const { timeoutMs } = this
    const heldMs = Math.round(now - deliveredAt)
    counters.acknowledgmentTimeouts++
    recordLog.logger.warn(
      { topic, partition, offset, deliveryCount, heldMs, timeoutMs },
      `${placeOf(record)} (topic ${topic}, partition ${partition}, offset ${offset}) is not acknowledged within ${timeoutMs} ms ` +
        '(shareAcknowledgmentTimeoutMs), and holds up the records after it. Call ack.acknowledge(), ack.release() or ack.reject() ' +
        'on every path of the listener; ack.renew() only extends the lock.',
    )
    events.publish(new AcknowledgmentTimeoutEvent(source, { record, heldMs, timeoutMs }))
  }
}

import { KafkaUsageError } from '@milena/protocol'
import type { ShareAckMode } from './ack-mode.js'
import type { ResolvedListener } from './message-listener.js'

/** What a container is about to run. */
export interface ListenerCheck {
  readonly containerId: string
  readonly mode: ShareAckMode
  readonly listener: Pick<ResolvedListener<never, never>, 'kind' | 'name' | 'acknowledgmentOptional'>
  /** One was set, other than the default. */
  readonly hasRecoverer: boolean
  readonly hasErrorHandler: boolean
}

/**
 * Whether a listener fits its ack mode; asked before anything joins. Returns what is to be warned of, once per container.
 * @throws KafkaUsageError for a MANUAL listener that takes no acknowledgment
 */
export function checkListener(check: ListenerCheck): readonly string[] {
  const { containerId, mode, listener, hasRecoverer, hasErrorHandler } = check
  const where = `Container '${containerId}'`
  if (mode === 'MANUAL') {
    if (listener.kind === 'acknowledging') return []
    throw new KafkaUsageError(
      `${where}: shareAckMode MANUAL needs a listener that takes the acknowledgment of its record, and ${listener.name} takes none, ` +
        'so nothing would ever be answered. Give it an acknowledgment parameter, say that it has one ' +
        "(setupMessageListener(listener, { kind: 'acknowledging' })), or use EXPLICIT, where the container answers.",
    )
  }
  const warnings: string[] = []
  if (listener.kind === 'acknowledging' && !listener.acknowledgmentOptional) {
    warnings.push(
      `${where}: ${listener.name} takes an acknowledgment, which is undefined in shareAckMode ${mode}: the container answers. ` +
        'Use MANUAL, drop the parameter, or say that it is optional (acknowledgmentOptional: true; of a decorated method @Ack({ optional: true })).',
    )
  }
  if (mode === 'IMPLICIT' && (hasRecoverer || hasErrorHandler)) {
    const set = [hasErrorHandler && 'errorHandler', hasRecoverer && 'shareConsumerRecordRecoverer'].filter(Boolean)
    warnings.push(
      `${where}: ${set.join(' and ')} will not be asked: in shareAckMode IMPLICIT every record is accepted, also when its listener ` +
        'throws. Use EXPLICIT to have them decide.',
    )
  }
  return warnings
}

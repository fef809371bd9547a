import type { Logger } from '@milena/protocol/runtime'
import type { ContainerEventHub } from './event-hub.js'
import type { EventSource } from './events.js'
import type { MemberVitals } from './member-vitals.js'
import type { SparingLog } from './sparing-log.js'

/** What every part of one member reports to. */
export interface MemberSurroundings {
  readonly source: EventSource
  readonly events: ContainerEventHub
  readonly logger: Logger
  /** For lines about single records, of which there may be very many. */
  readonly recordLog: SparingLog
  readonly counters: ListenerCounters
  readonly vitals: MemberVitals
}

/** What happened to records inside the container, counted per client id over the life of the container. */
export interface ListenerCounters {
  /** Records handed to the listener. */
  delivered: number
  /** Listener calls that threw, rejected, or took longer than their deadline. */
  failed: number
  /** Records that the filter kept from the listener; accepted. */
  filtered: number
  /** MANUAL: records that were not acknowledged within shareAcknowledgmentTimeoutMs. */
  acknowledgmentTimeouts: number
  /** Listener calls that took longer than processingDeadlineMs. */
  deadlinesExceeded: number
  /** Records that could not be deserialised, and were rejected before any listener. */
  undeserializable: number
  /** Records whose lock was lost before they were answered: the group delivers them again. */
  locksLost: number
  /** Outcomes and answers that came when nobody waited for them any more: the record was lost, given back or decided on. */
  lateOutcomes: number
}

export function noListenerCounters(): ListenerCounters {
  return {
    delivered: 0,
    failed: 0,
    filtered: 0,
    acknowledgmentTimeouts: 0,
    deadlinesExceeded: 0,
    undeserializable: 0,
    locksLost: 0,
    lateOutcomes: 0,
  }
}

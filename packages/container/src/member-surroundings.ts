import type { Logger } from '@milena/protocol/runtime'
import type { ContainerEventHub } from './event-hub.js'
import type { EventSource } from './events.js'
import type { SparingLog } from './sparing-log.js'

/** What every part of one member reports to. */
export interface MemberSurroundings {
  readonly source: EventSource
  readonly events: ContainerEventHub
  readonly logger: Logger
  /** For lines about single records, of which there may be very many. */
  readonly recordLog: SparingLog
  readonly counters: ListenerCounters
}

/** What happened to records inside the container, counted per client id over the life of the container. */
export interface ListenerCounters {
  /** Records handed to the listener. */
  delivered: number
  /** Listener calls that threw or rejected. */
  failed: number
  /** Records that could not be deserialised, and were rejected before any listener. */
  undeserializable: number
  /** Records whose lock was lost before they were answered: the group delivers them again. */
  locksLost: number
  /** Listener calls that ended after their record had been given back. */
  lateOutcomes: number
}

export function noListenerCounters(): ListenerCounters {
  return { delivered: 0, failed: 0, undeserializable: 0, locksLost: 0, lateOutcomes: 0 }
}

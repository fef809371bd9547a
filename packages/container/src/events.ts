import type { AcknowledgeType, ConsumerRecord, RecordDeserializationFailure, ShareConsumer } from '@milena/client'
import type { LockLoss, LockLossCause } from '@milena/client/internal'
import type { ContainerState } from './container-state.js'

/** What an event lets its subscriber do with the container that it speaks of, for example restart it. */
export interface EventContainer {
  readonly id: string
  readonly state: ContainerState
  start(): Promise<void>
  stop(options?: { readonly timeoutMs?: number }): Promise<void>
}

/** Which member of which container an event speaks of. */
export interface EventSource {
  readonly container: EventContainer
  /** The client id of the member: the container's base with a suffix, as `orders-0`. */
  readonly clientId: string
}

/**
 * Why a member ended.
 *
 * - `NORMAL`: its container was stopped.
 * - `ABNORMAL`: a Kafka error or another ordinary error ended its loop; `cause` tells which.
 * - `ERROR`: a fault of the process or of Milena itself, such as a broken invariant.
 */
export type ConsumerStopReason = 'NORMAL' | 'ABNORMAL' | 'ERROR'

/** What every event of a container carries. */
abstract class MemberEvent {
  readonly container: EventContainer
  readonly containerId: string
  readonly clientId: string

  constructor(source: EventSource) {
    this.container = source.container
    this.containerId = source.container.id
    this.clientId = source.clientId
  }
}

/** What every event of one record carries. */
abstract class RecordEvent extends MemberEvent {
  readonly record: ConsumerRecord<unknown, unknown>

  constructor(source: EventSource, told: { readonly record: ConsumerRecord<unknown, unknown> }) {
    super(source)
    this.record = told.record
  }
}

/** A member was made and begins to join its group; one per member, before it asks for records. */
export class ConsumerStartingEvent extends MemberEvent {
  readonly type = 'consumerStarting'
}

/** A member has joined and is about to take records. */
export class ConsumerStartedEvent extends MemberEvent {
  readonly type = 'consumerStarted'
}

/**
 * A member could not be started. A failed start() publishes it exactly once, with its cause; the members already made are
 * closed, and neither Stopping nor Stopped is published for them. Also published when the replacement of a member that had
 * died could not be started; another attempt follows unless the cause is fatal.
 */
export class ConsumerFailedToStartEvent extends MemberEvent {
  readonly type = 'consumerFailedToStart'

  constructor(
    source: EventSource,
    /** What start() rejects with. */
    readonly cause: unknown,
  ) {
    super(source)
  }
}

/** A member is about to be closed; its consumer can still be asked, for example for its metrics. */
export class ShareConsumerStoppingEvent extends MemberEvent {
  readonly type = 'shareConsumerStopping'

  constructor(
    source: EventSource,
    readonly consumer: ShareConsumer<unknown, unknown>,
  ) {
    super(source)
  }
}

/** A member has been closed. */
export class ConsumerStoppedEvent extends MemberEvent {
  readonly type = 'consumerStopped'
  readonly reason: ConsumerStopReason
  /** What ended the member, where the reason is not NORMAL. */
  readonly cause: unknown
  /** How many records it held that were not finished and went back to the group. */
  readonly releasedRecords: number
  /** How many listener calls were still running when the time to stop was over; their outcome is not sent any more. */
  readonly unfinishedListenerCalls: number

  constructor(
    source: EventSource,
    end: {
      readonly reason: ConsumerStopReason
      readonly cause: unknown
      readonly releasedRecords: number
      readonly unfinishedListenerCalls: number
    },
  ) {
    super(source)
    this.reason = end.reason
    this.cause = end.cause
    this.releasedRecords = end.releasedRecords
    this.unfinishedListenerCalls = end.unfinishedListenerCalls
  }
}

/** Taking records failed in a way that the member survives; it tries again after `retryInMs` milliseconds. */
export class PollFailedEvent extends MemberEvent {
  readonly type = 'pollFailed'

  constructor(
    source: EventSource,
    readonly cause: unknown,
    readonly retryInMs: number,
  ) {
    super(source)
  }
}

/** The key or value of a record could not be read. It was rejected and never reached the listener. */
export class RecordDeserializationFailedEvent extends MemberEvent {
  readonly type = 'recordDeserializationFailed'

  constructor(
    source: EventSource,
    readonly failure: RecordDeserializationFailure,
  ) {
    super(source)
  }
}

/**
 * Consecutive records of one partition lost their acquisition locks before they were answered; the group delivers them again.
 * What their listeners still come up with is not sent.
 */
export class RecordLockLostEvent extends MemberEvent {
  readonly type = 'recordLockLost'
  readonly topic: string
  readonly partition: number
  readonly firstOffset: number
  /** Inclusive. */
  readonly lastOffset: number
  readonly deliveryCount: number
  /**
   * - `expired`: the locks ran out. They were not renewed because the group or its broker does not allow it, because renewing is
   *   switched off, or because this process was too busy to do it in time.
   * - `session`: the connection to the broker that had handed the records out was lost, or its leadership.
   * - `extension-ended`: a listener took longer than maxLockExtensionMs.
   */
  readonly cause: LockLossCause
  /** The listener had them, or was about to; empty for records that were fetched ahead and never handed to it. */
  readonly records: readonly ConsumerRecord<unknown, unknown>[]
  /** What ended the session. */
  readonly error: unknown

  constructor(source: EventSource, loss: LockLoss<unknown, unknown>) {
    super(source)
    this.topic = loss.partition.topic
    this.partition = loss.partition.partition
    this.firstOffset = loss.firstOffset
    this.lastOffset = loss.lastOffset
    this.deliveryCount = loss.deliveryCount
    this.cause = loss.cause
    this.records = loss.records
    this.error = loss.error
  }
}

/**
 * A listener threw or rejected, in whatever mode; or its filter did, or its deadline passed (the error is a ProcessingDeadlineError).
 */
export class ListenerFailedEvent extends RecordEvent {
  readonly type = 'listenerFailed'
  /** What it threw. */
  readonly error: unknown
  /**
   * How the record is acknowledged: as error handler or recoverer decided, as the listener had said before it threw (MANUAL), or
   * ACCEPT (IMPLICIT). Undefined: not at all, because it was lost or given back before that.
   */
  readonly acknowledgement: AcknowledgeType | undefined

  constructor(
    source: EventSource,
    failed: {
      readonly record: ConsumerRecord<unknown, unknown>
      readonly error: unknown
      readonly acknowledgement: AcknowledgeType | undefined
    },
  ) {
    super(source, failed)
    this.error = failed.error
    this.acknowledgement = failed.acknowledgement
  }
}

/** In MANUAL mode a record has no answer yet, shareAcknowledgmentTimeoutMs after it was delivered or renewed. Once per record. */
export class AcknowledgmentTimeoutEvent extends RecordEvent {
  readonly type = 'acknowledgmentTimeout'
  /** For how long the listener has had the record, in milliseconds. */
  readonly heldMs: number
  readonly timeoutMs: number

  constructor(
    source: EventSource,
    overdue: {
      readonly record: ConsumerRecord<unknown, unknown>
      readonly heldMs: number
      readonly timeoutMs: number
    },
  ) {
    super(source, overdue)
    this.heldMs = overdue.heldMs
    this.timeoutMs = overdue.timeoutMs
  }
}

/**
 * A listener had its record for processingDeadlineMs. Its AbortSignal has fired, and error handler and recoverer decide (IMPLICIT:
 * the record is accepted); what the listener still comes up with is not sent.
 */
export class ProcessingDeadlineExceededEvent extends RecordEvent {
  readonly type = 'processingDeadlineExceeded'
  readonly deadlineMs: number

  constructor(
    source: EventSource,
    exceeded: { readonly record: ConsumerRecord<unknown, unknown>; readonly deadlineMs: number },
  ) {
    super(source, exceeded)
    this.deadlineMs = exceeded.deadlineMs
  }
}

/** The recoverer threw, or gave an answer that is none. The record was rejected. */
export class RecovererFailedEvent extends RecordEvent {
  readonly type = 'recovererFailed'
  /** What the listener threw. */
  readonly listenerError: unknown
  /** What the recoverer threw, or why its answer was refused. */
  readonly cause: unknown

  constructor(
    source: EventSource,
    failed: {
      readonly record: ConsumerRecord<unknown, unknown>
      readonly listenerError: unknown
      readonly cause: unknown
    },
  ) {
    super(source, failed)
    this.listenerError = failed.listenerError
    this.cause = failed.cause
  }
}

/** The broker did not take acknowledgements: their records may be delivered again. */
export class AcknowledgmentFailedEvent extends MemberEvent {
  readonly type = 'acknowledgmentFailed'
  readonly topic: string
  readonly partition: number
  /** The offsets, as inclusive ranges. */
  readonly ranges: readonly OffsetRange[]
  /** Those of them that a listener had; without those that could not be deserialised, or were never handed out. */
  readonly records: readonly ConsumerRecord<unknown, unknown>[]
  readonly cause: unknown

  constructor(
    source: EventSource,
    failed: {
      readonly topic: string
      readonly partition: number
      readonly ranges: readonly OffsetRange[]
      readonly records: readonly ConsumerRecord<unknown, unknown>[]
      readonly cause: unknown
    },
  ) {
    super(source)
    this.topic = failed.topic
    this.partition = failed.partition
    this.ranges = failed.ranges
    this.records = failed.records
    this.cause = failed.cause
  }
}

/** A stretch of offsets, both ends included. */
export interface OffsetRange {
  readonly firstOffset: number
  readonly lastOffset: number
}

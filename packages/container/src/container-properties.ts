import type { AcknowledgementCommitCallback } from '@milena/client'
import type { ShareAckMode } from './ack-mode.js'
import type { GroupConfigs, ResolvedGroupConfigs } from './group-configs.js'
import type { AnyListenerErrorHandler, ListenerErrorHandler } from './listener-error-handler.js'
import type { AnyRecordFilter, RecordFilter } from './record-filter.js'
import type { AnyShareConsumerRecordRecoverer, ShareConsumerRecordRecoverer } from './recoverers.js'

/**
 * What happens after a member died of an error that is not fatal.
 *
 * - `replace` (default): a new one takes its place after a pause of 1 s, which doubles up to 30 s while it keeps dying.
 * - `never`: its place stays empty; a container whose last member is gone has failed. (Spring's way.)
 */
export type RestartPolicy = 'replace' | 'never'

/** How a container works. Everything but the topics has a default. */
export interface ContainerProperties {
  /** The container's name in logs and events, and the base of its members' client ids. Default `share-container`. */
  readonly id?: string | undefined
  /** The topics to consume: one name or several. Share groups know no patterns and no partitions of one's own choice. */
  readonly topics?: string | readonly string[] | undefined
  /** The share group. Default: that of the consumer factory; absent there too, start() fails. */
  readonly groupId?: string | undefined
  /** The base of the members' client ids, which are `base-0`, `base-1` … Default: clientIdPrefix, else the container's id. */
  readonly clientId?: string | undefined
  /** The base of the client ids where no clientId is given. */
  readonly clientIdPrefix?: string | undefined
  /**
   * How many members of the group the container runs, each with its own connections; records are shared out by the broker. A
   * number, or its text. Default 1.
   */
  readonly concurrency?: number | string | undefined
  /** Who acknowledges. Default EXPLICIT. */
  readonly shareAckMode?: ShareAckMode | undefined
  /**
   * MANUAL only: how long a record may be delivered and unanswered before the container warns of it, in milliseconds. Nothing
   * else happens then. Default 30000.
   */
  readonly shareAcknowledgmentTimeoutMs?: number | undefined
  /** @deprecated Spring's old form of shareAckMode: true is MANUAL, false is EXPLICIT. */
  readonly explicitShareAcknowledgment?: boolean | undefined
  /**
   * How long one listener call may take, in milliseconds. After that its AbortSignal fires, and the error handler and the
   * recoverer decide about the record. Every mode. Default: as long as it likes.
   */
  readonly processingDeadlineMs?: number | undefined
  /**
   * True (default): the next batch is delivered only after the broker has confirmed the answers of this one. False: answers are
   * sent all the same, but nothing waits for the broker's word.
   */
  readonly syncShareCommits?: boolean | undefined
  /** Told every verdict of the broker on answers of this container. What it throws is logged. Default: failures are logged. */
  readonly acknowledgementCommitCallback?: AcknowledgementCommitCallback | undefined
  /**
   * How many records a member may have delivered and not answered, running at once: a number, or its text. Default: that of the
   * consumer factory; unset there too, it is Spring's batch rule: one record after another, and nothing of the next batch before
   * all of this one are answered.
   */
  readonly maxInFlight?: number | string | undefined
  /**
   * For how long the lock of one record is renewed while its listener works on it, or it waits for its listener; in milliseconds
   * from its acquisition. 0: locks are not renewed. Default: that of the consumer factory, which is 300000.
   */
  readonly maxLockExtensionMs?: number | undefined
  /** How long one wait for records lasts before the member looks round, in milliseconds; stop and pause cut it short. Default 5000. */
  readonly pollTimeoutMs?: number | undefined
  /** How long start() waits for all members to join, in milliseconds. Default 30000. */
  readonly consumerStartTimeoutMs?: number | undefined
  /** How long stop() takes at most where it is not told, in milliseconds. Default 10000. */
  readonly shutdownTimeoutMs?: number | undefined
  /** What happens when a member dies. Default `replace`. */
  readonly restartPolicy?: RestartPolicy | undefined
  /** Decides what becomes of a record whose listener threw. Default REJECTING. */
  readonly shareConsumerRecordRecoverer?: AnyShareConsumerRecordRecoverer | undefined
  /** Runs before the recoverer. Default: none. */
  readonly errorHandler?: AnyListenerErrorHandler | undefined
  /** Which records the listener gets: true delivers. The others are ACCEPTed. Default: all. */
  readonly filter?: AnyRecordFilter | undefined
  /** Whether currentRecord() works inside the listener; costs an AsyncLocalStorage for each record. Default false. */
  readonly recordContext?: boolean | undefined
  /** The registry starts low phases first, and stops high ones first; each phase waits for the one before. A whole number, default 0. */
  readonly phase?: number | undefined
  /** The name under which the registry starts and stops several containers together. Default: none. */
  readonly containerGroup?: string | undefined
  /** Settings of the share group, applied by start() before any member joins. They outlive the container. Default: left alone. */
  readonly groupConfigs?: GroupConfigs | undefined
  /** Whatever the application wants to find at container.info. */
  readonly info?: unknown
  /** Further consumer settings for this container, by the client's names or Kafka's dotted ones. They beat the consumer factory's. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
  /** The same under Spring's name. One setting in both with different values is an error. */
  readonly kafkaConsumerProperties?: Readonly<Record<string, unknown>> | undefined
}

/** Container properties as running code sees them. */
export interface ResolvedContainerProperties {
  readonly id: string
  readonly topics: readonly string[]
  readonly groupId: string | undefined
  readonly clientIdBase: string
  readonly concurrency: number
  readonly shareAckMode: ShareAckMode
  readonly shareAcknowledgmentTimeoutMs: number
  /** Undefined: none. */
  readonly processingDeadlineMs: number | undefined
  readonly syncShareCommits: boolean
  readonly acknowledgementCommitCallback: AcknowledgementCommitCallback | undefined
  /** Undefined: as the consumer is made. */
  readonly maxInFlight: number | undefined
  readonly maxLockExtensionMs: number | undefined
  readonly pollTimeoutMs: number
  readonly consumerStartTimeoutMs: number
  readonly shutdownTimeoutMs: number
  readonly restartPolicy: RestartPolicy
  readonly recoverer: ShareConsumerRecordRecoverer
  /** Whether the recoverer was set, and is not the default. */
  readonly recovererGiven: boolean
  readonly errorHandler: ListenerErrorHandler | undefined
  readonly filter: RecordFilter | undefined
  readonly recordContext: boolean
  readonly phase: number
  readonly containerGroup: string | undefined
  /** Dotted names and texts; empty: none. */
  readonly groupConfigs: ResolvedGroupConfigs
  readonly info: unknown
  readonly properties: Readonly<Record<string, unknown>>
}

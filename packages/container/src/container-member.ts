import type { AcknowledgementVerdict, ConsumerRecord, ShareConsumer } from '@milena/client'
import { Backoff, type LockLoss } from '@milena/client/internal'
import type { Clock, Random, Timer } from '@milena/protocol/runtime'
import type { AckMode } from './ack-mode.js'
import type { ContainerEngine } from './container-engine.js'
import type { ResolvedContainerProperties } from './container-properties.js'
import {
  AcknowledgmentFailedEvent,
  ConsumerStartedEvent,
  ConsumerStartingEvent,
  ConsumerStoppedEvent,
  PollFailedEvent,
  RecordLockLostEvent,
  ShareConsumerStoppingEvent,
  type ConsumerStopReason,
} from './events.js'
import { ExplicitAckMode } from './explicit-ack-mode.js'
import { ImplicitAckMode } from './implicit-ack-mode.js'
import { isHang } from './hang-watch.js'
import { ListenerLoop } from './listener-loop.js'
import { ManualAckMode } from './manual-ack-mode.js'
import { makeConsumer } from './member-consumer.js'
import type { MemberSurroundings } from './member-surroundings.js'
import type { ResolvedListener } from './message-listener.js'
import { stopReasonOf } from './poll-errors.js'
import { RecordInvoker } from './record-invoker.js'
import type { ShareConsumerFactory } from './share-consumer-factory.js'
import { StopBudget } from './stop-budget.js'

/** The pauses after poll errors that a member survives. */
const POLL_BACKOFF = { initialMs: 100, maxMs: 5000 }

/** What to do about lost locks, by their cause. */
const REMEDIES = {
  expired:
    'Let no listener block the event loop for longer than the lock, and see whether the group forbids renewals; else lengthen ' +
    'share.record.lock.duration.ms of the group.',
  session: 'The connection to their broker is gone; a new one is made.',
  'extension-ended': 'See what their listener waits for, or raise maxLockExtensionMs.',
} as const

const normalEnd: MemberEnd = { reason: 'NORMAL', cause: undefined }

/** What the members of a container share. */
export interface MemberPlan<K, V> {
  readonly properties: ResolvedContainerProperties
  readonly groupId: string | undefined
  readonly listener: ResolvedListener<K, V>
  readonly consumerFactory: ShareConsumerFactory<K, V>
  readonly engineOf: (consumer: ShareConsumer<K, V>) => ContainerEngine<K, V>
  readonly clock: Clock
  readonly random: Random
}

/** How a member ended. */
export interface MemberEnd {
  readonly reason: ConsumerStopReason
  readonly cause: unknown
}

/**
 * One member of the group, from its making to its end: a consumer with its engine, and the loop over it.
 *
 *     made -> join() -> run() ... stop() -> drained, given back, closed
 *                   \-> abandon()           the start failed or was given up: closed without a word
 */
export class ContainerMember<K, V> {
  readonly #plan: MemberPlan<K, V>
  readonly #surroundings: MemberSurroundings
  readonly #loop: ListenerLoop<K, V>
  readonly #stopHearing: () => void
  readonly consumer: ShareConsumer<K, V>
  readonly engine: ContainerEngine<K, V>
  readonly #drainOver: Promise<void>
  #endDrain: () => void = () => undefined
  #budget: StopBudget | undefined
  #drainTimer: Timer | undefined
  /** The end of all fetches of this member and of those that stop with it: before that it gives no records back. */
  #quiet: Promise<unknown> | undefined
  /** Fetched ahead of the listener, and given back before the rest. */
  #releasedAhead = 0
  #left = false
  readonly #closeConsumer: ShareConsumer<K, V>['close']

  /** Makes the consumer. @throws what the consumer factory throws, or that it gave none */
  constructor(plan: MemberPlan<K, V>, surroundings: MemberSurroundings) {
    const { properties, clock, random } = plan
    this.#plan = plan
    this.#surroundings = surroundings
    this.#drainOver = new Promise((resolve) => {
      this.#endDrain = resolve
    })
    const { consumer, engine, close } = makeConsumer(plan.consumerFactory, plan.engineOf, {
      groupId: plan.groupId,
      clientId: surroundings.source.clientId,
      acknowledgementMode: properties.shareAckMode === 'IMPLICIT' ? 'implicit' : 'explicit',
      properties: properties.properties,
    })
    this.consumer = consumer
    this.engine = engine
    this.#closeConsumer = close
    const { wishes } = engine
    const maxExtensionMs = properties.maxLockExtensionMs ?? wishes.maxLockExtensionMs
    engine.keepLocks({ maxExtensionMs, cautious: surroundings.vitals.hung })
    const forgetVerdicts = engine.onVerdict((verdict) => this.#heard(verdict))
    const forgetLosses = engine.onLost((loss) => this.#lost(loss))
    const forgetStanding = engine.onStood(() => this.#loop.giveBackUnbegun())
    // Nobody takes while the member is paused, or waits for answers; and what heals by itself no take() rejects with.
    const forgetFaults = engine.onFailure({
      fatal: (error) => this.#loop.fail(error),
      lasting: (error) => this.#troubled(error),
    })
    this.#stopHearing = () => {
      forgetFaults()
      forgetVerdicts()
      forgetLosses()
      forgetStanding()
    }
    this.#loop = new ListenerLoop({
      engine,
      invoker: new RecordInvoker({
        listener: plan.listener,
        consumer: this.consumer,
        source: surroundings.source,
        recordContext: properties.recordContext,
      }),
      ackMode: (onAnswered) => ackModeOf({ plan, engine, surroundings, onAnswered }),
      filter: properties.filter,
      processingDeadlineMs: properties.processingDeadlineMs,
      surroundings,
      clock,
      pollBackoff: new Backoff({ clock, random, ...POLL_BACKOFF }),
      pollTimeoutMs: properties.pollTimeoutMs,
      maxInFlight: properties.maxInFlight ?? wishes.maxInFlight,
      answeredLater: properties.shareAckMode === 'MANUAL',
      syncShareCommits: properties.syncShareCommits,
      maxExtensionMs,
    })
    const { acknowledgementCommitCallback: callback } = properties
    if (callback !== undefined) this.consumer.setAcknowledgementCommitCallback(callback)
  }

  /** Records that its listener has, or that wait for their answer. */
  get inFlight(): number {
    return this.#loop.inFlight
  }

  /** MANUAL: acknowledgments that are not used yet. */
  get openAcknowledgments(): number {
    return this.#loop.openAcknowledgments
  }

  /** Resolves when the group's coordinator has taken the member in. Rejects with code ABORTED when the signal fires first. */
  async join(signal: AbortSignal): Promise<void> {
    const { events, source } = this.#surroundings
    events.publish(new ConsumerStartingEvent(source))
    this.consumer.subscribe(this.#plan.properties.topics)
    await this.engine.whenJoined(signal)
  }

  /**
   * Takes records until stop() or a fault, then drains, gives back what is not finished, and closes. Never rejects. `onFault`
   * hears of a fault before any of that.
   */
  async run(onFault: (cause: unknown) => void): Promise<MemberEnd> {
    const { events, source, logger } = this.#surroundings
    events.publish(new ConsumerStartedEvent(source))
    const end = await Promise.race([this.#looped(), this.#drainOver.then(() => normalEnd)])
    if (end !== normalEnd) {
      logger.error(
        { err: end.cause },
        `Member ${source.clientId} of container '${source.container.id}' was ended by a fault.`,
      )
      onFault(end.cause)
      // Those calls have had their time.
      if (isHang(end.cause)) this.#endDrain()
    }
    this.stop(new StopBudget(this.#plan.clock, this.#plan.properties.shutdownTimeoutMs))
    await Promise.race([Promise.all([this.#loop.idle(), this.#quiet]), this.#drainOver])
    await this.#leave(end)
    return end
  }

  /** Fetches nothing any more; resolves when no fetch is out. What it has stays locked. Never rejects. */
  endFetching(): Promise<void> {
    return this.engine.endFetching()
  }

  /**
   * Ends run(): no more records are taken, and running listener calls have the budget's time to end. The tightest budget counts.
   * Records are given back when all is `quiet`, or when the time for listener calls is over.
   */
  stop(budget: StopBudget, quiet?: Promise<unknown>): void {
    if (this.#budget === undefined) {
      this.#quiet = quiet ?? this.engine.endFetching()
      void this.#quiet.then(() => this.#releaseAhead())
    }
    if (this.#budget === undefined || budget.leftMs < this.#budget.leftMs) {
      this.#budget = budget
      this.#drainTimer?.cancel()
      this.#drainTimer = budget.onDrainOver(this.#endDrain)
    }
    this.#loop.stop()
  }

  pause(): void {
    this.#loop.pause()
  }

  resume(): void {
    this.#loop.resume()
  }

  /** Closes a member that has never run, without an event. Never rejects. */
  async abandon(budget: StopBudget): Promise<void> {
    await this.#close(budget)
    this.#stopHearing()
  }

  async #looped(): Promise<MemberEnd> {
    try {
      await this.#loop.run()
      return normalEnd
    } catch (error) {
      // What goes wrong while the member is stopping is no reason for its end any more.
      return this.#budget === undefined ? { reason: stopReasonOf(error), cause: error } : normalEnd
    }
  }

  /** Fetches nothing more, and gives back what no listener has begun with, while running calls may still end. */
  #releaseAhead(): void {
    if (this.#left) return
    this.#releasedAhead = this.engine.bufferedRecords
    this.engine.pause()
  }

  async #leave(end: MemberEnd): Promise<void> {
    const { events, source, logger } = this.#surroundings
    this.#left = true
    const unfinishedListenerCalls = this.#loop.runningCalls
    this.#loop.giveUp()
    this.#drainTimer?.cancel()
    events.publish(new ShareConsumerStoppingEvent(source, this.consumer))
    let releasedRecords = this.#releasedAhead
    try {
      releasedRecords += this.engine.releaseRest()
    } catch (error) {
      logger.error(
        { err: error },
        `Member ${source.clientId} could not give its records back; their locks will run out.`,
      )
    }
    await this.#close(this.#budget ?? new StopBudget(this.#plan.clock, this.#plan.properties.shutdownTimeoutMs))
    this.#stopHearing()
    this.#surroundings.recordLog.flush()
    if (unfinishedListenerCalls > 0) {
      logger.warn(
        { unfinishedListenerCalls, releasedRecords },
        `${unfinishedListenerCalls} listener calls of ${source.clientId} did not end in time; their records went back to the group.`,
      )
    }
    events.publish(new ConsumerStoppedEvent(source, { ...end, releasedRecords, unfinishedListenerCalls }))
  }

  async #close(budget: StopBudget): Promise<void> {
    const { source, logger } = this.#surroundings
    try {
      const closed = await budget.within(this.#closeConsumer({ timeoutMs: budget.leftMs }))
      if (closed !== 'timeout') return
      logger.warn(
        {},
        `The consumer ${source.clientId} did not close in time; what it held comes back when its locks run out.`,
      )
    } catch (error) {
      logger.warn({ err: error }, `The consumer ${source.clientId} did not close cleanly.`)
    }
  }

  /** The client goes on trying by itself. */
  #troubled(error: unknown): void {
    const { vitals, events, source } = this.#surroundings
    vitals.trouble = { error, at: this.#plan.clock.now() }
    events.publish(new PollFailedEvent(source, error, 0))
  }

  #lost(loss: LockLoss<K, V>): void {
    const { events, source, recordLog, counters } = this.#surroundings
    const { partition, firstOffset, lastOffset, records, cause, error } = loss
    const place = `${partition.topic}-${partition.partition}`
    this.#loop.lost(loss)
    counters.locksLost += lastOffset - firstOffset + 1
    recordLog.logger.warn(
      {
        topic: partition.topic,
        partition: partition.partition,
        firstOffset,
        lastOffset,
        delivered: records.length,
        err: error,
      },
      `Records of ${place} lost their locks before they were answered; the group delivers them again. ${REMEDIES[cause]}`,
    )
    events.publish(new RecordLockLostEvent(source, loss))
  }

  #heard(verdict: AcknowledgementVerdict): void {
    const { error } = verdict
    if (error === undefined) return
    const { events, source, recordLog } = this.#surroundings
    const { topic, partition } = verdict.partition
    const records = (verdict.records ?? []) as readonly ConsumerRecord<K, V>[]
    this.#loop.refused(records)
    const ranges = verdict.batches.map(({ firstOffset, lastOffset }) => ({ firstOffset, lastOffset }))
    recordLog.logger.warn(
      { err: error, topic, partition, ranges },
      `The broker did not take acknowledgements for ${topic}-${partition}; those records may be delivered again.`,
    )
    events.publish(new AcknowledgmentFailedEvent(source, { topic, partition, ranges, records, cause: error }))
  }
}

function ackModeOf<K, V>({
  plan: { properties, clock },
  engine,
  surroundings,
  onAnswered,
}: {
  readonly plan: MemberPlan<K, V>
  readonly engine: ContainerEngine<K, V>
  readonly surroundings: MemberSurroundings
  readonly onAnswered: () => void
}): AckMode<K, V> {
  const { shareAckMode, errorHandler, recoverer, shareAcknowledgmentTimeoutMs: acknowledgmentTimeoutMs } = properties
  if (shareAckMode === 'IMPLICIT') return new ImplicitAckMode(engine, surroundings)
  const options = { engine, errorHandler, recoverer, clock, surroundings, onAnswered }
  return shareAckMode === 'MANUAL'
    ? new ManualAckMode({ ...options, acknowledgmentTimeoutMs })
    : new ExplicitAckMode(options)
}

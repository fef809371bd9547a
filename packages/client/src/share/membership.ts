import {
  ErrorCode,
  KafkaBrokerError,
  KafkaError,
  KafkaProtocolError,
  KafkaTimeoutError,
  KafkaUnsupportedVersionError,
  ShareGroupHeartbeat,
  type ResponseOf,
} from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { ShareMetrics } from '../metrics/share-metrics.js'
import type { ClosingTime } from './closing-time.js'
import { JoinTroubles } from './join-troubles.js'
import { leaveGroup } from './leave-group.js'
import { MEMBERSHIP_LOST } from './member-failures.js'
import { clusterTooOld, explainRefusedJoin } from './refused-join.js'
import type { AssignedPartitions } from './routing.js'
import { Wake } from './wake.js'

// One member of a share group: joins, heartbeats, leaves (KIP-932). The loop in run() is all there is.
//
// Rules kept here
// - Joining is eager: until the first non-empty assignment heartbeats follow quickly, since the coordinator computes an
//   assignment only inside some member's heartbeat; after that, and after a while without one, at the coordinator's interval.
// - Epoch 0 joins; the answer's epoch goes with the next heartbeat; topics and rack are sent when they changed, and after
//   any error. A fenced or unknown member joins again with the same id; so does one that had no answer for
//   sessionTimeoutMs: its coordinator has put it out, or will, and it holds itself lost without being told.
// - What cannot heal by itself is fatal and told once; an authorisation failure is told and heartbeating goes on, so that
//   a mended ACL heals it. An answer that cannot be read is fatal to who joins, and to a member like none that came, but told.

/** Pauses between heartbeats while the assignment is empty, then STEADY_EAGER_MS. */
const EAGER_PAUSES_MS = [50, 100, 200, 300, 400]
const STEADY_EAGER_MS = 250
/** Eager heartbeats end after so many; a topic may simply not exist. */
const EAGER_HEARTBEATS = 40
/** So many follow quickly when another topic appears or is subscribed to: about 2.5 s, the assignment takes 1. */
const EAGER_HEARTBEATS_AGAIN = 12
/** Nobody waits longer to leave a group whose coordinator is gone: it will notice by itself, and a stop takes 5 s in all. */
const LONGEST_LEAVE_MS = 2_000
const JOIN_EPOCH = 0

export interface MembershipOptions {
  readonly context: KafkaClientContext
  readonly groupId: string
  readonly memberId: string
  /** What the group's description shows of the member; the context may belong to many. */
  readonly clientId: string
  readonly rack: string | undefined
  /** Used until the coordinator tells its own. */
  readonly heartbeatIntervalMs: number
  /** After so long without an answer the member holds itself lost. */
  readonly sessionTimeoutMs: number
  readonly metrics: ShareMetrics
  readonly listener: MembershipListener
}

export interface MembershipListener {
  /** A heartbeat was answered for the first time since the (re)join. */
  joined(): void
  /** Null: the member was fenced, or is lost, and holds nothing until it has joined again. */
  assigned(assignment: AssignedPartitions | null): void
  /** To be told to the application once; heartbeating goes on. */
  failed(error: KafkaError): void
  /** The membership has ended and does not come back by itself. */
  fatal(error: KafkaError): void
}

type HeartbeatResponse = ResponseOf<typeof ShareGroupHeartbeat>

export class Membership {
  readonly #options: MembershipOptions
  readonly #wake: Wake
  readonly #troubles: JoinTroubles
  readonly #aborted = new AbortController()
  #topics: readonly string[] = []
  #epoch = JOIN_EPOCH
  #intervalMs: number
  /** Everything is sent again: the coordinator may not know it. */
  #full = true
  #joined = false
  /** How many heartbeats still follow quickly, and how many did so in a row. */
  #eagerLeft = EAGER_HEARTBEATS
  #eagerInRow = 0
  #assigned = false
  #ended = false
  #hurry = false
  /** A heartbeat had no answer yet, or never will, and may have reached the coordinator. */
  #unheard = false
  /** Runs out sessionTimeoutMs after the last answer. */
  #session: Timer | undefined
  /** Counts how often the member held itself lost. What was asked before that does not count when it is answered after. */
  #losses = 0

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#intervalMs = options.heartbeatIntervalMs
    const { context, groupId, listener, metrics } = options
    metrics.assigned(null)
    this.#wake = new Wake(context.clock)
    this.#troubles = new JoinTroubles({ context, groupId, failed: (error) => listener.failed(error) })
  }

  /** The member is known to the coordinator. */
  get isMember(): boolean {
    return this.#joined
  }

  /** Replaces the subscription; the next heartbeat tells it. */
  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    this.#full = true
    this.hurry()
  }

  /** Heartbeat now, and quickly again for a while: a subscribed topic has just appeared, say. */
  hurry(): void {
    this.#eagerLeft = Math.max(this.#eagerLeft, EAGER_HEARTBEATS_AGAIN)
    this.#hurry = true
    this.#wake.notify()
  }

  /** Joins and heartbeats until leave() or a fatal error. Never rejects. */
  async run(): Promise<void> {
    const backoff = this.#options.context.backoff()
    while (!this.#ended) {
      // The heartbeat that goes out now says all that was called for until now.
      this.#wake.clear()
      if (this.#hurry) this.#eagerInRow = 0
      this.#hurry = false
      const joining = this.#epoch === JOIN_EPOCH
      const losses = this.#losses
      const unheard = this.#unheard
      const pauseMs = await this.#heartbeat().then(
        (response) => {
          // A leave that comes before the answer is taken in does not know of it.
          if (this.#ended) return 0
          // A broker that refuses this one may have taken an earlier one.
          this.#unheard = unheard && response.errorCode !== ErrorCode.NONE
          if (response.errorCode !== ErrorCode.NONE) return this.#refused(response) ?? backoff.next()
          if (losses !== this.#losses) return 0 // It told an epoch to a member that holds nothing any more.
          // A member that can join and is fenced at once, again and again, has to slow down too.
          if (!joining) backoff.reset()
          return this.#accept(response)
        },
        (error: unknown) => this.#unanswered(error) ?? backoff.next(),
      )
      if (!this.#ended) await this.#wake.wait(pauseMs)
    }
  }

  /**
   * Stops heartbeating and tells the coordinator, wherever that has moved; bounded by `time`. Never rejects: resolves with what
   * went wrong. That the coordinator knows neither group nor member any more is as good as a leave.
   */
  async leave({ leftMs, signal }: ClosingTime): Promise<KafkaError | undefined> {
    this.#end()
    // A join without an answer may have happened: it is answered by a leave like any other.
    const joined = this.#joined
    const known = joined || this.#unheard
    this.#joined = false
    this.#aborted.abort()
    this.#wake.notify()
    const { context, groupId, memberId, clientId } = this.#options
    const timeoutMs = Math.min(leftMs, LONGEST_LEAVE_MS)
    const leave = { groupId, memberId, clientId, timeoutMs, signal }
    const failure = known ? await leaveGroup(context, leave) : undefined
    // Who joins again later asks anew: much may have moved by then.
    context.coordinators.forget(groupId)
    // Whoever is not known to be a member loses nothing when it cannot leave.
    return joined ? failure : undefined
  }

  async #heartbeat(): Promise<HeartbeatResponse> {
    const { context, groupId, memberId, clientId, rack, sessionTimeoutMs } = this.#options
    // A coordinator that is gone without a word has to be noticed and another found before the session is over.
    const timeoutMs = Math.min(context.config.requestTimeoutMs, Math.max(this.#intervalMs, sessionTimeoutMs / 3))
    const signal = this.#aborted.signal
    this.#troubles.trying()
    await context.coordinators.find(groupId, { signal })
    const full = this.#full
    const body = {
      groupId,
      memberId,
      memberEpoch: this.#epoch,
      rackId: full ? (rack ?? null) : null,
      subscribedTopicNames: full ? [...this.#topics] : null,
    }
    this.#full = false
    this.#unheard = true
    const { metrics } = this.#options
    metrics.heartbeat()
    const to = { group: groupId }
    const response = await context.send(ShareGroupHeartbeat, body, { to, timeoutMs, signal, clientId })
    metrics.heartbeatAnswered()
    return response
  }

  /** How long until the next heartbeat. */
  #accept({ memberEpoch, heartbeatIntervalMs, assignment }: HeartbeatResponse): number {
    const { listener } = this.#options
    const isNews = memberEpoch !== this.#epoch
    this.#epoch = memberEpoch
    this.#troubles.over()
    if (heartbeatIntervalMs > 0) this.#intervalMs = heartbeatIntervalMs
    this.#watchSession()
    if (!this.#joined) {
      this.#joined = true
      listener.joined()
    }
    if (assignment !== null) {
      const assigned = assignment.topicPartitions
      this.#options.metrics.assigned(assigned)
      if (assigned.length > 0 && !this.#assigned) {
        this.#assigned = true
        this.#troubles.assigned()
        this.#eagerLeft = 0
      }
      if (this.#assigned) listener.assigned(assigned)
    } else if (isNews) {
      // An assignment is told once, unless asked for in full; it may have been in an answer that was lost.
      this.#full = true
    }
    if (!this.#assigned) this.#troubles.unassigned(this.#topics)
    if (this.#eagerLeft === 0) return this.#intervalMs
    this.#eagerLeft--
    return Math.min(this.#intervalMs, EAGER_PAUSES_MS[this.#eagerInRow++] ?? STEADY_EAGER_MS)
  }

  /** How long until the next heartbeat; undefined: back off. */
  #refused({ errorCode, errorMessage }: HeartbeatResponse): number | undefined {
    const { context, groupId, listener } = this.#options
    this.#full = true
    const error = KafkaBrokerError.of(errorCode, { api: 'ShareGroupHeartbeat', detail: errorMessage })
    switch (errorCode) {
      case ErrorCode.NOT_COORDINATOR:
      case ErrorCode.COORDINATOR_NOT_AVAILABLE:
        context.coordinators.forget(groupId)
        break
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        break
      case ErrorCode.FENCED_MEMBER_EPOCH:
      case ErrorCode.UNKNOWN_MEMBER_ID:
        this.#unheard = false
        context.logger.info({ groupId, code: error.code }, 'the coordinator fenced this member; it joins again')
        this.#rejoin()
        return undefined
      case ErrorCode.GROUP_ID_NOT_FOUND:
        if (this.#epoch === JOIN_EPOCH) return this.#endFor(error)
        context.logger.info({ groupId, code: error.code }, 'the coordinator lost the group; this member joins it again')
        this.#rejoin()
        return undefined
      case ErrorCode.TOPIC_AUTHORIZATION_FAILED:
        listener.failed(error)
        return this.#intervalMs
      default:
        if (!error.retriable) return this.#endFor(error)
    }
    if (!this.#joined) this.#troubles.cannotJoin(error)
    return undefined
  }

  #endFor(error: KafkaBrokerError): undefined {
    const { context, groupId, listener } = this.#options
    this.#end()
    listener.fatal(explainRefusedJoin(error, groupId, context.config.bootstrapServers))
  }

  #end(): void {
    this.#ended = true
    this.#session?.cancel()
  }

  #unanswered(error: unknown): number | undefined {
    const { context, groupId, listener } = this.#options
    this.#full = true
    if (this.#ended) return undefined
    if (KafkaError.is(error) && error.retriable) {
      context.coordinators.forget(groupId)
      context.logger.debug({ groupId, err: error }, 'a heartbeat was not answered; the coordinator is looked up again')
      if (!this.#joined) this.#troubles.cannotJoin(error)
      return undefined
    }
    // Damage on the way passes, like the loss of a connection, or lasts until the member is lost.
    if (KafkaProtocolError.is(error) && this.#joined) {
      context.coordinators.forget(groupId)
      listener.failed(new KafkaProtocolError(error.message, { cause: error, retriable: true }))
      return undefined
    }
    this.#end()
    if (KafkaUnsupportedVersionError.is(error)) listener.fatal(clusterTooOld(error))
    else
      listener.fatal(KafkaError.is(error) ? error : new KafkaError('A heartbeat could not be sent.', { cause: error }))
    return undefined
  }

  #watchSession(): void {
    const { context, sessionTimeoutMs } = this.#options
    this.#session?.cancel()
    // A group whose members are asked for a heartbeat more seldom than that has long sessions.
    const silenceMs = Math.max(sessionTimeoutMs, 2 * this.#intervalMs)
    this.#session = context.clock.setTimer(() => this.#lose(silenceMs), silenceMs, { unref: true })
  }

  /** No answer for a whole session: the coordinator has given this member's partitions away, or will. */
  #lose(silenceMs: number): void {
    if (!this.#joined) return
    const { groupId, listener, context } = this.#options
    const error = new KafkaTimeoutError(
      `The coordinator of group '${groupId}' answered no heartbeat for ${silenceMs} ms (sessionTimeoutMs): this member holds itself lost, and joins again as soon as a coordinator answers.`,
      { code: MEMBERSHIP_LOST },
    )
    context.logger.warn({ groupId }, error.message)
    this.#losses++
    this.#full = true
    this.#troubles.over()
    this.#rejoin()
    listener.failed(error)
    this.#wake.notify()
  }

  #rejoin(): void {
    this.#epoch = JOIN_EPOCH
    this.#joined = false
    this.#assigned = false
    this.#eagerLeft = EAGER_HEARTBEATS
    this.#eagerInRow = 0
    this.#options.metrics.assigned(null)
    this.#options.listener.assigned(null)
  }
}

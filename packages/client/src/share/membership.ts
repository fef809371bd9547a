import {
  ErrorCode,
  KafkaBrokerError,
  KafkaError,
  KafkaUnsupportedVersionError,
  KafkaUsageError,
  ShareGroupHeartbeat,
  type ResponseOf,
} from '@milena/protocol'
import { formatAddress, type Address } from '../cluster/address.js'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { AssignedPartitions } from './routing.js'
import { Wake } from './wake.js'

// One member of a share group: joins, heartbeats, leaves (KIP-932). The loop in run() is all there is.
//
// Rules kept here
// - Joining is eager: until the first non-empty assignment heartbeats follow quickly, since the coordinator computes an
//   assignment only inside some member's heartbeat; after that, and after a while without one, at the coordinator's interval.
// - Epoch 0 joins; the answer's epoch goes with the next heartbeat; topics and rack are sent when they changed, and after
//   any error. A fenced or unknown member joins again with the same id.
// - What cannot heal by itself is fatal and told once; an authorisation failure is told and heartbeating goes on, so that
//   a mended ACL heals it.

/** Pauses between heartbeats while the assignment is empty, then STEADY_EAGER_MS. */
const EAGER_PAUSES_MS = [50, 100, 200, 300, 400]
const STEADY_EAGER_MS = 250
/** Eager heartbeats end after so many; a topic may simply not exist. */
const EAGER_HEARTBEATS = 40
/** So many follow quickly when another topic appears or is subscribed to: about 2.5 s, the assignment takes 1. */
const EAGER_HEARTBEATS_AGAIN = 12
/** Nobody waits longer to leave a group whose coordinator is gone: it will notice by itself. */
const LONGEST_LEAVE_MS = 4_000
const LEAVE_EPOCH = -1
const JOIN_EPOCH = 0

export interface MembershipOptions {
  readonly context: KafkaClientContext
  readonly groupId: string
  readonly memberId: string
  readonly rack: string | undefined
  /** Used until the coordinator tells its own. */
  readonly heartbeatIntervalMs: number
  readonly listener: MembershipListener
}

export interface MembershipListener {
  /** A heartbeat was answered for the first time since the (re)join. */
  joined(): void
  /** Null: the member was fenced and holds nothing until it has joined again. */
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
  /** Since when no heartbeat of a member that has not joined was answered; undefined: one was, or none went out. */
  #tryingSince: number | undefined
  /** It was logged that they are not. */
  #warned = false
  /** A heartbeat is out, and may have reached the coordinator. */
  #asking = false

  constructor(options: MembershipOptions) {
    this.#options = options
    this.#intervalMs = options.heartbeatIntervalMs
    this.#wake = new Wake(options.context.clock)
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
      const pauseMs = await this.#heartbeat().then(
        (response) => {
          if (response.errorCode === ErrorCode.NONE) {
            backoff.reset()
            return this.#accept(response)
          }
          return this.#refused(response) ?? backoff.next()
        },
        (error: unknown) => this.#unanswered(error) ?? backoff.next(),
      )
      if (!this.#ended) await this.#wake.wait(pauseMs)
    }
  }

  /** Stops heartbeating and tells the coordinator, which is not asked twice; bounded by `atMostMs`. Never rejects. */
  async leave(atMostMs: number): Promise<KafkaError | undefined> {
    this.#ended = true
    // A join whose answer is outstanding may have happened: it is answered by a leave like any other.
    const known = this.#joined || this.#asking
    this.#joined = false
    this.#aborted.abort()
    this.#wake.notify()
    if (!known) return undefined
    const { context, groupId, memberId } = this.#options
    const timeoutMs = Math.min(atMostMs, LONGEST_LEAVE_MS)
    const body = { groupId, memberId, memberEpoch: LEAVE_EPOCH, rackId: null, subscribedTopicNames: null }
    // The signal bounds the search for a lost coordinator too, which goes on for much longer than one request.
    const late = new AbortController()
    const timer = context.clock.setTimer(() => late.abort(), timeoutMs)
    try {
      await context.send(ShareGroupHeartbeat, body, { to: { group: groupId }, timeoutMs, signal: late.signal })
      return undefined
    } catch (error) {
      return new KafkaError(
        `Group '${groupId}' could not be told within ${Math.round(timeoutMs)} ms that this member leaves; its coordinator notices after the session timeout.`,
        { code: KafkaError.is(error) ? error.code : 'LEAVE_FAILED', retriable: true, cause: error },
      )
    } finally {
      timer.cancel()
    }
  }

  async #heartbeat(): Promise<HeartbeatResponse> {
    const { context, groupId, memberId, rack } = this.#options
    const signal = this.#aborted.signal
    this.#tryingSince ??= context.clock.now()
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
    this.#asking = true
    try {
      return await context.send(ShareGroupHeartbeat, body, { to: { group: groupId }, signal })
    } finally {
      this.#asking = false
    }
  }

  /** How long until the next heartbeat. */
  #accept({ memberEpoch, heartbeatIntervalMs, assignment }: HeartbeatResponse): number {
    const { listener } = this.#options
    this.#epoch = memberEpoch
    this.#tryingSince = undefined
    this.#warned = false
    if (heartbeatIntervalMs > 0) this.#intervalMs = heartbeatIntervalMs
    if (!this.#joined) {
      this.#joined = true
      listener.joined()
    }
    if (assignment !== null) {
      const assigned = assignment.topicPartitions
      if (assigned.length > 0 && !this.#assigned) {
        this.#assigned = true
        this.#eagerLeft = 0
      }
      if (this.#assigned) listener.assigned(assigned)
    }
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
        return undefined
      case ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
        return undefined
      case ErrorCode.FENCED_MEMBER_EPOCH:
      case ErrorCode.UNKNOWN_MEMBER_ID:
        context.logger.info({ groupId, code: error.code }, 'the coordinator fenced this member; it joins again')
        this.#rejoin()
        return undefined
      case ErrorCode.TOPIC_AUTHORIZATION_FAILED:
        listener.failed(error)
        return this.#intervalMs
      default:
        if (error.retriable) return undefined
        this.#ended = true
        listener.fatal(this.#explained(error))
        return undefined
    }
  }

  #unanswered(error: unknown): number | undefined {
    const { context, groupId, listener } = this.#options
    this.#full = true
    if (this.#ended) return undefined
    if (KafkaError.is(error) && error.retriable) {
      context.coordinators.forget(groupId)
      context.logger.debug({ groupId, err: error }, 'a heartbeat was not answered; the coordinator is looked up again')
      if (!this.#joined) this.#cannotJoin(error)
      return undefined
    }
    this.#ended = true
    if (KafkaUnsupportedVersionError.is(error)) listener.fatal(tooOld(error))
    else
      listener.fatal(KafkaError.is(error) ? error : new KafkaError('A heartbeat could not be sent.', { cause: error }))
    return undefined
  }

  /** A broker that is just starting, or moving a group, heals in seconds; the application hears of what does not. */
  #cannotJoin(error: KafkaError): void {
    const { context, groupId, listener } = this.#options
    const { clock, config, logger } = context
    const now = clock.now()
    if (now - (this.#tryingSince ?? now) >= config.bootstrapTimeoutMs) {
      this.#tryingSince = undefined
      this.#warned = false
      listener.failed(error)
    } else if (!this.#warned) {
      this.#warned = true
      logger.warn({ groupId, code: error.code }, `${error.message} Trying again.`)
    }
  }

  #rejoin(): void {
    this.#epoch = JOIN_EPOCH
    this.#joined = false
    this.#assigned = false
    this.#eagerLeft = EAGER_HEARTBEATS
    this.#eagerInRow = 0
    this.#options.listener.assigned(null)
  }

  #explained(error: KafkaBrokerError): KafkaError {
    const { groupId } = this.#options
    switch (error.errorCode) {
      case ErrorCode.GROUP_ID_NOT_FOUND:
        return new KafkaUsageError(
          `Group '${groupId}' cannot be joined as a share group: it exists as a group of another type. Use another groupId, or delete that group.`,
          { code: error.code, cause: error },
        )
      case ErrorCode.GROUP_MAX_SIZE_REACHED:
        return new KafkaUsageError(
          `Share group '${groupId}' is full: raise the broker's group.share.max.size, or start fewer members.`,
          { code: error.code, cause: error },
        )
      case ErrorCode.UNSUPPORTED_VERSION:
        return switchedOff(error, this.#options.context.config.bootstrapServers)
      default:
        return error
    }
  }
}

function tooOld(cause: KafkaError): KafkaError {
  return new KafkaUnsupportedVersionError(
    `The cluster does not serve share groups, its Kafka is too old: Apache Kafka 4.2 or newer is needed. (${cause.message})`,
    { cause },
  )
}

function switchedOff(cause: KafkaError, bootstrapServers: readonly Address[]): KafkaError {
  const servers = bootstrapServers.map((address) => formatAddress(address)).join(',')
  return new KafkaUnsupportedVersionError(
    'The cluster does not serve share groups, they are switched off (share.version=0). On Apache Kafka 4.2 or newer switch ' +
      `them on: kafka-features.sh --bootstrap-server ${servers} upgrade --feature share.version=1`,
    { cause },
  )
}

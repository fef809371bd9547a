import {
  ErrorCode,
  KafkaBrokerError,
  KafkaUnsupportedVersionError,
  ShareAcknowledge,
  ShareFetch,
  type ResponseOf,
} from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { Connection } from '../network/connection.js'
import { AcknowledgeAnswers } from './acknowledge-answers.js'
import { AckSettlement, type Outgoing } from './ack-settlement.js'
import { sessionLost } from './ack-verdicts.js'
import type { AcquiredRange } from './acquired-range.js'
import type { AcquiredRecords, SentByPartition, Takeout } from './acquired-records.js'
import type { ClosingTime } from './closing-time.js'
import { FetchAnswers } from './fetch-answers.js'
import { FetchBytes } from './fetch-bytes.js'
import { LeaderDoubts } from './leader-doubts.js'
import { LeaderSession } from './leader-session.js'
import { PartitionRefusals } from './partition-refusals.js'
import type { RequestManagerHost } from './request-manager-host.js'
import { renewalOutcomes } from './renewal-words.js'
import { RequestRefusals } from './request-refusals.js'
import { RequestTurns, type Turn } from './request-turns.js'
import { SettledWaiters } from './settled-waiters.js'
import type { TopicIdPartition } from './share-partition.js'
import { shareAcknowledgeRequest, shareFetchRequest, type SessionStamp } from './share-requests.js'
import type { ReceivedPartition } from './share-response.js'
import { SessionEnding, silentBroker } from './session-ending.js'
import { FINAL_EPOCH, type ShareSession } from './share-session.js'
import { UnreadablePartitions } from './unreadable-partitions.js'
import { Wake } from './wake.js'

// One broker: the only sender of ShareFetch and ShareAcknowledge to it. The loop in run() reads top to bottom:
// decide what goes out next, send it, await the answer, then hand it to session, ledger and buffer.
//
// Rules kept here
// - One request in flight: the session's epochs allow no more, and the broker serves a connection one by one anyway.
// - Which request comes next, when, and how long it may wait at the broker, where no acknowledgement could overtake it, is
//   decided in request-turns.ts.
// - Any doubt about the session (an error of it, a lost or silent connection) ends it, with its connection and its ledger
//   (leader-session.ts), and a new one starts.

/** Others take their turns when a broker owes an answer for so long (see BrokerRotation). */
const TURN_MS = 1_000
/** How often the ledger is searched for locks that ran out unanswered. */
const EXPIRY_CHECK_MS = 1_000
type FetchResponse = ResponseOf<typeof ShareFetch>
type AcknowledgeResponse = ResponseOf<typeof ShareAcknowledge>
const NO_ANSWERS: SentByPartition = new Map()

type FetchTurn = Extract<Turn, { do: 'fetch' }>

export class RequestManager {
  readonly nodeId: number
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #leader: LeaderSession
  readonly #session: ShareSession
  readonly #wake: Wake
  readonly #turns: RequestTurns
  readonly #settlement: AckSettlement
  readonly #requestRefusals: RequestRefusals
  readonly #doubts: LeaderDoubts
  readonly #unreadable: UnreadablePartitions
  readonly #waiters = new SettledWaiters()
  readonly #bytes: FetchBytes
  readonly #fetchAnswers: FetchAnswers
  readonly #acknowledgeAnswers: AcknowledgeAnswers
  readonly #abort = new AbortController()
  #assigned: ReadonlySet<TopicIdPartition> = new Set()
  #closing = false
  /** Resolves when the request that is out has been answered, and what it brought handed on. */
  out: Promise<void> = Promise.resolve()
  /** A request is out. */
  #inFlight = false
  /** It carries acknowledgements. */
  #carrying = false
  /** When the request that is out, or was last, is or was to be answered at the latest by a broker that is well. */
  dueAt = 0
  #expireAt = 0
  /** Something of the last request went wrong in a way that wants a pause. */
  #backedOff = false

  constructor(nodeId: number, context: KafkaClientContext, host: RequestManagerHost) {
    this.nodeId = nodeId
    this.#context = context
    this.#host = host
    this.#wake = new Wake(context.clock)
    this.#leader = new LeaderSession(nodeId, context, host, {
      answered: (urgent) => {
        if (urgent) this.#turns.urge()
        this.#wake.notify()
      },
      startedOver: () => {
        this.#settlement.reset()
        // Otherwise they wait for what the request that is out comes to.
        if (!this.#inFlight) this.#endWaiting()
      },
      lost: () => this.#wake.notify(),
    })
    this.#session = this.#leader.session
    this.#turns = new RequestTurns(context.backoff(), host.settings.fetchMaxWaitMs)
    this.#settlement = new AckSettlement(host.settings.defaultApiTimeoutMs)
    this.#bytes = new FetchBytes(host.settings.fetchMaxBytes)
    this.#requestRefusals = new RequestRefusals(nodeId, context, host)
    this.#doubts = new LeaderDoubts(nodeId, context, host)
    this.#unreadable = new UnreadablePartitions(context, host)
    const { clock, logger } = context
    const { partitions } = host
    const [settlement, refusals] = [this.#settlement, new PartitionRefusals(context, host)]
    this.#fetchAnswers = new FetchAnswers({
      host,
      clock,
      logger,
      session: this.#session,
      settlement,
      refusals,
      unreadable: this.#unreadable,
      bytes: this.#bytes,
    })
    this.#acknowledgeAnswers = new AcknowledgeAnswers({ partitions, clock, settlement, refusals })
  }

  get #held(): AcquiredRecords {
    return this.#leader.held
  }

  /** The partitions to fetch from this broker, replacing those before. */
  want(partitions: ReadonlySet<TopicIdPartition>): void {
    this.#assigned = partitions
    this.#session.want(this.#unreadable.awake(partitions, this.#context.clock.now()))
    this.#host.rotation?.wants(this.nodeId, partitions.size > 0)
    this.#wake.notify()
  }

  /** Something changed that the next decision should see. */
  wake(): void {
    this.#wake.notify()
  }

  /** Sends what is answered at the next turn; resolves when each answer given so far has its verdict. */
  settled(): Promise<void> {
    if (!this.#held.hasUnsent && !this.#carrying) return Promise.resolve()
    this.#turns.await(this.#context.clock.now(), this.#held.hasUnsent)
    this.#turns.hurry()
    this.#wake.notify()
    return this.#waiters.add(!this.#held.hasUnsent)
  }

  /** The partitions whose answers have no verdict yet. */
  pendingPartitions(): Iterable<TopicIdPartition> {
    return this.#held.pendingPartitions()
  }

  /** Everything acquired that is not finished. */
  heldRanges(): Iterable<AcquiredRange> {
    return this.#held.ranges()
  }

  /** Records handed out and not answered. */
  get outstanding(): number {
    return this.#held.outstanding
  }

  /** Releases every record of this broker that is not answered; how many. */
  releaseOpen(): number {
    return this.#leader.releaseOpen()
  }

  /** Fetches and acknowledges until close(). Never rejects. */
  async run(): Promise<void> {
    while (!this.#closing) {
      const turn = this.#decide()
      if (turn.do === 'wait') {
        await this.#wake.wait(this.#held.hasOpen ? Math.min(turn.ms ?? Infinity, EXPIRY_CHECK_MS) : turn.ms)
        continue
      }
      const { connection } = this.#leader
      if (connection === undefined) await this.#connect() // What goes out then is decided then.
      else if (turn.do === 'fetch') await this.#inTurn(() => this.#perform(() => this.#fetch(connection, turn)))
      else if (turn.do === 'acknowledge') await this.#perform(() => this.#acknowledge(connection))
      else if (turn.do === 'renew') await this.#perform(() => this.#renew(connection))
      else await this.#endSession(connection)
    }
  }

  /**
   * Ends the session: what is answered goes with the closing request, what is not is RELEASEd by it. The loop (`running`)
   * has to come to rest first, which takes as long as the fetch that is out. A broker that says nothing is not waited for,
   * whatever `time` there would be.
   */
  async close(running: Promise<void>, time: ClosingTime): Promise<void> {
    this.#closing = true
    this.#leader.closing()
    this.#abort.abort()
    this.#wake.notify()
    const ending = new SessionEnding({
      clock: this.#context.clock,
      time,
      dueAt: this.#inFlight ? this.dueAt : undefined,
      giveUp: () => this.#leader.connection?.close(silentBroker(this.nodeId)),
    })
    await ending.waitFor(running)
    const { connection } = this.#leader
    if (connection === undefined) return
    await ending.finish(this.#turns.mutedForMs(this.#context.clock.now()), () => this.#endSession(connection))
  }

  /** Closes the session at the broker, giving back what is left, and the connection. */
  async #endSession(connection: Connection): Promise<void> {
    if (this.#session.isOpen) {
      this.#leader.releaseOpen()
      await this.#perform(() => this.#acknowledge(connection, FINAL_EPOCH))
    }
    this.#leader.end(connection)
  }

  // ---- deciding

  #decide(): Turn {
    const now = this.#context.clock.now()
    this.#expire(now)
    if (this.#unreadable.changesInMs(now) === 0) this.#session.want(this.#unreadable.awake(this.#assigned, now))
    const recordsToFetch = (): number => this.#recordsToFetch()
    let turn = this.#turns.decide({ now, session: this.#session, held: this.#held, recordsToFetch })
    // For a partition that rests the session is kept.
    const restMs = this.#unreadable.changesInMs(now)
    if (restMs < Infinity && (turn.do === 'wait' || turn.do === 'retire'))
      turn = { do: 'wait', ms: Math.min(restMs, turn.do === 'wait' ? (turn.ms ?? Infinity) : Infinity) }
    if (turn.do !== 'fetch' || this.#leader.connection === undefined)
      this.#host.rotation?.passes(this.nodeId, turn.do === 'wait')
    return turn
  }

  #recordsToFetch(): number {
    const { rotation } = this.#host
    const records = this.#host.recordsToFetch()
    return records === 0 || rotation === undefined || rotation.mayAsk(this.nodeId, () => this.#wake.notify())
      ? records
      : 0
  }

  /** Locks that ran out some time ago are given up. The deadlines are early by a fetch's wait at most. */
  #expire(now: number): void {
    if (now < this.#expireAt) return
    this.#expireAt = now + EXPIRY_CHECK_MS
    const expired = this.#held.expire(now - this.#host.settings.fetchMaxWaitMs - EXPIRY_CHECK_MS)
    if (expired > 0) this.#host.expired(expired)
  }

  // ---- sending

  async #connect(): Promise<void> {
    if (!(await this.#leader.connect(this.#abort.signal)) && !this.#closing) this.#pause()
  }

  async #inTurn(fetch: () => Promise<void>): Promise<void> {
    const { rotation } = this.#host
    if (rotation === undefined) return fetch()
    rotation.asked(this.nodeId)
    const fetching = fetch()
    const { clock } = this.#context
    // A broker that says nothing loses its turn.
    const timer = clock.setTimer(() => rotation.answered(this.nodeId), this.dueAt - clock.now() + TURN_MS)
    await fetching
    timer.cancel()
    rotation.answered(this.nodeId)
  }

  async #perform(request: () => Promise<void>): Promise<void> {
    this.#inFlight = true
    this.#settlement.begin()
    this.#backedOff = false
    await (this.out = request())
    if (!this.#backedOff) this.#turns.succeeded()
    this.#inFlight = false
    this.#carrying = false
    this.#endWaiting()
  }

  async #fetch(connection: Connection, { records: wished, answers }: FetchTurn): Promise<void> {
    const { clock } = this.#context
    const doubtful = this.#doubts.any
    const records = doubtful ? 1 : wished
    const { settings } = this.#host
    const changes = this.#session.changes()
    const sentAt = clock.now()
    const sent: SentByPartition = this.#session.isOpen ? this.#takeAnswers(answers) : new Map()
    const carrying = sent.size > 0
    const waiting = this.#host.applicationWaits()
    const inTurns = this.#host.rotation?.isShared ?? false
    const plan = { now: sentAt, held: this.#held, carrying: carrying || inTurns, waiting }
    const maxWaitMs = this.#turns.waitAtBrokerMs(plan)
    this.dueAt = sentAt + maxWaitMs
    const maxBytes = this.#bytes.maxBytes(records, this.#session.wanted.size)
    const outgoing: Outgoing = { api: 'ShareFetch', connection, held: this.#held, sent, sentAt }
    const { acquireMode } = settings
    const exact =
      acquireMode === 'record_limit' || (this.#leader.canLimitRecords && (doubtful || this.#host.exactFetches()))
    const body = shareFetchRequest(this.#stamp(), settings, {
      changes,
      acknowledgements: sent,
      records,
      exact,
      longestRange: this.#host.longestRange(),
      maxBytes,
      maxWaitMs,
    })
    this.#session.sentFetch(changes, sent.keys())
    let response: FetchResponse
    try {
      response = await connection.send(ShareFetch, body, { timeoutMs: settings.requestTimeoutMs + maxWaitMs })
    } catch (error) {
      this.#sessionFailed(outgoing, error)
      return
    }
    if (!this.#accept(outgoing, response)) return
    const { acquisitionLockTimeoutMs } = response
    if (acquisitionLockTimeoutMs > 0) this.#host.lockTimeout(acquisitionLockTimeoutMs)
    const { brought, refused } = await this.#fetchAnswers.read(outgoing, response)
    this.#settled()
    const empty = brought.length === 0
    this.#doubts.answered(!empty)
    this.#enter(outgoing.held, brought)
    const paced = this.#turns.fetched({
      empty,
      refused,
      sentAt,
      now: clock.now(),
      carried: carrying && !this.#held.hasOpen,
    })
    if (paced) this.#backedOff = true
  }

  async #acknowledge(connection: Connection, epoch = this.#session.epoch): Promise<void> {
    const sent = this.#takeAnswers('all')
    if (sent.size === 0 && epoch !== FINAL_EPOCH) return
    const outgoing = this.#outgoing(connection, sent)
    const response = await this.#sendAcknowledge(outgoing, sent, epoch)
    if (response === undefined || !this.#accept(outgoing, response)) return
    // A renewal tells it, too.
    if (response.acquisitionLockTimeoutMs > 0) this.#host.lockTimeout(response.acquisitionLockTimeoutMs)
    this.#acknowledgeAnswers.read(outgoing, response)
    this.#settled()
  }

  /** What the lock keeper wants renewed goes by itself: its refusal must cost the application no answer. */
  async #renew(connection: Connection): Promise<void> {
    const sent = this.#held.renewals.take((piece) => this.#host.renewalUnneeded(piece))
    if (sent.size === 0) return
    this.#host.metrics.acknowledging(sent)
    const outgoing = this.#outgoing(connection, NO_ANSWERS)
    const response = await this.#sendAcknowledge(outgoing, sent, this.#session.epoch)
    if (response === undefined) return
    this.#accept(outgoing, response)
    const { sentAt } = outgoing
    const { partitions } = this.#host
    for (const [partition, outcome] of renewalOutcomes(sent, response, { partitions, sentAt }))
      this.#host.renewalEnded(sent.get(partition)?.pieces ?? [], outcome)
  }

  #outgoing(connection: Connection, sent: SentByPartition): Outgoing {
    const sentAt = this.#context.clock.now()
    this.dueAt = sentAt
    return { api: 'ShareAcknowledge', connection, held: this.#held, sent, sentAt }
  }

  /** Undefined: it failed, and the session with it. */
  async #sendAcknowledge(
    outgoing: Outgoing,
    sent: SentByPartition,
    epoch: number,
  ): Promise<AcknowledgeResponse | undefined> {
    try {
      const body = shareAcknowledgeRequest({ ...this.#stamp(), epoch }, sent)
      const { requestTimeoutMs: timeoutMs } = this.#host.settings
      return await outgoing.connection.send(ShareAcknowledge, body, { timeoutMs })
    } catch (error) {
      this.#sessionFailed(outgoing, error)
      return undefined
    }
  }

  #stamp(): SessionStamp {
    const { groupId, memberId } = this.#host
    return { groupId, memberId, epoch: this.#session.epoch }
  }

  #takeAnswers(what: Takeout): SentByPartition {
    const sent = this.#held.send(what)
    this.#carrying = sent.size > 0
    if (this.#carrying) this.#turns.acknowledging(this.#context.clock.now())
    this.#host.metrics.acknowledging(sent)
    if (this.#held.hasUnsent) return sent
    this.#turns.answersSent()
    this.#waiters.sending()
    return sent
  }

  // ---- receiving

  /** Looks at the top of an answer. False: it holds nothing more of use, and what was sent has been settled. */
  #accept(
    outgoing: Outgoing,
    { errorCode, errorMessage, throttleTimeMs }: Pick<FetchResponse, 'errorCode' | 'errorMessage' | 'throttleTimeMs'>,
  ): boolean {
    // Whatever a broker says, it is asked again at some time.
    const { requestTimeoutMs } = this.#host.settings
    this.#turns.throttle(this.#context.clock.now(), Math.min(throttleTimeMs, requestTimeoutMs))
    // An answer and the end of its connection may come at once; then this is the broker's word on what was sent, no more.
    const lives = this.#leader.connection === outgoing.connection
    if (errorCode === ErrorCode.NONE) {
      if (lives) this.#session.advance()
      return true
    }
    const error = KafkaBrokerError.of(errorCode, { api: outgoing.api, detail: errorMessage })
    const session = this.#requestRefusals.refused(error)
    if (session === 'lost') {
      this.#sessionFailed(outgoing, error)
      return false
    }
    if (lives && session === 'untouched') this.#session.notTaken()
    else if (lives) this.#session.advance()
    const word = { errorCode, detail: errorMessage, lockMs: 0, now: this.#context.clock.now() }
    for (const partition of outgoing.sent.keys()) this.#settlement.settle(outgoing, partition, word)
    this.#settled()
    this.#pause()
    return false
  }

  #enter(held: AcquiredRecords, brought: readonly ReceivedPartition[]): void {
    if (!held.live || brought.length === 0) return
    let expired = 0
    for (const { ranges, unsupported } of brought) {
      for (const range of ranges) expired += held.enter(range)
      if (unsupported !== undefined) this.#host.fatal(unsupported)
    }
    if (expired > 0) this.#host.expired(expired)
    this.#host.received(brought)
  }

  /** What the answer said of acknowledgements is entered. */
  #settled(): void {
    // A renewal or release that goes out again still must not travel with a fetch.
    if (this.#settlement.again) this.#turns.urge()
    if (this.#settlement.refused && !this.#backedOff) {
      this.#backedOff = true
      this.#turns.pauseAnswers(this.#context.clock.now())
    }
  }

  #endWaiting(): void {
    const unsent = this.#held.hasUnsent
    if (this.#waiters.ended({ again: this.#settlement.again, unsent }))
      this.#turns.await(this.#context.clock.now(), unsent)
  }

  // ---- endings

  /** The request failed in a way that leaves the session in doubt. */
  #sessionFailed(outgoing: Outgoing, error: unknown): void {
    const cause = sessionLost(this.nodeId, error)
    // First, so that all that is lost is told as lost with its session.
    if (this.#leader.connection === outgoing.connection) this.#leader.lose(cause)
    this.#settlement.fail(outgoing, cause)
    if (KafkaUnsupportedVersionError.is(error)) this.#host.fatal(error)
    if (this.#closing) return
    this.#pause(outgoing.api === 'ShareFetch' ? this.#doubts.lost(KafkaBrokerError.is(error) ? error : cause) : 0)
  }

  /** Once for each request, whatever number of errors its answer holds. */
  #pause(atLeastMs = 0): void {
    if (this.#inFlight && this.#backedOff) return
    this.#backedOff = true
    this.#turns.pause(this.#context.clock.now(), atLeastMs)
  }
}

import {
  defaultCompressionCodecs,
  ErrorCode,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaUnsupportedVersionError,
  ShareAcknowledge,
  ShareFetch,
  type ResponseOf,
} from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { Connection } from '../network/connection.js'
import { requireShareGroups } from '../network/share-support.js'
import { AcknowledgementVerdicts, sessionLost } from './ack-verdicts.js'
import { AcquiredRecords, type SentByPartition } from './acquired-records.js'
import { AckCode } from './acknowledge-type.js'
import { BrokerAbsence } from './broker-absence.js'
import { FetchBytes } from './fetch-bytes.js'
import { PartitionRefusals } from './partition-refusals.js'
import type { RequestManagerHost } from './request-manager-host.js'
import { RequestTurns, type Turn } from './request-turns.js'
import { SettledWaiters } from './settled-waiters.js'
import type { TopicIdPartition } from './share-partition.js'
import { shareAcknowledgeRequest, shareFetchRequest, type SessionStamp } from './share-requests.js'
import { receivePartition, type ReceivedPartition } from './share-response.js'
import { FINAL_EPOCH, ShareSession } from './share-session.js'
import { Wake } from './wake.js'

// One broker: the only sender of ShareFetch and ShareAcknowledge to it. The loop in run() reads top to bottom:
// decide what goes out next, send it, await the answer, then hand it to session, ledger and buffer.
//
// Rules kept here
// - One request in flight: the session's epochs allow no more, and the broker serves a connection one by one anyway.
// - While records of this broker are out, a fetch does not wait at the broker (MaxWaitMs 0): an acknowledgement could not
//   overtake it. Which request comes next, and when, is decided in request-turns.ts.
// - Any doubt about the session (an error of it, a lost or silent connection) ends it: the connection is closed, which
//   makes the broker release what this member held, and a new session starts on a new one.

/** How often the ledger is searched for locks that ran out unanswered. */
const EXPIRY_CHECK_MS = 1_000
/** The version of ShareAcknowledge that knows renewals (KIP-1222). */
const RENEW_VERSION = 2
/** The version of ShareFetch that knows acquire modes (KIP-1206). */
const ACQUIRE_MODE_VERSION = 2

type FetchResponse = ResponseOf<typeof ShareFetch>
type AcknowledgeResponse = ResponseOf<typeof ShareAcknowledge>
type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]

type FetchTurn = Extract<Turn, { do: 'fetch' }>

/** A request on its way, and what its answer needs. */
interface Outgoing {
  readonly api: string
  readonly connection: Connection
  readonly held: AcquiredRecords
  readonly sent: SentByPartition
  readonly sentAt: number
}

export class RequestManager {
  readonly nodeId: number
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #session = new ShareSession()
  readonly #wake: Wake
  readonly #turns: RequestTurns
  readonly #verdicts: AcknowledgementVerdicts
  readonly #refusals: PartitionRefusals
  readonly #waiters = new SettledWaiters()
  readonly #bytes: FetchBytes
  readonly #absence: BrokerAbsence
  readonly #abort = new AbortController()
  #held: AcquiredRecords
  #connection: Connection | undefined
  /** The broker can acquire exactly as many records as it is asked for. */
  #canLimitRecords = false
  #closing = false
  /** Resolves when the request that is out has been answered, and what it brought handed on. */
  out: Promise<void> = Promise.resolve()
  /** A request is out. */
  #inFlight = false
  /** It carries acknowledgements. */
  #carrying = false
  #expireAt = 0
  /** Some answers of the last request are to be sent again. */
  #again = false
  /** Something of the last request went wrong in a way that wants a pause. */
  #backedOff = false

  constructor(nodeId: number, context: KafkaClientContext, host: RequestManagerHost) {
    this.nodeId = nodeId
    this.#context = context
    this.#host = host
    this.#wake = new Wake(context.clock)
    this.#turns = new RequestTurns(context.backoff(), host.settings.fetchMaxWaitMs)
    this.#verdicts = new AcknowledgementVerdicts(host.settings.defaultApiTimeoutMs)
    this.#bytes = new FetchBytes(host.settings.fetchMaxBytes)
    this.#refusals = new PartitionRefusals(context, host)
    this.#absence = new BrokerAbsence(nodeId, context.logger)
    this.#held = this.#newLedger()
  }

  /** The partitions to fetch from this broker, replacing those before. */
  want(partitions: ReadonlySet<TopicIdPartition>): void {
    this.#session.want(partitions)
    this.#wake.notify()
  }

  /** Something changed that the next decision should see. */
  wake(): void {
    this.#wake.notify()
  }

  /** Sends what is answered at the next turn; resolves when each answer given so far has its verdict. */
  settled(): Promise<void> {
    if (!this.#held.hasUnsent && !this.#carrying) return Promise.resolve()
    if (this.#held.hasUnsent) this.#turns.await()
    this.#wake.notify()
    return this.#waiters.add(!this.#held.hasUnsent)
  }

  /** The partitions whose answers have no verdict yet. */
  pendingPartitions(): Iterable<TopicIdPartition> {
    return this.#held.pendingPartitions()
  }

  /** Releases every record of this broker that is not answered; how many. */
  releaseOpen(): number {
    return this.#held.answerAllOpen(AckCode.RELEASE)
  }

  /** Fetches and acknowledges until close(). Never rejects. */
  async run(): Promise<void> {
    while (!this.#closing) {
      const turn = this.#decide()
      if (turn.do === 'wait') {
        await this.#wake.wait(turn.ms)
        continue
      }
      const connection = this.#connection
      if (connection === undefined) await this.#connect() // What goes out then is decided then.
      else if (turn.do === 'fetch') await this.#perform(() => this.#fetch(connection, turn))
      else if (turn.do === 'acknowledge') await this.#perform(() => this.#acknowledge(connection))
      else await this.#endSession(connection)
    }
  }

  /**
   * Ends the session: what is answered goes with the closing request, what is not is RELEASEd by it. The loop (`running`)
   * has to come to rest first, which takes as long as the fetch that is out. `deadline` is on the injected clock.
   */
  async close(running: Promise<void>, deadline: number): Promise<void> {
    this.#closing = true
    this.#abort.abort()
    this.#wake.notify()
    const { clock } = this.#context
    const timer = clock.setTimer(() => this.#connection?.close(), Math.max(1, deadline - clock.now()))
    await running
    if (this.#connection !== undefined) await this.#endSession(this.#connection)
    timer.cancel()
  }

  /** Closes the session at the broker, giving back what is left, and the connection. */
  async #endSession(connection: Connection): Promise<void> {
    if (this.#session.isOpen) {
      this.#held.answerAllOpen(AckCode.RELEASE)
      await this.#perform(() => this.#acknowledge(connection, FINAL_EPOCH))
    }
    this.#connection = undefined
    connection.close()
    this.#startOver(new KafkaConnectionError(`The share session with broker ${this.nodeId} was closed.`))
  }

  // ---- deciding

  #decide(): Turn {
    const now = this.#context.clock.now()
    this.#expire(now)
    const recordsToFetch = (): number => this.#host.recordsToFetch()
    return this.#turns.decide({ now, session: this.#session, held: this.#held, recordsToFetch })
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
    const { clientId } = this.#host.settings
    try {
      const connection = await this.#context.openConnection(this.nodeId, { clientId, signal: this.#abort.signal })
      try {
        requireShareGroups(connection)
        this.#requireAcquireMode(connection)
      } catch (error) {
        connection.close()
        throw error
      }
      this.#connection = connection
      this.#absence.over()
      this.#held.renewable = connection.version(ShareAcknowledge) >= RENEW_VERSION
      this.#canLimitRecords = connection.version(ShareFetch) >= ACQUIRE_MODE_VERSION
      connection.onClose((error) => {
        if (this.#connection === connection) this.#lose(error)
      })
    } catch (error) {
      if (this.#closing) return
      const failure = KafkaError.is(error) ? error : new KafkaError(String(error), { cause: error })
      if (!failure.retriable) this.#host.fatal(failure)
      else this.#absence.failed(failure)
      this.#host.leadersMoved()
      this.#pause()
    }
  }

  // Left out where the broker does not know it, a limit that the application counts on would be no limit at all.
  #requireAcquireMode(connection: Connection): void {
    if (this.#host.settings.acquireMode !== 'record_limit' || connection.version(ShareFetch) >= ACQUIRE_MODE_VERSION)
      return
    throw new KafkaUnsupportedVersionError(
      `Broker ${connection.brokerName} does not know acquireMode 'record_limit': Apache Kafka 4.2 or newer is needed. Use 'batch_optimized'.`,
    )
  }

  async #perform(request: () => Promise<void>): Promise<void> {
    this.#inFlight = true
    this.#again = false
    this.#backedOff = false
    await (this.out = request())
    if (!this.#backedOff) this.#turns.succeeded()
    this.#inFlight = false
    this.#carrying = false
    this.#endWaiting()
  }

  async #fetch(connection: Connection, { records, answers }: FetchTurn): Promise<void> {
    const { clock } = this.#context
    const { settings } = this.#host
    const changes = this.#session.changes()
    // Whoever waits for verdicts must not wait for records too.
    const { awaited } = this.#turns
    const sent: SentByPartition = this.#session.isOpen ? this.#takeAnswers(answers) : new Map()
    const maxWaitMs = awaited || this.#held.hasOpen ? 0 : settings.fetchMaxWaitMs
    const maxBytes = this.#bytes.maxBytes(records, this.#session.wanted.size)
    const outgoing: Outgoing = { api: 'ShareFetch', connection, held: this.#held, sent, sentAt: clock.now() }
    const { acquireMode } = settings
    const exact =
      acquireMode === undefined ? this.#canLimitRecords && this.#host.exactFetches() : acquireMode === 'record_limit'
    const body = shareFetchRequest(this.#stamp(), settings, {
      changes,
      acknowledgements: sent,
      records,
      exact,
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
    const empty = await this.#receive(outgoing, response)
    this.#turns.fetched({ empty, sentAt: outgoing.sentAt, now: clock.now() })
  }

  async #acknowledge(connection: Connection, epoch = this.#session.epoch): Promise<void> {
    const { clock } = this.#context
    const { requestTimeoutMs } = this.#host.settings
    const sent = this.#takeAnswers('all')
    if (sent.size === 0 && epoch !== FINAL_EPOCH) return
    const outgoing: Outgoing = { api: 'ShareAcknowledge', connection, held: this.#held, sent, sentAt: clock.now() }
    let response: AcknowledgeResponse
    try {
      const body = shareAcknowledgeRequest({ ...this.#stamp(), epoch }, sent)
      response = await connection.send(ShareAcknowledge, body, { timeoutMs: requestTimeoutMs })
    } catch (error) {
      this.#sessionFailed(outgoing, error)
      return
    }
    if (!this.#accept(outgoing, response)) return
    const missing = new Map(sent)
    for (const { topicId, partitions } of response.responses) {
      for (const { partitionIndex, errorCode, errorMessage, currentLeader } of partitions) {
        const partition = this.#host.partitions.find(topicId, partitionIndex)
        if (partition === undefined || !missing.delete(partition)) continue
        this.#settle(outgoing, partition, errorCode, errorMessage, response.acquisitionLockTimeoutMs)
        this.#refusals.followLeader(partition, errorCode, currentLeader, response.nodeEndpoints)
      }
    }
    this.#settleMissing(outgoing, missing)
  }

  #stamp(): SessionStamp {
    const { groupId, memberId } = this.#host
    return { groupId, memberId, epoch: this.#session.epoch }
  }

  #takeAnswers(what: 'all' | 'whole ranges'): SentByPartition {
    const sent = this.#held.send(what)
    this.#carrying = sent.size > 0
    if (this.#held.hasUnsent) return sent
    this.#turns.answersSent()
    this.#waiters.sending()
    return sent
  }

  // ---- receiving

  /** Looks at the top of an answer. False: it holds nothing more of use, and what was sent has been settled. */
  #accept(
    outgoing: Outgoing,
    { errorCode, errorMessage }: { errorCode: number; errorMessage: string | null },
  ): boolean {
    if (errorCode === ErrorCode.NONE) {
      this.#session.advance()
      return true
    }
    const error = KafkaBrokerError.of(errorCode, { api: outgoing.api, detail: errorMessage })
    switch (errorCode) {
      case ErrorCode.SHARE_SESSION_NOT_FOUND:
      case ErrorCode.INVALID_SHARE_SESSION_EPOCH:
      case ErrorCode.SHARE_SESSION_LIMIT_REACHED:
        this.#sessionFailed(outgoing, error)
        return false
      case ErrorCode.UNSUPPORTED_VERSION:
      case ErrorCode.INVALID_REQUEST:
        this.#host.fatal(error)
        break
      case ErrorCode.GROUP_AUTHORIZATION_FAILED:
        this.#host.failed(error)
        break
      default:
        this.#context.logger.debug({ nodeId: this.nodeId, err: error }, 'a share request was refused; trying again')
    }
    this.#session.advance()
    for (const partition of outgoing.sent.keys()) this.#settle(outgoing, partition, errorCode, errorMessage, 0)
    // Kafka 4.2 and 4.3 answer so when the session holds a deleted topic.
    this.#host.leadersMoved()
    this.#pause()
    return false
  }

  /** Hands a fetch answer on, partition by partition. True when it brought nothing. */
  async #receive(outgoing: Outgoing, response: FetchResponse): Promise<boolean> {
    const { acquisitionLockTimeoutMs, nodeEndpoints } = response
    const missing = new Map(outgoing.sent)
    const brought: ReceivedPartition[] = []
    let refused = false
    for (const { topicId, partitions } of response.responses) {
      for (const fetched of partitions) {
        const partition = this.#host.partitions.find(topicId, fetched.partitionIndex)
        if (partition === undefined) continue
        if (missing.delete(partition)) {
          const { acknowledgeErrorCode, acknowledgeErrorMessage } = fetched
          this.#settle(outgoing, partition, acknowledgeErrorCode, acknowledgeErrorMessage, acquisitionLockTimeoutMs)
        }
        if (fetched.errorCode !== ErrorCode.NONE) {
          refused = true
          this.#refusals.fetch(partition, fetched, nodeEndpoints)
        }
        if (fetched.acquiredRecords.length > 0)
          brought.push(await this.#open(outgoing, partition, fetched, acquisitionLockTimeoutMs))
      }
    }
    this.#settleMissing(outgoing, missing)
    // A partition in error is in every answer until it is forgotten: it must not slow down those that bring something.
    if (refused && brought.length === 0) this.#pause()
    this.#enter(outgoing.held, brought)
    return brought.length === 0
  }

  async #open(
    outgoing: Outgoing,
    partition: TopicIdPartition,
    fetched: FetchedPartition,
    lockMs: number,
  ): Promise<ReceivedPartition> {
    const { held, sentAt } = outgoing
    const received = await receivePartition(
      { partition, records: fetched.records, acquired: fetched.acquiredRecords },
      {
        holder: held,
        codecs: defaultCompressionCodecs,
        checkCrcs: this.#host.settings.checkCrcs,
        lockDeadline: sentAt + lockMs,
      },
    )
    let acquired = 0
    for (const { length } of received.ranges) acquired += length
    this.#bytes.received(acquired, fetched.records?.length ?? 0)
    return received
  }

  #enter(held: AcquiredRecords, brought: readonly ReceivedPartition[]): void {
    if (!held.live || brought.length === 0) return
    for (const { ranges, unsupported } of brought) {
      for (const range of ranges) held.enter(range)
      if (unsupported !== undefined) this.#host.fatal(unsupported)
    }
    this.#host.received(brought)
  }

  // ---- verdicts

  #settle(
    { held, sent, sentAt }: Outgoing,
    partition: TopicIdPartition,
    code: number,
    detail: string | null,
    lockMs: number,
  ): void {
    const answers = sent.get(partition)
    if (answers === undefined) return
    const times = { now: this.#context.clock.now(), lockDeadline: sentAt + lockMs }
    const verdict = this.#verdicts.of(partition, code, detail, times)
    if (held.settle(partition, answers, verdict)) {
      this.#again = true
      // A renewal or release that goes out again still must not travel with a fetch.
      this.#turns.urge()
    }
    if (verdict.outcome === 'again') this.#pause()
  }

  #settleMissing({ held }: Outgoing, missing: SentByPartition): void {
    for (const [partition, answers] of missing) held.settle(partition, answers, this.#verdicts.missing(partition))
  }

  #endWaiting(): void {
    const unsent = this.#held.hasUnsent
    if (this.#waiters.ended({ again: this.#again, unsent })) this.#turns.await()
  }

  // ---- endings

  /** The request failed in a way that leaves the session in doubt. */
  #sessionFailed({ connection, held, sent }: Outgoing, error: unknown): void {
    const cause = sessionLost(this.nodeId, error)
    for (const [partition, answers] of sent)
      held.settle(partition, answers, { outcome: 'failed', error: cause, together: false })
    if (this.#connection === connection) this.#lose(cause)
    if (KafkaUnsupportedVersionError.is(error)) this.#host.fatal(error)
    if (!this.#closing) this.#pause()
  }

  /** The session is over: every lock that it held is gone, or soon will be. */
  #lose(error: KafkaError): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.close()
    const cause = sessionLost(this.nodeId, error)
    const lost = this.#startOver(cause)
    if (this.#closing) return
    this.#host.lost(lost, cause)
    this.#host.leadersMoved()
    this.#wake.notify()
  }

  /** A new session with a ledger of its own; how many unanswered records the old one held. */
  #startOver(cause: KafkaError): number {
    const lost = this.#held.lose(cause)
    this.#held = this.#newLedger()
    this.#session.reset()
    this.#verdicts.reset()
    // Otherwise they wait for what the request that is out comes to.
    if (!this.#inFlight) this.#endWaiting()
    return lost
  }

  #newLedger(): AcquiredRecords {
    const ledger: AcquiredRecords = new AcquiredRecords({
      answered: (urgent) => {
        if (ledger !== this.#held) return
        if (urgent) this.#turns.urge()
        this.#wake.notify()
      },
      verdict: (verdict) => this.#host.verdict(verdict),
    })
    return ledger
  }

  /** Once for each request, whatever number of errors its answer holds. */
  #pause(): void {
    if (this.#inFlight && this.#backedOff) return
    this.#backedOff = true
    this.#turns.pause(this.#context.clock.now())
  }
}

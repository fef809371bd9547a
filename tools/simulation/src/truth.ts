import type { AcknowledgementVerdict, AcknowledgeType } from '@milena/client'
import { ErrorCode, errorName } from '@milena/protocol'
import type { VirtualClock } from '@milena/protocol/runtime'
import { AckCode, Acquisitions, told, type Acquisition } from './acquisitions.js'
import { answerFault } from './answer-faults.js'
import { UNDECODABLE } from './apps/deserialiser.js'
import type { Alteration } from './damaged-answers.js'
import type { Findings } from './findings.js'
import type { LogTruth } from './log-truth.js'
import { FINAL } from './refusals.js'
import { SessionRefusals } from './session-refusals.js'
import type { SimProcess } from './sim-process.js'
import { acknowledgementsOf, eachOffset, type AckBatches } from './wire-acknowledgements.js'
import type { HandedOutRecord, LostRange } from './record-places.js'
import { RequestCounts } from './request-counts.js'
import { requestLine, responseLine } from './wire-lines.js'
import { meant, toCome } from './which-acquisition.js'
import type { Exchange, FetchResponse, WireObserver, WireTap } from './wire-tap.js'

// What really happened, told by the wire beside the brokers and by the applications' own word. The client's book-keeping is
// never asked: what it sends, hands out and reports is held against what the broker said.
//
// Rules kept here
// - An acquisition begins with the broker's answer that names it and ends with the broker's word on a terminal answer, with its
//   connection, or with its lock.
// - Where nobody can know (a connection ended between request and answer), the outcome is unknown, and both are right.
// - A lock's end is known within bounds: earliest from when the request was sent, latest from when its answer was read.

export class Truth implements WireObserver {
  /** Whose record it is that an application, or its filter, has seen before: a renewed one comes back as the same object. */
  readonly #met = new WeakMap<object, Acquisition>()
  readonly acquisitions = new Acquisitions()
  readonly topicNames = new Map<string, string>()
  /** Of each group, place and offset: the terminal answers that the broker took, and those of which nobody knows. */
  readonly outcomes = new Map<string, { type: number; sure: boolean; acquisition: Acquisition }[]>()
  /** Of each group: fetches whose answers never came. What they acquired nobody saw. */
  readonly lostFetches = new Map<string, number>()
  readonly requests = new RequestCounts()
  /** Changes an answer on its way to the client. */
  alter: ((response: FetchResponse) => Alteration) | undefined
  /** When each partition's leader last moved or died. */
  readonly leaderMovedMs = new Map<string, number>()
  readonly refusals = new SessionRefusals()
  renewalsAllowed = true
  /** The broker that got the last heartbeat. */
  lastCoordinator: number | undefined
  /** When each member sent its last heartbeat. */
  readonly heartbeatMs = new Map<string, number>()
  /** When each broker last answered a fetch of each member: what a session has of partitions changes with those only. */
  readonly fetchedMs = new Map<string, number>()
  /** In which process each member lives. */
  readonly processOf = new Map<string, SimProcess>()
  readonly #clock: VirtualClock
  readonly #findings: Findings
  readonly #log: LogTruth
  /** What an application is just telling the client about: a verdict that comes meanwhile is about this. */
  #deciding: Acquisition | undefined
  readonly #keepers = new Set<string>()

  constructor(clock: VirtualClock, findings: Findings, log: LogTruth) {
    this.#clock = clock
    this.#findings = findings
    this.#log = log
  }

  /** This member's locks are renewed without its application's asking. */
  keepsLocks(memberId: string): void {
    this.#keepers.add(memberId)
  }

  // ---- the applications' word

  /** An application got a record. Undefined: nothing is known of it, which was told as a finding. */
  handedOut(memberId: string, record: HandedOutRecord, value: unknown): Acquisition | undefined {
    const place = `${record.topic}-${record.partition}`
    const acquisition = this.#handed(memberId, place, record)
    const now = this.#clock.now()
    if (acquisition === undefined) {
      this.#findings.broken(
        'TWICE',
        `${place}@${record.offset} (delivery ${record.deliveryCount}) was handed out, and the broker has not given it to ${memberId.slice(0, 6)}`,
      )
      return undefined
    }
    this.#meets(acquisition, record)
    acquisition.handedOut++
    const content = this.#log.at(place, record.offset)
    if (content?.kind === 'hole' || content === undefined) {
      this.#findings.broken('LOST', `${told(acquisition)} was handed out, and there is no record at this offset`)
    } else if (value !== undefined && content.value !== value) {
      this.#findings.broken(
        'LOST',
        `${told(acquisition)} was handed out as ${JSON.stringify(value)}, and it is ${JSON.stringify(content.value)}`,
      )
    }
    if (acquisition.handedOut > 1 + acquisition.renewedByApplication) {
      this.#findings.broken(
        'TWICE',
        `${told(acquisition)} was handed out ${acquisition.handedOut} times under one lock, renewed ${acquisition.renewedByApplication} times`,
      )
    }
    if (acquisition.sent !== undefined) {
      this.#findings.broken('TWICE', `${told(acquisition)} was handed out when it was answered already`)
    }
    const { closedAtClientMs } = acquisition.tap
    if (closedAtClientMs !== undefined && closedAtClientMs < now) {
      this.#findings.broken(
        'TWICE',
        `${told(acquisition)} was handed out ${now - closedAtClientMs} ms after its session was lost`,
      )
    }
    if (acquisition.surelyEndsMs < now) {
      this.#findings.broken(
        'TWICE',
        `${told(acquisition)} was handed out ${now - acquisition.surelyEndsMs} ms after its lock had run out`,
      )
    }
    return acquisition
  }

  /** What a member holds of a record that it has not handed out yet. */
  held(memberId: string, record: HandedOutRecord): Acquisition | undefined {
    const acquisition = this.#handed(memberId, `${record.topic}-${record.partition}`, record)
    if (acquisition !== undefined) this.#meets(acquisition, record)
    return acquisition
  }

  #meets(acquisition: Acquisition, record: HandedOutRecord): void {
    this.#met.set(record, acquisition)
    acquisition.isMet = true
    this.acquisitions.saw(acquisition)
  }

  /** Whether this very record was seen before, or else which of those that may come it is. */
  #handed(memberId: string, place: string, record: HandedOutRecord): Acquisition | undefined {
    const met = this.#met.get(record)
    if (met !== undefined) return met
    return toCome(this.acquisitions.chain([memberId], place, record.offset), record.deliveryCount, this.#clock.now())
  }

  /** The client says that these locks are lost: of several of one record that of the earliest. */
  lost(memberId: string, { partition, firstOffset, lastOffset, deliveryCount }: LostRange): void {
    const place = `${partition.topic}-${partition.partition}`
    for (let offset = firstOffset; offset <= lastOffset; offset++) {
      const open = this.acquisitions
        .chain([memberId], place, offset)
        .findLast((each) => each.deliveryCount === deliveryCount && each.sent === undefined && !each.isGivenUp)
      if (open !== undefined) open.isGivenUp = true
    }
  }

  /** What an application was told instead of a record that cannot be read. */
  unreadable(
    memberId: string,
    {
      topic,
      partition,
      offset,
      deliveryCount,
    }: Omit<HandedOutRecord, 'deliveryCount'> & { readonly deliveryCount?: number },
  ): Acquisition | undefined {
    const chain = this.acquisitions.chain([memberId], `${topic}-${partition}`, offset)
    const about = deliveryCount === undefined ? chain[0] : chain.find((each) => each.deliveryCount === deliveryCount)
    if (about !== undefined) this.acquisitions.saw(about)
    return about
  }

  /** An application decides; to be told before the client is. */
  intends(acquisition: Acquisition | undefined, type: AcknowledgeType): void {
    if (acquisition === undefined) return
    if (type === 'RENEW') acquisition.renewedByApplication++
    else {
      acquisition.intent = type
      this.#deciding = acquisition
    }
  }

  /** The client refused the decision: what was decided before it holds, if anything was. */
  withdraws(acquisition: Acquisition | undefined, before?: AcknowledgeType): void {
    this.#deciding = undefined
    if (acquisition !== undefined) acquisition.intent = before
  }

  /** The client took the decision over. */
  owed(acquisition: Acquisition | undefined): void {
    this.#deciding = undefined
    if (acquisition !== undefined) acquisition.owed++
  }

  /** What the client says became of answers; `memberIds`: all that its consumer has been so far. */
  verdict(memberIds: readonly string[], { partition, batches, error }: AcknowledgementVerdict): void {
    const place = `${partition.topic}-${partition.partition}`
    eachOffset(batches, (offset, type) => {
      if (type === AckCode.GAP) return
      const chain = this.acquisitions.chain(memberIds, place, offset)
      if (type === AckCode.RENEW) {
        if (error === undefined && chain.every(({ renewals }) => renewals === 0)) {
          this.#findings.broken(
            'VERDICT',
            `a renewal of ${place}@${offset} is said to be granted, and no broker did so`,
          )
        }
        return
      }
      const about = meant(chain, type, { applied: error === undefined, deciding: this.#deciding })
      if (about === undefined) {
        this.#findings.broken(
          'VERDICT',
          `${place}@${offset}: a verdict (${error?.message ?? 'applied'}) on an answer ${type} that was neither given nor sent`,
        )
        return
      }
      about.verdicts++
      if (error === undefined && !about.isTold) {
        this.#findings.broken(
          'VERDICT',
          `${told(about)} is said to be applied (${type}), and the broker did not say so (${about.outcome ?? 'no answer'})`,
        )
      }
      if (error !== undefined && about.isTold) {
        this.#findings.broken(
          'VERDICT',
          `${told(about)} is said to have failed (${error.message}), and the broker said that it was applied`,
        )
      }
    })
  }

  // ---- the wire

  counted(tap: WireTap, apiKey: number): void {
    const busy = this.requests.counted(tap, apiKey, this.#clock.now())
    if (busy !== undefined) this.#findings.broken('FOREVER', busy)
  }

  heartbeat(
    tap: WireTap,
    { memberId, memberEpoch }: { readonly memberId: string; readonly memberEpoch: number },
  ): void {
    this.#findings.say(`${tap.process.name} > ${tap.nodeId} heartbeat ${memberId.slice(0, 6)} epoch ${memberEpoch}`)
    this.lastCoordinator = tap.nodeId
    this.heartbeatMs.set(memberId, this.#clock.now())
    this.processOf.set(memberId, tap.process)
  }

  sent(exchange: Exchange): void {
    const { request, tap } = exchange
    this.processOf.set(request.memberId ?? '', tap.process)
    this.#findings.say(requestLine(exchange, this.topicNames))
    if (request.shareSessionEpoch === 0) {
      tap.session++
      tap.sessionSentMs = this.#clock.now()
      tap.memberId = request.memberId ?? undefined
    }
    for (const { place, batches } of acknowledgementsOf(exchange, this.topicNames)) {
      eachOffset(batches, (offset, type) => this.#answerSent(exchange, place, offset, type))
      if (batches.length > 0 && request.shareSessionEpoch === 0) {
        this.#findings.broken('PROTOCOL', `a session of ${tap.process.name} began with acknowledgements`)
      }
    }
  }

  /** Which acquisition a request speaks of: the last one of this connection. None: that of another. */
  #of({ tap, request }: Exchange, place: string, offset: number): Acquisition | undefined {
    const latest = this.acquisitions.latest(request.memberId ?? '', place, offset)
    for (let each = latest; each !== undefined; each = each.before) if (each.tap === tap) return each
    return latest
  }

  #answerSent(exchange: Exchange, place: string, offset: number, type: number): void {
    const { tap } = exchange
    const acquisition = this.#of(exchange, place, offset)
    if (acquisition === undefined) {
      return this.#findings.broken(
        'TWICE',
        `${tap.process.name} answers ${place}@${offset} (${type}), which it never got`,
      )
    }
    if (!acquisition.isDelivered || acquisition.tap !== tap || acquisition.session !== tap.session) {
      return this.#findings.broken(
        'TWICE',
        `${told(acquisition)} is answered (${type}) to broker ${tap.nodeId} in another session than it came from`,
      )
    }
    if (acquisition.sent !== undefined) {
      return this.#findings.broken(
        'TWICE',
        `${told(acquisition)} is answered twice within one lock: ${acquisition.sent}, then ${type}`,
      )
    }
    if (type === AckCode.RENEW) {
      if (acquisition.renewedByApplication === 0 && !this.#keepers.has(acquisition.memberId)) {
        this.#findings.broken('VERDICT', `${told(acquisition)} is renewed, and nobody asked for it`)
      }
      return
    }
    acquisition.sent = type
    acquisition.wasSent = true
    acquisition.isOut = true
    const content = this.#log.at(place, offset)
    const isRecord = content !== undefined && content.kind !== 'hole'
    const fault = answerFault(acquisition, type, isRecord, isRecord && content.value.startsWith(UNDECODABLE))
    if (fault !== undefined) this.#findings.broken('LOST', `${told(acquisition)}: ${fault}`)
  }

  answered(exchange: Exchange): boolean {
    const { tap, response, request } = exchange
    if (response === undefined) return false
    this.refusals.strayed(tap, this.#clock.now())
    if (exchange.api === 'ShareFetch') this.fetchedMs.set(`${request.memberId} ${tap.nodeId}`, this.#clock.now())
    const { errorCode } = response
    const isInjected = this.refusals.takeInjected(exchange)
    this.#findings.say(responseLine(exchange, response, this.topicNames))
    if (errorCode !== 0) {
      if (this.refusals.isFaultOfClient(tap, errorCode, isInjected)) {
        this.#findings.broken(
          'PROTOCOL',
          `broker ${tap.nodeId} answers ${errorName(errorCode)} to ${exchange.api} of ${tap.process.name}, epoch ${request.shareSessionEpoch}`,
        )
      }
      this.#settleAll(exchange, errorCode)
      return false
    }
    const codes = new Map<string, number>()
    for (const { topicId, partitions } of response.responses) {
      const topic = this.topicNames.get(topicId) ?? topicId
      for (const partition of partitions) {
        codes.set(
          `${topic}-${partition.partitionIndex}`,
          'acknowledgeErrorCode' in partition ? partition.acknowledgeErrorCode : partition.errorCode,
        )
      }
    }
    for (const { place, batches } of acknowledgementsOf(exchange, this.topicNames)) {
      if (batches.length === 0) continue
      const code = codes.get(place)
      this.#settle(exchange, place, batches, code ?? ErrorCode.INVALID_RECORD_STATE, isInjected)
    }
    return exchange.api === 'ShareFetch' && this.#acquired(exchange)
  }

  /** The records of a fetch answer are this member's. */
  #acquired(exchange: Extract<Exchange, { api: 'ShareFetch' }>): boolean {
    const { response, request, tap } = exchange
    if (response === undefined) return false
    const altered = this.alter?.(response) ?? 'none'
    for (const { topicId, partitions } of response.responses) {
      const topic = this.topicNames.get(topicId) ?? topicId
      for (const { partitionIndex, acquiredRecords } of partitions) {
        for (const { firstOffset, lastOffset, deliveryCount } of acquiredRecords) {
          for (let offset = firstOffset; offset <= lastOffset; offset++) {
            this.acquisitions.add({
              memberId: request.memberId ?? '',
              groupId: request.groupId ?? '',
              place: `${topic}-${partitionIndex}`,
              offset,
              deliveryCount,
              tap,
              session: tap.session,
              mayEndMs: exchange.sentAtMs + response.acquisitionLockTimeoutMs,
              surelyEndsMs: this.#clock.now() + response.acquisitionLockTimeoutMs,
              acquiredAtMs: this.#clock.now(),
              isCorrupt: altered === 'corrupt',
            })
          }
        }
      }
    }
    return altered !== 'none'
  }

  #settle(exchange: Exchange, place: string, batches: AckBatches, code: number, isInjected: boolean): void {
    const { tap, response } = exchange
    const now = this.#clock.now()
    // Refused together, because of one of them: they may be sent again apart.
    const isTogether = batches.reduce((sum, { firstOffset, lastOffset }) => sum + lastOffset - firstOffset + 1, 0) > 1
    let explained = isInjected || code !== ErrorCode.INVALID_RECORD_STATE
    explained ||= (this.leaderMovedMs.get(place) ?? -1) >= 0
    eachOffset(batches, (offset, type) => {
      const acquisition = this.#of(exchange, place, offset)
      if (acquisition === undefined || acquisition.tap !== tap) return
      if (acquisition.mayEndMs <= now || (type === AckCode.RENEW && !this.renewalsAllowed)) explained = true
      if (type === AckCode.RENEW) {
        acquisition.isRenewalRefused ||= code !== 0
        if (code !== 0) return
        acquisition.mayEndMs = exchange.sentAtMs + (response?.acquisitionLockTimeoutMs ?? 0)
        acquisition.surelyEndsMs = now + (response?.acquisitionLockTimeoutMs ?? 0)
        return
      }
      acquisition.isOut = false
      acquisition.outcome = code === 0 ? 'ok' : 'failed'
      if (code === 0) this.#finished(acquisition, type, true)
      else if (!FINAL.has(code) || (code === ErrorCode.INVALID_RECORD_STATE && isTogether)) acquisition.sent = undefined
    })
    if (code === ErrorCode.INVALID_REQUEST && !isInjected && !this.leaderMovedMs.has(place)) {
      this.#findings.broken(
        'PROTOCOL',
        `broker ${tap.nodeId} cannot take the acknowledgements of ${tap.process.name} for ${place}`,
      )
    } else if (code !== 0 && !explained) {
      this.#findings.broken(
        'VERDICT',
        `broker ${tap.nodeId} refuses answers of ${tap.process.name} for ${place} (${errorName(code)}), all of whose locks it holds: ${JSON.stringify(batches)}`,
      )
    }
  }

  #settleAll(exchange: Exchange, code: number): void {
    for (const { place, batches } of acknowledgementsOf(exchange, this.topicNames)) {
      if (batches.length > 0) this.#settle(exchange, place, batches, code, true)
    }
  }

  #finished(acquisition: Acquisition, type: number, sure: boolean): void {
    if (type === AckCode.RELEASE) return
    const key = `${acquisition.groupId} ${acquisition.place}@${acquisition.offset}`
    const outcomes = this.outcomes.get(key)
    const outcome = { type, sure, acquisition }
    if (outcomes === undefined) this.outcomes.set(key, [outcome])
    else outcomes.push(outcome)
  }

  delivered(exchange: Exchange): void {
    const { response, request } = exchange
    if (response === undefined) return
    const memberId = request.memberId ?? ''
    for (const { place, batches } of acknowledgementsOf(exchange, this.topicNames)) {
      eachOffset(batches, (offset, type) => {
        for (let each = this.acquisitions.latest(memberId, place, offset); each !== undefined; each = each.before) {
          if (each.tap !== exchange.tap) continue
          if (type === AckCode.RENEW) {
            if (each.mayEndMs !== exchange.sentAtMs + response.acquisitionLockTimeoutMs) continue
            each.renewals++
          } else if (each.sent === type && each.outcome === 'ok') {
            each.isTold = true
          } else continue
          return
        }
      })
    }
    if (exchange.api !== 'ShareFetch' || exchange.response === undefined) return
    for (const { topicId, partitions } of exchange.response.responses) {
      const topic = this.topicNames.get(topicId) ?? topicId
      for (const { partitionIndex, acquiredRecords } of partitions) {
        for (const { firstOffset, lastOffset } of acquiredRecords) {
          for (let offset = firstOffset; offset <= lastOffset; offset++) {
            const acquisition = this.acquisitions.latest(memberId, `${topic}-${partitionIndex}`, offset)
            if (acquisition === undefined) continue
            acquisition.isDelivered = true
          }
        }
      }
    }
  }

  closedAtBroker(tap: WireTap, unanswered: readonly Exchange[]): void {
    this.refusals.strayed(tap, this.#clock.now())
    for (const exchange of unanswered) {
      if (exchange.api === 'ShareFetch') {
        const groupId = exchange.request.groupId ?? ''
        this.lostFetches.set(groupId, (this.lostFetches.get(groupId) ?? 0) + 1)
      }
      for (const { place, batches } of acknowledgementsOf(exchange, this.topicNames)) {
        eachOffset(batches, (offset, type) => {
          const acquisition = this.#of(exchange, place, offset)
          if (acquisition?.tap !== exchange.tap || type === AckCode.RENEW) return
          acquisition.isOut = false
          acquisition.outcome = 'unknown'
          this.#finished(acquisition, type, false)
        })
      }
    }
  }

  closedAtClient(tap: WireTap): void {
    tap.closedAtClientMs = this.#clock.now()
  }
}

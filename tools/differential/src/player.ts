import { ShareAcknowledge, ShareFetch, type RequestInput } from '@milena/protocol'
import { describeStage } from './describe-stage.js'
import { beat, HeartbeatMembers } from './heartbeats.js'
import { closing, acceptingAll, draining, plainFetch } from './plain-steps.js'
import { PlayerMember } from './player-member.js'
import { ackPartitions, epochOf, identityOf, readable, topicsOf, type AckPartition } from './request-parts.js'
import { LONG_LOCK_MS, SHORT_LOCK_MS, Stage } from './stage.js'
import { AckType, type AckPlan, type AckStep, type FetchStep, type Seat, type Sequence, type Step } from './step.js'
import type { Target } from './target.js'
import { TransactionalProducers } from './transactional-producers.js'
import { playTurns } from './turns.js'
import { fetchUninitialised } from './uninitialised-group.js'
import {
  count,
  saidByAcknowledge,
  type ErrorLevel,
  type SaidByAcknowledge,
  type SaidByFetch,
  type Trace,
  type TraceEntry,
} from './trace.js'

/** After the last short lock ran out: for the broker's timer, and the state write that follows. */
const EXPIRY_SETTLES_MS = 250
/** What happens while locks are short has to be over well before they run out. */
const SHORT_LOCK_MARGIN_MS = 150
/** Members that send no heartbeat are taken for dead after 45 s. */
const LONGEST_PLAY_MS = 40_000
/** From a request being sent to its waiting at the broker. */
const PARKED_AFTER_MS = 60
const DRAIN_FETCHES = 8
/** More records than a sequence writes. */
const NO_LIMIT = 100_000

/** Plays one sequence against one broker. `prefix` begins all names, so that plays do not meet. */
export async function play(sequence: Sequence, target: Target, prefix: string): Promise<Trace> {
  const stage = await Stage.open(target, prefix, sequence.setup)
  try {
    return await new Player(sequence, stage).play()
  } finally {
    await stage.close()
  }
}

class Player {
  readonly #sequence: Sequence
  readonly #stage: Stage
  readonly #entries: TraceEntry[] = []
  readonly #operations = new Map<string, number>()
  readonly #errors = new Map<string, number>()
  readonly #heartbeats: HeartbeatMembers
  readonly #producers: TransactionalProducers
  /** When the first and the last lock of a short period was taken. */
  #shortSince: { first: number; last: number } | undefined
  #invalid: string | undefined
  #turns = 0

  constructor(sequence: Sequence, stage: Stage) {
    this.#sequence = sequence
    this.#stage = stage
    this.#heartbeats = new HeartbeatMembers(stage)
    this.#producers = new TransactionalProducers(stage)
  }

  async play(): Promise<Trace> {
    const startedAt = this.#stage.target.now()
    for (const [index, step] of this.#sequence.steps.entries()) {
      const { asked, said } = await this.#take(step)
      this.#entries.push({ step: index, asked, said })
      this.#checkShortLocks()
    }
    await this.#drain()
    const took = this.#stage.target.now() - startedAt
    if (took > LONGEST_PLAY_MS) this.#invalid ??= `the play took ${Math.round(took)} ms`
    return { entries: this.#entries, operations: this.#operations, errors: this.#errors, invalid: this.#invalid }
  }

  async #take(step: Step): Promise<{ asked: unknown; said: unknown }> {
    const stage = this.#stage
    this.#did(step.kind)
    switch (step.kind) {
      case 'fetch':
        return this.#fetch(step)
      case 'ack':
        return this.#acknowledge(step)
      case 'collect':
        return this.#collect(this.#member(step.member))
      case 'produce':
        return stage.exists(step.seat)
          ? { asked: ['produce', step.seat, step.batches], said: await stage.produce(step.seat, step.batches) }
          : skipped('no such partition any more')
      case 'produceInTransaction':
        return stage.exists(step.seat)
          ? {
              asked: ['produceInTransaction', step.producer, step.seat, step.batch],
              said: await this.#producers.produce(step.producer, step.seat, step.batch),
            }
          : skipped('no such partition any more')
      case 'endTransaction':
        return this.#endTransaction(step.producer, step.commit)
      case 'deleteRecords': {
        if (!stage.exists(step.seat)) return skipped('no such partition any more')
        const offset = Math.floor(stage.world.seat(step.seat).logEnd * step.share)
        const said = await stage.admin.deleteRecords(stage.topicName(step.seat), stage.partition(step.seat), offset)
        return { asked: ['deleteRecords', step.seat, offset], said }
      }
      case 'deleteTopic':
        return this.#deleteTopic()
      case 'cut':
        return this.#cut(this.#member(step.member))
      case 'shortenLocks': {
        // Now, because later there is no time for it.
        const { said } = await stage.warmUp(stage.existing())
        await stage.admin.configureGroup(stage.groupId, { 'share.record.lock.duration.ms': String(SHORT_LOCK_MS) })
        stage.locksAreShort = true
        return { asked: 'shortenLocks', said }
      }
      case 'expire':
        return this.#expire()
      case 'setGroup':
        await stage.admin.configureGroup(stage.groupId, { [step.name]: step.value })
        return { asked: ['setGroup', step.name, step.value], said: '' }
      case 'heartbeat': {
        this.#did(`heartbeat: ${step.of}`)
        const said = await beat(step, this.#heartbeats)
        this.#erred('heartbeat', said.error)
        return { asked: ['heartbeat', step.of, step.member], said }
      }
      case 'offsets':
        this.#did(`offsets: ${step.of}`)
        return this.#offsets(step.of, step.seat, step.share)
      case 'turns':
        return { asked: step, said: await playTurns(stage, step, ++this.#turns) }
      case 'fetchUninitialised':
        return this.#fetchUninitialised(step.seat)
      case 'describe':
        return { asked: 'describe', said: await describeStage(stage) }
    }
  }

  #member(index: number): PlayerMember {
    const member = this.#stage.members[index]
    if (member === undefined) throw new Error(`A sequence has members 0 to 2, not ${index}.`)
    return member
  }

  /** The one the step names, or the next that has something to acknowledge. */
  #actingMember(index: number, acks: readonly AckPlan[]): PlayerMember {
    const { members, world } = this.#stage
    const seats = acks.map(({ seat }) => seat)
    const order = members.map((_, step) => this.#member((index + step) % members.length))
    const [first = this.#member(index)] = order
    if (acks.length === 0) return first
    const ready = order.filter((member) => member.parked === undefined && member.hasSession)
    return ready.find((member) => world.holds(member.id, seats)) ?? ready[0] ?? first
  }

  async #fetch(step: FetchStep): Promise<{ asked: unknown; said: unknown }> {
    const stage = this.#stage
    // The one whose answer is collected is the one the step names.
    const member = step.park ? this.#member(step.member) : this.#actingMember(step.member, step.acks)
    if (member.parked !== undefined) return skipped('still waits for an answer')
    if (step.fault !== 'none') this.#did(`fetch: ${step.fault}`)
    const opens = step.fault === 'reopen' || (step.fault === 'none' && !member.hasSession && !step.close)
    const acks = opens ? [] : ackPartitions(stage, step.acks, member)
    const listed = opens ? step.open : [...new Set([...step.add, ...acks.map(({ seat }) => seat)])]
    const seats = new Set(opens ? listed : [...member.seats, ...listed])
    const { said: warmedUp, notReady } = await stage.warmUp(seats)
    for (const { partitions } of Object.values(warmedUp)) {
      for (const { error } of Object.values(partitions)) this.#erred('fetch, partition', error)
    }
    if (notReady.size > 0)
      return { asked: ['fetch not sent: not ready', [...notReady].toSorted((a, b) => a - b)], said: { warmedUp } }

    const epoch = epochOf(step, member, opens)
    const identity = identityOf(step, member)
    const forgets = opens || step.close ? [] : step.forget
    // The state write of an acknowledgement and the fetch that carries it run side by side: what is released may or may not be
    // fetched again, and room in a full window may or may not be there. So the one is not fetched, and the other waited for.
    const releases = acks.some(({ batches }) =>
      batches.some((batch) => Array.from(batch.acknowledgeTypes).includes(AckType.RELEASE)),
    )
    // Whose turn it is depends on what Kafka has looked at before, and when; `turns` is about that.
    const mayRunOut = seats.size > 1 && step.maxRecords > 0 && step.maxBytes > 0
    const limits =
      releases && !step.renew && step.maxRecords > 0
        ? { maxRecords: 0 }
        : mayRunOut
          ? { maxRecords: NO_LIMIT, maxBytes: 0x7fff_ffff }
          : {}
    const maxWaitMs =
      acks.length > 0 && !step.renew && step.fault === 'none' ? Math.max(step.maxWaitMs, 100) : step.maxWaitMs
    const body: RequestInput<typeof ShareFetch> = {
      groupId: step.fault === 'nullGroup' ? null : stage.groupId,
      memberId: identity,
      shareSessionEpoch: epoch,
      maxWaitMs,
      // What several partitions have together is added up when Kafka happens to have looked at all of them.
      minBytes: seats.size > 1 ? Math.min(step.minBytes, 1) : step.minBytes,
      maxBytes: step.maxBytes,
      maxRecords: step.maxRecords,
      batchSize: step.batchSize,
      ...limits,
      ...(step.version >= 2 ? { shareAcquireMode: step.mode, isRenewAck: step.renew } : {}),
      topics: topicsOf(stage, listed, acks),
      forgottenTopicsData: forgets.map((seat) => ({
        topicId: stage.topicId(seat),
        partitions: [stage.partition(seat)],
      })),
    }
    this.#didAcks('fetch', acks)
    this.#did(`fetch: version ${step.version}`)
    this.#did(`fetch: ${step.mode === 1 ? 'record limit' : 'whole batches'}`)
    if (step.renew) this.#did('fetch: renew')
    if (step.park) this.#did('fetch: parked')
    if (forgets.length > 0) this.#did('fetch: forget')
    if (epoch === -1) this.#did('fetch: close')
    const asked = ['fetch', member.id, step.version, step.fault, readable(stage, body)]
    const now = stage.target.now()
    const settle = (said: SaidByFetch): SaidByFetch => {
      this.#erred('fetch, whole answer', said.error)
      for (const partition of Object.values(said.partitions)) {
        this.#erred('fetch, partition', partition.error)
        if (partition.ackError !== 'NONE') this.#erred('fetch, acknowledgement', partition.ackError)
      }
      if (said.error !== 'NONE') {
        this.#refused(member, said.error, identity)
        return said
      }
      if (identity !== member.id) return said
      for (const { seat, batches } of acks) {
        const partition = said.partitions[stage.nameOf(stage.topicId(seat), stage.partition(seat))]
        if (partition !== undefined && partition.ackError !== 'NONE') continue
        stage.world.acknowledged(seat, member.id, batches, stage.locksAreShort)
      }
      if (epoch === -1) this.#closed(member)
      else if (epoch === 0) member.opened(seats)
      else {
        member.epoch++
        for (const seat of listed) member.seats.add(seat)
        for (const seat of forgets) member.seats.delete(seat)
      }
      this.#noteShortLocks(now)
      return said
    }
    if (step.park) {
      const wire = await stage.wireOf(member)
      const response = wire.send(ShareFetch, step.version, body)
      member.parked = {
        since: now,
        answer: stage.target.answered(response, step.maxWaitMs).then((answer) => {
          const early = stage.target.now() - now < step.maxWaitMs * 0.8
          return { early, ...settle(stage.fetched(member, answer)) }
        }),
      }
      member.parked.answer.catch(() => {})
      await stage.target.wait(PARKED_AFTER_MS)
      return { asked: ['park', asked], said: { warmedUp } }
    }
    const said = settle(await stage.fetch(member, step.version, body))
    await (epoch === -1 || acks.length > 0 ? stage.closeSettles() : stage.fetchSettles())
    return { asked, said: { ...said, warmedUp } }
  }

  async #collect(member: PlayerMember): Promise<{ asked: unknown; said: unknown }> {
    const parked = member.parked
    if (parked === undefined) return skipped('nothing waits')
    const said = await parked.answer
    member.parked = undefined
    return { asked: ['collect', member.id], said }
  }

  async #acknowledge(step: AckStep): Promise<{ asked: unknown; said: unknown }> {
    const stage = this.#stage
    const member = this.#actingMember(step.member, step.acks)
    if (member.parked !== undefined) return skipped('still waits for an answer')
    if (step.fault !== 'none') this.#did(`acknowledge: ${step.fault}`)
    // Of use only with a session; what comes without one is a fault of its own.
    if (step.fault === 'none' && !step.close && !member.hasSession)
      return this.#fetch({ ...plainFetch, member: step.member, open: step.acks.map(({ seat }) => seat) })
    const acks = ackPartitions(stage, step.acks, member)
    const epoch = epochOf(step, member, false)
    const identity = identityOf(step, member)
    const body: RequestInput<typeof ShareAcknowledge> = {
      groupId: step.fault === 'nullGroup' ? null : stage.groupId,
      memberId: identity,
      shareSessionEpoch: epoch,
      ...(step.version >= 2 ? { isRenewAck: step.renew } : {}),
      topics: topicsOf(
        stage,
        acks.map(({ seat }) => seat),
        acks,
      ),
    }
    this.#didAcks('acknowledge', acks)
    this.#did(`acknowledge: version ${step.version}`)
    if (step.renew) this.#did('acknowledge: renew')
    if (epoch === -1) this.#did('acknowledge: close')
    const now = stage.target.now()
    const wire = await stage.wireOf(member)
    const response = await stage.target.answered(wire.send(ShareAcknowledge, step.version, body), 0)
    const said: SaidByAcknowledge = saidByAcknowledge(response, step.version, stage.nameOf)
    this.#erred('acknowledge, whole answer', said.error)
    for (const error of Object.values(said.partitions)) this.#erred('acknowledge, partition', error)
    if (said.error !== 'NONE') this.#refused(member, said.error, identity)
    else if (identity === member.id) {
      for (const { seat, batches } of acks) {
        if (said.partitions[stage.nameOf(stage.topicId(seat), stage.partition(seat))] !== 'NONE') continue
        stage.world.acknowledged(seat, member.id, batches, stage.locksAreShort)
      }
      if (epoch === -1) {
        this.#closed(member)
        await stage.closeSettles()
      } else member.epoch++
      this.#noteShortLocks(now)
    }
    return { asked: ['acknowledge', member.id, step.version, step.fault, readable(stage, body)], said }
  }

  #refused(member: PlayerMember, error: string, identity: string | null): void {
    if (identity !== member.id) return
    if (error === 'SHARE_SESSION_NOT_FOUND') member.lost()
    // These are answered before the session is looked at; any other one has used up its epoch.
    else if (error !== 'INVALID_SHARE_SESSION_EPOCH' && error !== 'INVALID_REQUEST') member.epoch++
  }

  #closed(member: PlayerMember): void {
    this.#stage.world.released(member.id, member.seats)
    member.lost()
  }

  async #cut(member: PlayerMember): Promise<{ asked: unknown; said: unknown }> {
    if (member.wire === undefined || !member.wire.isOpen) return skipped('not connected')
    if (member.parked !== undefined) return skipped('still waits for an answer')
    const hadSession = member.hasSession
    await this.#stage.cut([member.wire])
    if (hadSession) this.#closed(member)
    return { asked: ['cut', member.id], said: '' }
  }

  async #expire(): Promise<{ asked: unknown; said: unknown }> {
    const stage = this.#stage
    const since = this.#shortSince
    this.#shortSince = undefined
    await stage.admin.configureGroup(stage.groupId, { 'share.record.lock.duration.ms': String(LONG_LOCK_MS) })
    stage.locksAreShort = false
    if (since !== undefined) {
      const left = since.last + SHORT_LOCK_MS + EXPIRY_SETTLES_MS - stage.target.now()
      if (left > 0) await stage.target.wait(left)
      stage.world.shortLocksExpired()
    }
    return { asked: 'expire', said: '' }
  }

  #noteShortLocks(askedAt: number): void {
    if (!this.#stage.locksAreShort) return
    this.#shortSince = { first: this.#shortSince?.first ?? askedAt, last: this.#stage.target.now() }
  }

  #checkShortLocks(): void {
    const since = this.#shortSince
    if (since === undefined || this.#invalid !== undefined) return
    const passed = this.#stage.target.now() - since.first
    if (passed > SHORT_LOCK_MS - SHORT_LOCK_MARGIN_MS)
      this.#invalid = `${Math.round(passed)} ms passed under a lock of ${SHORT_LOCK_MS} ms`
  }

  async #endTransaction(producer: number, commit: boolean): Promise<{ asked: unknown; said: unknown }> {
    if (!(await this.#producers.end(producer, commit))) return skipped('no transaction')
    this.#did(commit ? 'transaction: commit' : 'transaction: abort')
    return { asked: ['endTransaction', producer, commit], said: '' }
  }

  async #deleteTopic(): Promise<{ asked: unknown; said: unknown }> {
    const stage = this.#stage
    await stage.admin.deleteTopic(stage.topicName(3))
    stage.topicCDeleted = true
    stage.world.restarted(3)
    await stage.target.wait(100)
    return { asked: 'deleteTopic', said: '' }
  }

  async #offsets(
    of: Extract<Step, { kind: 'offsets' }>['of'],
    seat: Seat,
    share: number,
  ): Promise<{ asked: unknown; said: unknown }> {
    const stage = this.#stage
    const { admin, groupId, world } = stage
    const [topic, partition] = [stage.topicName(seat), stage.partition(seat)]
    const offset = Math.floor(world.seat(seat).logEnd * share)
    const reply = (said: unknown): { asked: unknown; said: unknown } => {
      const { error, partitions, topics } = said as { error: string; partitions?: string[]; topics?: string[] }
      this.#erred('offsets', error)
      for (const each of partitions ?? topics ?? []) if (each !== 'NONE') this.#erred('offsets', each)
      return { asked: ['offsets', of, seat, offset], said }
    }
    switch (of) {
      case 'alter':
      case 'alterUnknownTopic':
      case 'delete':
      case 'deleteUnknownTopic': {
        await this.#emptyGroup()
        const name = of.endsWith('UnknownTopic') ? stage.topicName(9) : topic
        const said = of.startsWith('alter')
          ? await admin.alterOffset(groupId, name, partition, offset)
          : await admin.deleteOffsets(groupId, name)
        for (const each of stage.existing()) {
          const isMeant = of === 'alter' ? each === seat : of === 'delete' && stage.topicName(each) === topic
          if (isMeant) world.seat(each).startIsUncertain = false
        }
        // Share state exists again for what was deleted, once a member has joined.
        if (of === 'delete') await stage.join()
        return reply(said)
      }
      case 'alterNonEmpty':
        await stage.join()
        return reply(await admin.alterOffset(groupId, topic, partition, offset))
      case 'deleteNonEmpty':
        await stage.join()
        return reply(await admin.deleteOffsets(groupId, topic))
      case 'deleteUnknownGroup':
        return reply(await admin.deleteOffsets(`${stage.prefix}-no-group`, topic))
      case 'describeUnknownGroup':
        return reply(
          await admin.describeOffsets(`${stage.prefix}-no-group`, [{ topicName: topic, partitions: [partition] }]),
        )
      case 'describeUnknownTopic':
        return reply(await admin.describeOffsets(groupId, [{ topicName: stage.topicName(9), partitions: [0] }]))
    }
  }

  /** Nobody has a connection, a session or a membership; every record is in the state it would be loaded in. */
  async #emptyGroup(): Promise<void> {
    const stage = this.#stage
    await stage.empty(this.#heartbeats.joined())
    this.#heartbeats.forget()
    for (const seat of stage.existing()) stage.world.restarted(seat)
  }

  async #fetchUninitialised(seat: Seat): Promise<{ asked: unknown; said: unknown }> {
    if (!this.#stage.exists(seat)) return skipped('no such partition any more')
    const said = await fetchUninitialised(this.#stage, seat)
    this.#erred('fetch, whole answer', said.error)
    for (const { error } of Object.values(said.partitions)) this.#erred('fetch, partition', error)
    return { asked: ['fetchUninitialised', seat], said }
  }

  /** What nobody has looked at yet: positions, and the records that are left with their delivery counts. */
  async #drain(): Promise<void> {
    const stage = this.#stage
    const step = this.#sequence.steps.length
    for (const member of stage.members) {
      if (member.parked !== undefined) this.#entries.push({ step, ...(await this.#collect(member)) })
      if (member.hasSession)
        this.#entries.push({ step, ...(await this.#acknowledge(closing(stage.members.indexOf(member)))) })
    }
    this.#entries.push({ step, asked: 'describe', said: await describeStage(stage) })
    for (let round = 0; round < DRAIN_FETCHES; round++) {
      const fetched = await this.#fetch(draining(stage.existing()))
      this.#entries.push({ step, ...fetched })
      const drained = await this.#acknowledge(acceptingAll(stage.existing()))
      this.#entries.push({ step, ...drained })
    }
    this.#entries.push({ step, asked: 'describe', said: await describeStage(stage) })
  }

  #did(operation: string): void {
    count(this.#operations, operation)
  }

  #didAcks(by: string, acks: readonly AckPartition[]): void {
    for (const { plan, batches } of acks) {
      this.#did(`${by}: ${plan.shape}`)
      for (const type of new Set(batches.flatMap(({ acknowledgeTypes }) => acknowledgeTypes)))
        this.#did(`${by}: type ${type}`)
    }
  }

  #erred(level: ErrorLevel, error: string): void {
    count(this.#errors, `${level}: ${error}`)
  }
}

function skipped(why: string): { asked: unknown; said: unknown } {
  return { asked: `left out: ${why}`, said: '' }
}

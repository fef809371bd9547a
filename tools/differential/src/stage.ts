import { ShareAcknowledge, ShareFetch, ShareGroupHeartbeat, type RequestInput, type ResponseOf } from '@milena/protocol'
import { batchBytes } from './batch-bytes.js'
import { ClusterAdmin } from './cluster-admin.js'
import { PlayerMember } from './player-member.js'
import { saidByAcknowledge, saidByFetch, nameOfError, type SaidByFetch } from './trace.js'
import type { BatchPlan, Seat, SequenceSetup } from './step.js'
import type { Target } from './target.js'
import { Wire } from './wire.js'
import { World } from './world.js'

export const LONG_LOCK_MS = 60_000
/** The least that `group.share.min.record.lock.duration.ms` can be set to. */
export const SHORT_LOCK_MS = 1000
/** How long an uninitialised share partition is given to read its state. */
const WARM_UP_MS = 400
/** From a connection being cut to its sessions being gone, and what they held being free. */
const CUT_SETTLES_MS = 120
/** From the answer to the end of a session to what it held being free. */
const CLOSE_SETTLES_MS = 40
/** From the answer to a fetch to its partitions being free for the next. */
const FETCH_SETTLES_MS = 5
/** From the answer to a member that joins to its partitions being initialised. */
const JOIN_SETTLES_MS = 100
const UNKNOWN_TOPIC_ID = 'bm8tc3VjaC10b3BpYy1pZA'
const topicLetters = ['A', 'B', 'C'] as const
type TopicLetter = (typeof topicLetters)[number]

const places: Readonly<Record<Exclude<Seat, 9>, readonly [TopicLetter, number]>> = {
  0: ['A', 0],
  1: ['A', 1],
  2: ['B', 0],
  3: ['C', 0],
  8: ['A', 9],
}
const realSeats: readonly Seat[] = [0, 1, 2, 3]

/** Where a sequence plays: its topics and its group on one broker, its members and their connections. */
export class Stage {
  readonly target: Target
  readonly admin: ClusterAdmin
  readonly world = new World()
  /** Begins every name of this play. */
  readonly prefix: string
  readonly groupId: string
  readonly setup: SequenceSetup
  readonly members: readonly PlayerMember[]
  topicCDeleted = false
  /** The locks that are taken now are short. */
  locksAreShort = false
  readonly #topicIds = new Map<TopicLetter, string>()
  readonly #anchor: PlayerMember
  readonly #warmers = new Map<Seat, PlayerMember>()
  readonly #warm = new Set<Seat>()
  readonly #allWires = new Set<Wire>()
  #joinerEpoch = 0

  private constructor(target: Target, admin: ClusterAdmin, prefix: string, setup: SequenceSetup) {
    this.target = target
    this.admin = admin
    this.prefix = prefix
    this.groupId = `${prefix}-group`
    this.setup = setup
    this.members = [0, 1, 2].map((index) => new PlayerMember(`m${index}`))
    this.#anchor = new PlayerMember('anchor')
  }

  static async open(target: Target, prefix: string, setup: SequenceSetup): Promise<Stage> {
    const stage = new Stage(target, await ClusterAdmin.open(target), prefix, setup)
    await stage.#prepare()
    return stage
  }

  async close(): Promise<void> {
    for (const wire of this.#allWires) wire.cut()
    this.admin.close()
  }

  topicName(seat: Seat): string {
    return seat === 9 ? `${this.prefix}-none` : `${this.prefix}-${places[seat][0]}`
  }

  topicId(seat: Seat): string {
    return seat === 9 ? UNKNOWN_TOPIC_ID : (this.#topicIds.get(places[seat][0]) ?? UNKNOWN_TOPIC_ID)
  }

  partition(seat: Seat): number {
    return seat === 9 ? 0 : places[seat][1]
  }

  /** The same name in every play. */
  readonly nameOf = (topicId: string, partition: number): string => {
    const letter =
      [...this.#topicIds].find(([, id]) => id === topicId)?.[0] ?? (topicId === UNKNOWN_TOPIC_ID ? 'unknown' : 'other')
    return `${letter}-${partition}`
  }

  seatOf(topicId: string, partition: number): Seat | undefined {
    return ([0, 1, 2, 3, 8, 9] as const).find(
      (seat) => this.topicId(seat) === topicId && this.partition(seat) === partition,
    )
  }

  /** Whether share state can be made of it. */
  exists(seat: Seat): boolean {
    return seat <= 2 || (seat === 3 && !this.topicCDeleted)
  }

  existing(): Seat[] {
    return realSeats.filter((seat) => this.exists(seat))
  }

  async openWire(): Promise<Wire> {
    const wire = await Wire.open(this.target.transport, this.target.address)
    this.#allWires.add(wire)
    return wire
  }

  async wireOf(member: PlayerMember): Promise<Wire> {
    if (member.wire === undefined || !member.wire.isOpen) member.wire = await this.openWire()
    return member.wire
  }

  /** Also notes what was acquired. */
  async fetch(member: PlayerMember, version: number, body: RequestInput<typeof ShareFetch>): Promise<SaidByFetch> {
    const wire = await this.wireOf(member)
    return this.fetched(member, await this.target.answered(wire.send(ShareFetch, version, body), body.maxWaitMs))
  }

  /** For another group than this stage's; what was acquired is not noted. */
  async fetchElsewhere(member: PlayerMember, body: RequestInput<typeof ShareFetch>): Promise<SaidByFetch> {
    const wire = await this.wireOf(member)
    const response = await this.target.answered(wire.send(ShareFetch, 2, body), body.maxWaitMs)
    await this.fetchSettles()
    return saidByFetch(response, this.nameOf)
  }

  fetched(member: PlayerMember, response: ResponseOf<typeof ShareFetch>): SaidByFetch {
    for (const { topicId, partitions } of response.responses) {
      for (const { partitionIndex, acquiredRecords } of partitions) {
        const seat = this.seatOf(topicId, partitionIndex)
        if (seat === undefined) continue
        for (const { firstOffset, lastOffset } of acquiredRecords) {
          this.world.acquired(seat, member.id, firstOffset, lastOffset, this.locksAreShort)
        }
      }
    }
    return saidByFetch(response, this.nameOf)
  }

  async heartbeat(body: RequestInput<typeof ShareGroupHeartbeat>): Promise<{ errorCode: number; memberEpoch: number }> {
    const wire = await this.wireOf(this.#anchor)
    const answer = await this.target.answered(wire.send(ShareGroupHeartbeat, 1, body), 0)
    return { errorCode: answer.errorCode, memberEpoch: answer.memberEpoch }
  }

  async produce(seat: Seat, batches: readonly BatchPlan[]): Promise<string> {
    const offsets: number[] = []
    for (const batch of batches) {
      const bytes = await batchBytes(batch, this.target.date())
      const base = await this.admin.produce(this.topicId(seat), this.partition(seat), bytes, null)
      offsets.push(base)
      this.world.seat(seat).logEnd = base + batch.records
    }
    return `at ${offsets.join(', ')}`
  }

  /**
   * Sees to it that the leader has these share partitions in memory, each by a fetch of its own: a fetch of several, of which some
   * are still to be read from the state topic, is answered with those that happen to be there.
   * @returns what came of it, and the partitions that could not be made ready
   */
  async warmUp(seats: Iterable<Seat>): Promise<{ said: Record<string, SaidByFetch>; notReady: Set<Seat> }> {
    const said: Record<string, SaidByFetch> = {}
    const notReady = new Set<Seat>()
    const cold = [...seats].filter((seat) => this.exists(seat) && !this.#warm.has(seat)).toSorted((a, b) => a - b)
    if (cold.length === 0) return { said, notReady }
    if (this.setup.anchored && !this.#anchor.hasSession) await this.#openAnchor()
    await Promise.all(
      cold.map(async (seat) => {
        const name = this.nameOf(this.topicId(seat), this.partition(seat))
        const answer = await this.#warmUpOne(seat)
        said[name] = answer
        if ((answer.partitions[name]?.error ?? 'NONE') !== 'NONE') notReady.add(seat)
        else this.#warm.add(seat)
      }),
    )
    await this.closeSettles()
    return { said: Object.fromEntries(Object.entries(said).toSorted(([a], [b]) => a.localeCompare(b))), notReady }
  }

  /** The answer to the end of a session does not wait for what the session held to be free. */
  async closeSettles(): Promise<void> {
    await this.target.wait(CLOSE_SETTLES_MS)
  }

  /** The answer to a fetch is sent before the broker lets the next one have the same partitions. */
  async fetchSettles(): Promise<void> {
    await this.target.wait(FETCH_SETTLES_MS)
  }

  /** The sessions of these connections end, and with the last one of the group its share partitions leave the leader's memory. */
  async cut(wires: Iterable<Wire>): Promise<void> {
    for (const wire of wires) wire.cut()
    await this.target.wait(CUT_SETTLES_MS)
    if (!this.#anchor.hasSession) this.#warm.clear()
  }

  /** Nobody is connected and nobody is a member. */
  async empty(alsoLeaving: readonly { id: string }[]): Promise<void> {
    for (const { id } of [{ id: this.#joinerId }, ...alsoLeaving]) {
      await this.heartbeat({ groupId: this.groupId, memberId: id, memberEpoch: -1 })
    }
    this.#joinerEpoch = 0
    for (const member of [...this.members, this.#anchor, ...this.#warmers.values()]) member.lost()
    // One after the other: the share partitions leave with the last session, also those whose records another is giving back.
    const last = this.#anchor.wire
    for (const wire of this.#allWires) {
      if (wire === last) continue
      wire.cut()
      await this.target.wait(CLOSE_SETTLES_MS)
    }
    await this.cut(last === undefined ? [] : [last])
    this.#allWires.clear()
    this.#warm.clear()
  }

  async join(): Promise<void> {
    if (this.#joinerEpoch > 0) return
    const topics = topicLetters.filter((letter) => letter !== 'C' || !this.topicCDeleted)
    const answer = await this.heartbeat({
      groupId: this.groupId,
      memberId: this.#joinerId,
      memberEpoch: 0,
      rackId: null,
      subscribedTopicNames: topics.map((letter) => `${this.prefix}-${letter}`),
    })
    if (answer.errorCode !== 0) throw new Error(`A member that joins was answered ${nameOfError(answer.errorCode)}.`)
    await this.target.wait(JOIN_SETTLES_MS)
    this.#joinerEpoch = answer.memberEpoch
  }

  async leave(): Promise<void> {
    if (this.#joinerEpoch === 0) return
    await this.heartbeat({ groupId: this.groupId, memberId: this.#joinerId, memberEpoch: -1 })
    this.#joinerEpoch = 0
  }

  get #joinerId(): string {
    return 'joiner'
  }

  async #prepare(): Promise<void> {
    const { setup, admin, groupId } = this
    for (const letter of topicLetters) {
      this.#topicIds.set(letter, await admin.createTopic(`${this.prefix}-${letter}`, letter === 'A' ? 2 : 1))
    }
    for (const [index, batches] of setup.prelude.entries()) await this.produce(realSeats[index] ?? 0, batches)
    await admin.configureGroup(groupId, {
      'share.auto.offset.reset': setup.reset === 'altered' ? 'earliest' : setup.reset,
      'share.isolation.level': setup.isolation,
      'share.delivery.count.limit': String(setup.deliveryLimit),
      'share.partition.max.record.locks': String(setup.maxRecordLocks),
      'share.record.lock.duration.ms': String(LONG_LOCK_MS),
      'share.assignment.interval.ms': '0',
      'share.renew.acknowledge.enable': 'true',
    })
    await admin.coordinatorOf(groupId, 0)
    if (setup.reset === 'altered') {
      for (const seat of realSeats) {
        const offset = Math.floor(this.world.seat(seat).logEnd * (setup.startAt[seat] ?? 0))
        await admin.alterOffset(groupId, this.topicName(seat), this.partition(seat), offset)
      }
    }
    await this.join()
    if (!setup.joinerStays) await this.leave()
    if (setup.anchored) await this.#openAnchor()
  }

  async #openAnchor(): Promise<void> {
    const said = await this.fetch(this.#anchor, 2, {
      groupId: this.groupId,
      memberId: this.#anchor.id,
      shareSessionEpoch: 0,
      maxWaitMs: 0,
      minBytes: 1,
      maxRecords: 1,
      batchSize: 1,
      topics: [],
      forgottenTopicsData: [],
    })
    if (said.error !== 'NONE') throw new Error(`A session without partitions was answered ${said.error}.`)
    this.#anchor.opened([])
  }

  async #warmUpOne(seat: Seat): Promise<SaidByFetch> {
    let warmer = this.#warmers.get(seat)
    if (warmer === undefined) this.#warmers.set(seat, (warmer = new PlayerMember(`warmer${seat}`)))
    const said = await this.fetch(warmer, 2, {
      groupId: this.groupId,
      memberId: warmer.id,
      shareSessionEpoch: 0,
      maxWaitMs: WARM_UP_MS,
      minBytes: 1,
      maxRecords: 1,
      batchSize: 1,
      shareAcquireMode: 1,
      topics: [
        {
          topicId: this.topicId(seat),
          partitions: [{ partitionIndex: this.partition(seat), acknowledgementBatches: [] }],
        },
      ],
      forgottenTopicsData: [],
    })
    const wire = await this.wireOf(warmer)
    const closed = await this.target.answered(
      wire.send(ShareAcknowledge, 2, { groupId: this.groupId, memberId: warmer.id, shareSessionEpoch: -1, topics: [] }),
      0,
    )
    const { error } = saidByAcknowledge(closed, 2, this.nameOf)
    if (error !== 'NONE') throw new Error(`The end of a session was answered ${error}.`)
    this.world.released(warmer.id, [seat])
    return said
  }
}

import { Dice } from './dice.js'
import {
  AckType,
  type AckPlan,
  type AckShape,
  type BatchPlan,
  type FetchStep,
  type GroupSetting,
  type HeartbeatCase,
  type OffsetsCase,
  type Seat,
  type Sequence,
  type SequenceSetup,
  type SessionFault,
  type Step,
} from './step.js'

const MEMBERS = 3
const PRODUCERS = 2
const MAX_BYTES = 0x7fff_ffff

const rightShapes: Readonly<Partial<Record<AckShape, number>>> = { everything: 4, run: 5, slice: 6, everySecond: 2 }
const wrongShapes = {
  othersOffsets: 3,
  finished: 3,
  available: 3,
  below: 2,
  beyond: 2,
  farBeyond: 1,
  reversed: 1,
  overlapping: 1,
  touching: 1,
  descending: 1,
  noTypes: 1,
  typesTooFew: 1,
  badType: 1.5,
  noBatches: 1,
  halfWrong: 2,
} as const

const blockWeights = {
  produce: 12,
  fetch: 20,
  fetchWithAcks: 10,
  ack: 18,
  wrongAck: 9,
  renew: 4,
  sessionFault: 6,
  close: 3,
  cut: 3,
  expire: 2.2,
  park: 2.5,
  transaction: 5,
  endTransaction: 5,
  setGroup: 3,
  describe: 4,
  deleteRecords: 1,
  heartbeat: 4,
  strangeSeat: 3,
  offsets: 2,
  deleteTopic: 0.4,
  fetchUninitialised: 0.5,
  turns: 0.6,
} as const

/** The sequence of that seed and index: the same wherever and whenever it is asked for. */
export function makeSequence(seed: number, index: number, length: number): Sequence {
  // Neighbouring seeds share no sequence: both numbers go into the state through different multipliers.
  const dice = new Dice((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) | 0)
  return { seed, index, setup: makeSetup(dice), steps: new SequenceWriter(dice).write(length) }
}

function makeSetup(dice: Dice): SequenceSetup {
  const reset = dice.weighted({ earliest: 6, altered: 2, latest: 1.5, 'by_duration:PT1H': 1 })
  return {
    reset,
    isolation: dice.chance(0.35) ? 'read_committed' : 'read_uncommitted',
    deliveryLimit: dice.pick([5, 5, 2, 3, 4, 10]),
    maxRecordLocks: dice.pick([2000, 2000, 100, 150]),
    anchored: dice.chance(0.7),
    joinerStays: dice.chance(0.5),
    prelude: [0, 1, 2, 3].map(() => Array.from({ length: dice.between(0, 3) }, () => makeBatch(dice))),
    startAt: [0, 1, 2, 3].map(() => dice.fraction() * 1.1),
  }
}

function makeBatch(dice: Dice): BatchPlan {
  return {
    records: dice.chance(0.06) ? dice.between(60, 150) : dice.between(1, 12),
    valueBytes: dice.pick([5, 40, 40, 400]),
    compression: dice.pick([0, 0, 0, 1, 2, 3, 4]),
    ageMs: dice.chance(0.2) ? 7_200_000 : 0,
  }
}

class SequenceWriter {
  readonly #dice: Dice
  readonly #steps: Step[] = []
  readonly #openTransactions = new Set<number>()
  #topicDeleted = false

  constructor(dice: Dice) {
    this.#dice = dice
  }

  write(length: number): Step[] {
    while (this.#steps.length < length) {
      const block = this.#block()
      if (this.#steps.length + block.length <= length) this.#steps.push(...block)
      else this.#steps.push({ kind: 'describe' })
    }
    return this.#steps
  }

  #block(): Step[] {
    const dice = this.#dice
    switch (dice.weighted(blockWeights)) {
      case 'produce':
        return [this.#produce()]
      case 'fetch':
        return [this.#fetch()]
      case 'fetchWithAcks':
        return [this.#fetch({ acks: this.#acks(dice.chance(0.25)) })]
      case 'ack':
        return [this.#ack(this.#acks(false))]
      case 'wrongAck':
        return [dice.chance(0.7) ? this.#ack(this.#acks(true)) : this.#fetch({ acks: this.#acks(true) })]
      case 'renew':
        return [this.#renew()]
      case 'sessionFault':
        return [this.#sessionFault()]
      case 'close':
        return [this.#close()]
      case 'cut':
        return [{ kind: 'cut', member: this.#member() }]
      case 'expire':
        return this.#expire()
      case 'park':
        return this.#park()
      case 'transaction': {
        const producer = dice.between(0, PRODUCERS - 1)
        this.#openTransactions.add(producer)
        return [{ kind: 'produceInTransaction', producer, seat: this.#seat(), batch: makeBatch(dice) }]
      }
      case 'endTransaction': {
        const [producer] = this.#openTransactions
        if (producer === undefined) return [this.#produce()]
        this.#openTransactions.delete(producer)
        return [{ kind: 'endTransaction', producer, commit: dice.chance(0.5) }]
      }
      case 'setGroup':
        return [this.#setGroup()]
      case 'describe':
        return [{ kind: 'describe' }]
      case 'deleteRecords':
        return [{ kind: 'deleteRecords', seat: this.#seat(), share: dice.fraction() }]
      case 'heartbeat':
        return [this.#heartbeat()]
      case 'strangeSeat':
        return [this.#strangeSeat()]
      case 'offsets':
        return this.#offsets()
      case 'deleteTopic':
        if (this.#topicDeleted) return [this.#fetch()]
        this.#topicDeleted = true
        return [{ kind: 'deleteTopic' }]
      case 'turns':
        return [
          {
            kind: 'turns',
            mode: dice.chance(0.5) ? 1 : 0,
            maxRecords: dice.pick([1, 2, 5, 15, 500]),
            maxBytes: dice.chance(0.3) ? dice.pick([1, 300]) : MAX_BYTES,
          },
        ]
      case 'fetchUninitialised':
        return [{ kind: 'fetchUninitialised', seat: this.#seat() }]
    }
  }

  #member(): number {
    return this.#dice.between(0, MEMBERS - 1)
  }

  /** Mostly the first, so that enough happens in one place. */
  #seat(): Seat {
    return this.#dice.pick(this.#topicDeleted ? [0, 0, 0, 1, 1, 2] : [0, 0, 0, 0, 1, 1, 2, 3])
  }

  #seats(): Seat[] {
    const seats = new Set<Seat>([this.#seat()])
    while (this.#dice.chance(0.5)) seats.add(this.#seat())
    return [...seats].sort((a, b) => a - b)
  }

  #produce(): Step {
    return {
      kind: 'produce',
      seat: this.#seat(),
      batches: Array.from({ length: this.#dice.between(1, 3) }, () => makeBatch(this.#dice)),
    }
  }

  #fetch(over: Partial<FetchStep> = {}): FetchStep {
    const dice = this.#dice
    const version = dice.chance(0.15) ? 1 : 2
    return {
      kind: 'fetch',
      member: this.#member(),
      open: this.#seats(),
      add: dice.chance(0.15) ? [this.#seat()] : [],
      forget: dice.chance(0.06) ? [this.#seat()] : [],
      acks: [],
      version,
      mode: version === 2 && dice.chance(0.4) ? 1 : 0,
      renew: false,
      close: false,
      maxRecords: dice.chance(0.04) ? 0 : dice.pick([1, 3, 5, 10, 20, 500, 500]),
      batchSize: dice.pick([1, 4, 10, 500, 500]),
      maxBytes: dice.chance(0.12) ? dice.pick([1, 200, 1000, 4000]) : dice.chance(0.02) ? 0 : MAX_BYTES,
      minBytes: dice.chance(0.08) ? dice.pick([0, 500, 100_000]) : 1,
      maxWaitMs: dice.pick([0, 0, 0, 20]),
      fault: 'none',
      park: false,
      ...over,
    }
  }

  #ack(acks: readonly AckPlan[], over: { renew?: boolean; close?: boolean; fault?: SessionFault } = {}): Step {
    return {
      kind: 'ack',
      member: this.#member(),
      acks,
      version: over.renew === true ? 2 : this.#dice.chance(0.15) ? 1 : 2,
      renew: false,
      close: false,
      fault: 'none',
      ...over,
    }
  }

  #acks(wrong: boolean, renewing = false): AckPlan[] {
    const seats = new Set<Seat>([this.#seat()])
    while (this.#dice.chance(0.35)) seats.add(this.#seat())
    return [...seats].sort((a, b) => a - b).map((seat) => this.#plan(seat, wrong, renewing))
  }

  #plan(seat: Seat, wrong: boolean, renewing: boolean): AckPlan {
    const dice = this.#dice
    const shape =
      wrong && dice.chance(0.8) ? dice.weighted(wrongShapes) : dice.weighted(rightShapes as Record<AckShape, number>)
    return { seat, shape, types: this.#types(renewing, wrong), at: dice.fraction(), share: 0.1 + dice.fraction() * 0.9 }
  }

  #types(renewing: boolean, wrong: boolean): number[] {
    const dice = this.#dice
    const { GAP, ACCEPT, RELEASE, REJECT, RENEW } = AckType
    const one = (): number => {
      if (renewing && dice.chance(0.7)) return RENEW
      // Without the flag that goes with it.
      if (wrong && !renewing && dice.chance(0.1)) return RENEW
      return dice.pick([ACCEPT, ACCEPT, ACCEPT, RELEASE, RELEASE, RELEASE, REJECT, GAP])
    }
    return dice.chance(0.7) ? [one()] : Array.from({ length: dice.between(2, 4) }, one)
  }

  #renew(): Step {
    const dice = this.#dice
    const acks = this.#acks(dice.chance(0.15), true)
    if (dice.chance(0.6)) return this.#ack(acks, { renew: true })
    const noLimits = { maxRecords: 0, maxBytes: 0, minBytes: 0, maxWaitMs: 0 }
    return this.#fetch({ acks, renew: true, version: 2, mode: 0, ...noLimits })
  }

  #sessionFault(): Step {
    const dice = this.#dice
    const fault: SessionFault = dice.weighted({
      none: 0,
      reopen: 3,
      epochAhead: 2,
      epochBehind: 2,
      epochZeroWithAcks: 2,
      neverOpened: 1.5,
      closeNeverOpened: 1.5,
      nullGroup: 1,
      nullMember: 1,
      emptyMember: 1,
      longMember: 1,
      renewWithLimits: 1.5,
    })
    if (fault === 'renewWithLimits') {
      return this.#fetch({
        acks: this.#acks(false, true),
        renew: true,
        version: 2,
        maxRecords: dice.pick([5, 0]),
        fault,
      })
    }
    if (fault === 'reopen' || fault === 'epochZeroWithAcks') {
      return dice.chance(0.75)
        ? this.#fetch({ fault, acks: fault === 'epochZeroWithAcks' ? this.#acks(false) : [] })
        : this.#ack(this.#acks(false), { fault })
    }
    return dice.chance(0.5) ? this.#fetch({ fault }) : this.#ack(this.#acks(false), { fault })
  }

  #close(): Step {
    const dice = this.#dice
    const acks = dice.chance(0.4) ? this.#acks(dice.chance(0.2)) : []
    return dice.chance(0.75)
      ? this.#ack(acks, { close: true })
      : this.#fetch({ acks, close: true, add: [], forget: [] })
  }

  #expire(): Step[] {
    const dice = this.#dice
    const between = Array.from({ length: dice.between(0, 4) }, () => {
      const kind = dice.weighted({ fetch: 2, ack: 3, renew: 3, produce: 1 })
      if (kind === 'fetch') return this.#fetch({ maxWaitMs: 0 })
      if (kind === 'ack') return this.#ack(this.#acks(false))
      return kind === 'renew' ? this.#renew() : this.#produce()
    })
    return [
      { kind: 'shortenLocks' },
      this.#fetch({ maxRecords: 500, maxBytes: MAX_BYTES, minBytes: 1, maxWaitMs: 0 }),
      ...between,
      { kind: 'expire' },
    ]
  }

  /**
   * A fetch that waits, something that happens meanwhile, and its answer. What others release, with or at the end of their session,
   * is nothing to wait for: Kafka wakes the fetch by it, or not, as the moment has it; so does a lock that runs out, where there are
   * several.
   */
  #park(): Step[] {
    const dice = this.#dice
    const member = this.#member()
    const other = (member + dice.between(1, MEMBERS - 1)) % MEMBERS
    const plain = { maxRecords: 500, maxBytes: MAX_BYTES, minBytes: 1, fault: 'none' } as const
    const parked = this.#fetch({
      ...plain,
      member,
      maxWaitMs: 500,
      park: true,
      forget: [],
      acks: dice.chance(0.2) ? this.#acks(false) : [],
    })
    const waker = dice.weighted({ produce: 4, ack: 3, nothing: 0.5 })
    const during: Step[] =
      waker === 'produce'
        ? [{ kind: 'produce', seat: this.#seat(), batches: [makeBatch(dice)] }]
        : waker === 'ack'
          ? [{ ...this.#ack(this.#acks(false).map(withoutRelease)), member: other } as Step]
          : []
    // Everything there is goes to another member first, so that there is something to wait for.
    const emptied = dice.chance(0.7) ? [this.#fetch({ ...plain, member: other, maxWaitMs: 0, open: [0, 1, 2] })] : []
    return [...emptied, parked, ...during, { kind: 'collect', member }]
  }

  #setGroup(): Step {
    const dice = this.#dice
    const name: GroupSetting = dice.pick([
      'share.delivery.count.limit',
      'share.partition.max.record.locks',
      'share.isolation.level',
      'share.renew.acknowledge.enable',
    ])
    const values: Record<GroupSetting, readonly [string, ...string[]]> = {
      'share.delivery.count.limit': ['2', '3', '5', '10'],
      'share.partition.max.record.locks': ['100', '150', '2000'],
      'share.isolation.level': ['read_committed', 'read_uncommitted'],
      'share.renew.acknowledge.enable': ['true', 'true', 'false'],
    }
    return { kind: 'setGroup', name, value: dice.pick(values[name]) }
  }

  #heartbeat(): Step {
    const of: HeartbeatCase = this.#dice.weighted({
      join: 4,
      beat: 3,
      previousEpoch: 1,
      wrongEpoch: 1,
      rejoin: 1,
      leave: 2,
      unknownMember: 1,
      unknownGroup: 1,
      leaveUnknownMember: 1,
      leaveUnknownGroup: 1,
      emptyMember: 0.7,
      longMember: 0.7,
      emptyGroup: 0.7,
      emptyRack: 0.7,
      joinWithoutTopics: 0.7,
      epochBelowLeave: 0.7,
    })
    return { kind: 'heartbeat', member: this.#member(), of }
  }

  #strangeSeat(): Step {
    const dice = this.#dice
    const strange = dice.pick<Seat>([8, 9])
    const way = dice.weighted({ open: 1, add: 1, ack: 1.5, ackInFetch: 1 })
    if (way === 'open')
      return this.#fetch({ fault: 'reopen', open: dice.chance(0.3) ? [strange] : [...this.#seats(), strange] })
    if (way === 'add') return this.#fetch({ add: [strange] })
    const acks = [...this.#acks(false), this.#plan(strange, dice.chance(0.3), false)]
    return way === 'ack' ? this.#ack(acks) : this.#fetch({ acks })
  }

  #offsets(): Step[] {
    const dice = this.#dice
    const of: OffsetsCase = dice.weighted({
      alter: 1.2,
      alterNonEmpty: 1,
      alterUnknownTopic: 0.5,
      delete: 0.6,
      deleteNonEmpty: 0.7,
      deleteUnknownGroup: 0.7,
      deleteUnknownTopic: 0.5,
      describeUnknownGroup: 0.7,
      describeUnknownTopic: 0.7,
    })
    return [{ kind: 'offsets', of, seat: this.#dice.pick([0, 0, 1, 2]), share: dice.fraction() * 1.2 }]
  }
}

function withoutRelease(plan: AckPlan): AckPlan {
  return { ...plan, types: plan.types.map((type) => (type === AckType.RELEASE ? AckType.REJECT : type)) }
}

import { SeededRandom, silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { DelayedOperations } from '../../src/delayed-operations.js'
import { ClassicGroups } from '../../src/groups/classic-groups.js'
import type { JoinAnswer, JoinAsk, SyncAnswer, SyncAsk } from '../../src/groups/group-answers.js'
import type { Surroundings } from '../../src/surroundings.js'
import { versionProfile } from '../../src/version-profile.js'

export const GROUP = 'workers'
export const SESSION_MS = 10_000
export const REBALANCE_MS = 60_000

/** What became of a request that may wait: its answer, `undefined` when the wait was ended, or that it still waits. */
export interface Outcome<T> {
  readonly answer: () => T | undefined
  readonly isAnswered: () => boolean
}

/** The coordinator of classic groups on virtual time, asked as the handlers ask it. */
export class ClassicWorld {
  readonly clock = new VirtualClock()
  readonly shareGroups = new Set<string>()
  readonly groups: ClassicGroups
  readonly config = new Map([
    ['group.min.session.timeout.ms', 6000],
    ['group.max.session.timeout.ms', 1_800_000],
    ['group.initial.rebalance.delay.ms', 0],
    ['group.max.size', 2_147_483_647],
    ['offset.metadata.max.bytes', 4096],
  ])
  changes = 0
  readonly #never = new AbortController().signal

  constructor(logger: Logger = silentLogger) {
    const surroundings: Surroundings = {
      clock: this.clock,
      random: new SeededRandom(1),
      logger,
      profile: versionProfile('4.4'),
      delayed: new DelayedOperations(this.clock),
      changed: () => {
        this.changes++
      },
    }
    this.groups = new ClassicGroups(surroundings, {
      configs: { brokerNumber: (name) => this.config.get(name) ?? Number.NaN },
      isShareGroup: (groupId) => this.shareGroups.has(groupId),
    })
  }

  join(ask: Partial<JoinAsk> = {}, signal = this.#never, groupId = GROUP): Outcome<JoinAnswer> {
    return outcome(this.groups.join(groupId, joinAsk(ask), signal))
  }

  sync(ask: Partial<SyncAsk>, signal = this.#never): Outcome<SyncAnswer> {
    const whole = {
      memberId: '',
      groupInstanceId: null,
      generationId: 1,
      protocolType: null,
      protocolName: null,
      assignments: [],
    }
    return outcome(this.groups.sync(GROUP, { ...whole, ...ask }, signal))
  }

  heartbeat(memberId: string, generationId: number, groupInstanceId: string | null = null): number {
    return this.groups.heartbeat(GROUP, { memberId, generationId, groupInstanceId })
  }

  leave(memberId: string, groupInstanceId: string | null = null): number | readonly number[] {
    return this.groups.leave(GROUP, [{ memberId, groupInstanceId }])
  }

  commit(offset: number, claim: { readonly memberId?: string; readonly generationId?: number } = {}) {
    return this.groups.commit(GROUP, {
      claim: { memberId: '', generationId: -1, groupInstanceId: null, ...claim },
      offsets: [{ topic: 'orders', partition: 0, offset, leaderEpoch: -1, metadata: '' }],
      unknownGroupError: 69,
    })
  }

  committed(partition = 0): number | undefined {
    return this.groups.committed(GROUP, { topic: 'orders', partition }).committed?.offset
  }

  get view() {
    return this.groups.inspect().find(({ groupId }) => groupId === GROUP)
  }

  /** Lets what was just answered reach the outcomes. */
  settle(): Promise<void> {
    return this.clock.advance(0)
  }

  /** A group of so many members in one stable generation; the first one leads. */
  async stable(members: number, ask: Partial<JoinAsk> = {}): Promise<string[]> {
    const first = this.join(ask)
    const ids = [first.answer()?.memberId ?? '']
    for (let i = 1; i < members; i++) {
      const next = this.join(ask)
      const again = ids.map((memberId) => this.join({ ...ask, memberId }))
      await this.settle()
      ids.push(next.answer()?.memberId ?? '')
      if (again.some((outcomeOfOne) => !outcomeOfOne.isAnswered())) throw new Error('The group did not rebalance.')
    }
    const generationId = this.view?.generationId ?? 0
    const assignments = ids.map((memberId) => ({ memberId, assignment: Buffer.from(`for ${memberId}`) }))
    for (const memberId of [...ids].reverse()) {
      this.sync({ memberId, generationId, assignments: memberId === ids[0] ? assignments : [] })
    }
    await this.settle()
    return ids
  }
}

function joinAsk(ask: Partial<JoinAsk> = {}): JoinAsk {
  return {
    memberId: '',
    groupInstanceId: null,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    sessionTimeoutMs: SESSION_MS,
    rebalanceTimeoutMs: REBALANCE_MS,
    protocolType: 'consumer',
    protocols: protocols('range'),
    requiresKnownMemberId: false,
    supportsSkippingAssignment: false,
    ...ask,
  }
}

export function protocols(...names: string[]): JoinAsk['protocols'] {
  return names.map((name) => ({ name, metadata: Buffer.from(`as ${name}`) }))
}

/** What consumers say of themselves: a version, the topics, no user data. */
export function subscription(...topics: string[]): Buffer {
  const names = topics.map((topic) => {
    const length = Buffer.alloc(2)
    length.writeInt16BE(topic.length)
    return Buffer.concat([length, Buffer.from(topic)])
  })
  const head = Buffer.alloc(6)
  head.writeInt32BE(topics.length, 2)
  return Buffer.concat([head, ...names, Buffer.from([0xff, 0xff, 0xff, 0xff])])
}

function outcome<T>(asked: T | Promise<T | undefined>): Outcome<T> {
  let answer: T | undefined
  let isAnswered = false
  const take = (given: T | undefined): void => {
    answer = given
    isAnswered = true
  }
  if (asked instanceof Promise) void asked.then(take)
  else take(asked)
  return { answer: () => answer, isAnswered: () => isAnswered }
}

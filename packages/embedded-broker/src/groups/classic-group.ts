/**
 * The rules this file keeps:
 * - One function moves the group between its states (moveTo), and only along the moves that Kafka knows.
 * - A generation begins when every member has joined again, or the rebalance timeout ended the wait; who had not joined by
 *   then is out, unless it is a static member.
 * - Every JoinGroup and SyncGroup is answered exactly once: by the generation, by an error, or by the one that replaces it.
 * - A member's session is watched except while a request of its own waits here: it cannot send heartbeats then.
 */
import { ErrorCode } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { Surroundings } from '../surroundings.js'
import { isLegalMove, type ClassicGroupState } from './classic-group-state.js'
import { answerJoin, answerSync, metadataFor, newMember, type ClassicMember } from './classic-member.js'
import { chooseProtocol, isSpokenByAll, offersTheSame } from './group-protocols.js'
import {
  refusedJoin,
  refusedSync,
  type JoinAnswer,
  type JoinAsk,
  type MemberClaim,
  type SyncAnswer,
  type SyncAsk,
} from './group-answers.js'
import { GroupRoster } from './group-roster.js'
import { newMemberId } from './member-ids.js'

/** How long the JoinGroup of a member that is new may wait; it has no session yet. Kafka's own, fixed there too. */
const NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000

/** What a group asks of the broker's configuration, each time anew. */
export interface ClassicGroupLimits {
  /** group.initial.rebalance.delay.ms */
  readonly initialRebalanceDelayMs: number
  /** group.max.size */
  readonly maxSize: number
}

/** One consumer group of the classic protocol: who is in it, and where it stands in its rebalance. */
export class ClassicGroup {
  readonly groupId: string
  readonly #surroundings: Surroundings
  readonly #limits: () => ClassicGroupLimits
  readonly #roster = new GroupRoster()
  #state: ClassicGroupState = 'Empty'
  #stateBefore: ClassicGroupState = 'Empty'
  #generationId = 0
  #protocolType: string | null = null
  #protocolName: string | null = null
  #rebalanceTimer: Timer | undefined
  /** Somebody came while the group waited for its first members. */
  #newcomer = false
  /** Members of this generation whose SyncGroup has not come. */
  readonly #unsynced = new Set<string>()
  #syncTimer: Timer | undefined

  constructor(
    surroundings: Surroundings,
    given: { readonly groupId: string; readonly limits: () => ClassicGroupLimits },
  ) {
    this.#surroundings = surroundings
    this.groupId = given.groupId
    this.#limits = given.limits
  }

  get state(): ClassicGroupState {
    return this.#state
  }
  get generationId(): number {
    return this.#generationId
  }
  /** `consumer` for consumers; null before anyone has joined. */
  get protocolType(): string | null {
    return this.#protocolType
  }
  get protocolName(): string | null {
    return this.#protocolName
  }
  get leaderId(): string | undefined {
    return this.#roster.leaderId
  }
  get members(): readonly ClassicMember[] {
    return this.#roster.members
  }

  /** Answers through `answer`, at once or when the generation begins. */
  join(ask: JoinAsk, answer: (answer: JoinAnswer) => void): void {
    const refuse = (errorCode: number, memberId = ask.memberId): void => answer(refusedJoin(memberId, errorCode))
    if (this.#state === 'Dead') refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    else if (!this.#hasRoomFor(ask.memberId)) refuse(ErrorCode.GROUP_MAX_SIZE_REACHED, '')
    else if (!this.#supports(ask)) refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    else if (ask.memberId === '') this.#joinNew(ask, answer)
    else this.#joinKnown(ask, answer)
  }

  /** Answers through `answer`, at once or when the leader's assignment is there. */
  sync(ask: SyncAsk, answer: (answer: SyncAnswer) => void): void {
    const refuse = (errorCode: number): void => answer(refusedSync(errorCode))
    const errorCode = this.#claimError(ask)
    if (errorCode !== 0) return refuse(errorCode)
    if (
      (ask.protocolType !== null && ask.protocolType !== this.#protocolType) ||
      (ask.protocolName !== null && ask.protocolName !== this.#protocolName)
    ) {
      return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    }
    const member = this.#roster.get(ask.memberId)
    if (member === undefined || this.#state === 'Empty') return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    if (this.#state === 'PreparingRebalance') return refuse(ErrorCode.REBALANCE_IN_PROGRESS)
    this.#unsynced.delete(member.id)
    if (this.#state === 'Stable') {
      this.#watchSession(member)
      return answer(this.#assignmentOf(member))
    }
    answerSync(member, refusedSync(ErrorCode.REBALANCE_IN_PROGRESS))
    member.waitingSync = answer
    member.sessionTimer?.cancel()
    if (this.#roster.isLeader(member)) this.#becomeStable(ask.assignments)
  }

  /** @returns the error of this heartbeat, 0 for none */
  heartbeat(claim: MemberClaim): number {
    const errorCode = this.#claimError(claim)
    if (errorCode !== 0) return errorCode
    const member = this.#roster.get(claim.memberId)
    if (member === undefined || this.#state === 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
    this.#watchSession(member)
    return this.#state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : 0
  }

  /** Ends memberships; one that has only a group instance id is looked up by it. @returns an error for each, 0 for none */
  leave(leaving: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[]): number[] {
    if (this.#state === 'Dead') return leaving.map(() => ErrorCode.COORDINATOR_NOT_AVAILABLE)
    let left = false
    const errors = leaving.map(({ memberId, groupInstanceId }) => {
      if (memberId !== '' && this.#roster.dropPending(memberId)) return 0
      const id = memberId === '' ? this.#roster.staticMemberId(groupInstanceId ?? '') : memberId
      if (id === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
      const errorCode = this.#roster.errorOf(id, groupInstanceId)
      if (errorCode !== 0) return errorCode
      this.#remove(id)
      this.#tell('A member has left its consumer group.', { memberId: id })
      left = true
      return 0
    })
    if (left) this.#rebalanceOrComplete()
    else this.#completeJoinIfAllAreHere()
    return errors
  }

  /**
   * Whether this member may commit offsets now. Generation -1 without a member is an administrator, or a consumer that
   * assigns its partitions itself; offsets inside a transaction may come from such a one even where the group has members.
   * @returns the error, 0 for none
   */
  commitError(claim: MemberClaim, isTransactional: boolean): number {
    if (this.#state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if (claim.generationId < 0 && this.#state === 'Empty') return 0
    if (claim.generationId >= 0 || claim.memberId !== '' || claim.groupInstanceId !== null) {
      const errorCode = this.#claimError(claim)
      if (errorCode !== 0) return errorCode
    } else if (!isTransactional && this.#state !== 'Empty') {
      return ErrorCode.UNKNOWN_MEMBER_ID
    }
    if (isTransactional) return 0
    if (this.#state === 'CompletingRebalance') return ErrorCode.REBALANCE_IN_PROGRESS
    const member = this.#roster.get(claim.memberId)
    if (member !== undefined && member.waitingJoin === undefined) this.#watchSession(member)
    return 0
  }

  /** Nobody is in it, nor about to be. */
  get isAbandoned(): boolean {
    return this.#state === 'Empty' && !this.#roster.hasPending
  }

  /** The group is deleted. Only an empty one can be. */
  die(): void {
    this.close()
    this.#moveTo('Dead')
  }

  /** Cancels all timers. */
  close(): void {
    this.#roster.close()
    this.#rebalanceTimer?.cancel()
    this.#syncTimer?.cancel()
  }

  #hasRoomFor(memberId: string): boolean {
    const { maxSize } = this.#limits()
    const member = this.#roster.get(memberId)
    if (this.#state === 'Empty' || this.#state === 'Dead') return true
    if (this.#state !== 'PreparingRebalance') return member !== undefined || this.#roster.size < maxSize
    return member?.waitingJoin !== undefined || this.#roster.waitingJoins < maxSize
  }

  #supports(ask: JoinAsk): boolean {
    if (this.#roster.size === 0) return ask.protocolType !== '' && ask.protocols.length > 0
    return ask.protocolType === this.#protocolType && isSpokenByAll(ask.protocols, this.members)
  }

  #joinNew(ask: JoinAsk, answer: (answer: JoinAnswer) => void): void {
    const memberId = newMemberId(ask.groupInstanceId ?? ask.clientId, this.#surroundings.random)
    if (ask.groupInstanceId !== null) {
      const former = this.#roster.get(this.#roster.staticMemberId(ask.groupInstanceId) ?? '')
      if (former === undefined) this.#add(memberId, ask, answer)
      else this.#replaceStatic(former, memberId, { ask, answer })
    } else if (ask.requiresKnownMemberId) {
      const forget = (): void => {
        this.#roster.dropPending(memberId)
        this.#completeJoinIfAllAreHere()
      }
      this.#roster.addPending(memberId, this.#after(ask.sessionTimeoutMs, forget))
      answer(refusedJoin(memberId, ErrorCode.MEMBER_ID_REQUIRED))
    } else {
      this.#add(memberId, ask, answer)
    }
  }

  #joinKnown(ask: JoinAsk, answer: (answer: JoinAnswer) => void): void {
    if (ask.groupInstanceId === null && this.#roster.dropPending(ask.memberId))
      return this.#add(ask.memberId, ask, answer)
    const errorCode = this.#roster.errorOf(ask.memberId, ask.groupInstanceId)
    const member = this.#roster.get(ask.memberId)
    if (errorCode !== 0 || member === undefined) return answer(refusedJoin(ask.memberId, errorCode))
    const offersOther = !offersTheSame(member, ask.protocols)
    // An answer that was lost is given again; anything else that a member of a running generation says begins a new one.
    if (this.#state === 'CompletingRebalance' && !offersOther) return answer(this.#generationFor(member))
    if (this.#state === 'Stable' && !offersOther && !this.#roster.isLeader(member)) {
      return answer(this.#generationFor(member))
    }
    this.#awaitJoin(member, { ask, answer })
    this.#rebalanceOrComplete()
  }

  #add(memberId: string, ask: JoinAsk, answer: (answer: JoinAnswer) => void): void {
    const member = newMember(memberId, ask)
    if (this.#roster.size === 0) this.#protocolType = ask.protocolType
    this.#roster.add(member)
    if (this.#state === 'PreparingRebalance' && this.#stateBefore === 'Empty') this.#newcomer = true
    this.#awaitJoin(member, { ask, answer })
    member.sessionTimer = this.#after(NEW_MEMBER_JOIN_TIMEOUT_MS, () => {
      if (member.isNew && this.#roster.holds(member)) this.#expire(member)
    })
    this.#tell('A member joins a consumer group.', { memberId, clientId: ask.clientId })
    this.#rebalanceOrComplete()
  }

  #awaitJoin(
    member: ClassicMember,
    { ask, answer }: { readonly ask: JoinAsk; readonly answer: (answer: JoinAnswer) => void },
  ): void {
    answerJoin(member, refusedJoin(member.id, ErrorCode.REBALANCE_IN_PROGRESS))
    member.protocols = ask.protocols
    member.sessionTimeoutMs = ask.sessionTimeoutMs
    member.rebalanceTimeoutMs = ask.rebalanceTimeoutMs
    member.clientId = ask.clientId
    member.clientHost = ask.clientHost
    member.waitingJoin = answer
    member.sessionTimer?.cancel()
  }

  /** A static member came back under its instance id: it takes the place of what it was, which is fenced from now on. */
  #replaceStatic(
    member: ClassicMember,
    memberId: string,
    { ask, answer }: { readonly ask: JoinAsk; readonly answer: (answer: JoinAnswer) => void },
  ): void {
    const formerLeader = this.#roster.leaderId ?? ''
    const formerId = member.id
    answerJoin(member, refusedJoin(formerId, ErrorCode.FENCED_INSTANCE_ID))
    answerSync(member, refusedSync(ErrorCode.FENCED_INSTANCE_ID))
    if (this.#unsynced.delete(formerId)) this.#unsynced.add(memberId)
    this.#roster.rename(member, memberId)
    this.#awaitJoin(member, { ask, answer })
    this.#tell('A static member came back to its consumer group and has a new member id.', {
      memberId,
      groupInstanceId: member.groupInstanceId,
    })
    this.#surroundings.changed()
    if (this.#state !== 'Stable' || chooseProtocol(this.members) !== this.#protocolName) {
      return this.#rebalanceOrComplete()
    }
    // The generation goes on. An old client that finds itself named as the leader would assign anew; it is told its former id.
    const isLeader = this.#roster.isLeader(member)
    const skipAssignment = isLeader && ask.supportsSkippingAssignment
    answerJoin(member, {
      ...this.#generationFor(member),
      leader: ask.supportsSkippingAssignment ? (this.#roster.leaderId ?? '') : formerLeader,
      members: skipAssignment ? this.#membersForLeader() : [],
      skipAssignment,
    })
    this.#watchSession(member)
  }

  #generationFor(member: ClassicMember): JoinAnswer {
    return {
      errorCode: 0,
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#roster.leaderId ?? '',
      skipAssignment: false,
      memberId: member.id,
      members: this.#roster.isLeader(member) && this.#state === 'CompletingRebalance' ? this.#membersForLeader() : [],
    }
  }

  #membersForLeader(): JoinAnswer['members'] {
    return this.members.map((member) => ({
      memberId: member.id,
      groupInstanceId: member.groupInstanceId,
      metadata: metadataFor(member, this.#protocolName),
    }))
  }

  #assignmentOf(member: ClassicMember): SyncAnswer {
    return {
      errorCode: 0,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      assignment: member.assignment,
    }
  }

  #rebalanceOrComplete(): void {
    if (this.#state === 'PreparingRebalance') this.#completeJoinIfAllAreHere()
    // An empty group has nothing to rebalance, and a dead one never will.
    else if (this.#state !== 'Dead' && (this.#state !== 'Empty' || this.#roster.size > 0)) this.#prepareRebalance()
  }

  #prepareRebalance(): void {
    for (const member of this.members) {
      // Those of a generation that was stable stay to be seen until the next one is.
      if (this.#state === 'CompletingRebalance') member.assignment = Buffer.alloc(0)
      if (member.waitingSync === undefined) continue
      this.#watchSession(member)
      answerSync(member, refusedSync(ErrorCode.REBALANCE_IN_PROGRESS))
    }
    this.#syncTimer?.cancel()
    this.#unsynced.clear()
    const isInitial = this.#state === 'Empty'
    this.#moveTo('PreparingRebalance')
    if (isInitial) {
      const { initialRebalanceDelayMs } = this.#limits()
      this.#awaitFirstMembers(initialRebalanceDelayMs, this.#roster.longestRebalanceTimeoutMs)
    } else {
      this.#rebalanceTimer = this.#after(this.#roster.longestRebalanceTimeoutMs, () => this.#completeJoin())
      this.#completeJoinIfAllAreHere()
    }
  }

  /** A new group waits a moment for more members than the first, and again as long as some come, within the rebalance timeout. */
  #awaitFirstMembers(delayMs: number, leftMs: number): void {
    if (delayMs <= 0) return this.#completeJoin()
    const leftAfterwardsMs = Math.max(leftMs - delayMs, 0)
    this.#newcomer = false
    this.#rebalanceTimer = this.#after(delayMs, () => {
      if (this.#newcomer && leftAfterwardsMs > 0) {
        this.#awaitFirstMembers(Math.min(this.#limits().initialRebalanceDelayMs, leftAfterwardsMs), leftAfterwardsMs)
      } else {
        this.#completeJoin()
      }
    })
  }

  #completeJoinIfAllAreHere(): void {
    const mayComplete = this.#state === 'PreparingRebalance' && this.#stateBefore !== 'Empty'
    if (mayComplete && this.#roster.isComplete) this.#completeJoin()
  }

  #completeJoin(): void {
    this.#rebalanceTimer?.cancel()
    for (const member of this.members) {
      if (member.waitingJoin === undefined && member.groupInstanceId === null) {
        this.#tell('A member did not join again within the rebalance timeout and is no longer in its consumer group.', {
          memberId: member.id,
        })
        this.#remove(member.id)
      }
    }
    if (this.#roster.size === 0) return this.#becomeEmpty()
    if (!this.#roster.electJoinedLeader()) {
      // Only static members, none of which has come yet: their places are kept until their sessions end.
      this.#rebalanceTimer = this.#after(this.#roster.longestRebalanceTimeoutMs, () => this.#completeJoin())
      return
    }
    this.#beginGeneration()
  }

  #becomeEmpty(): void {
    this.#generationId++
    this.#protocolName = null
    this.#moveTo('Empty')
    this.#tell('A consumer group has no members any more.', { generationId: this.#generationId })
  }

  #beginGeneration(): void {
    this.#generationId++
    this.#protocolName = chooseProtocol(this.members) ?? null
    this.#moveTo('CompletingRebalance')
    this.#unsynced.clear()
    for (const member of this.members) {
      this.#unsynced.add(member.id)
      member.isNew = false
    }
    this.#syncTimer = this.#after(this.#roster.longestRebalanceTimeoutMs, () => this.#expireUnsynced())
    this.#tell('A generation of a consumer group begins.', {
      generationId: this.#generationId,
      members: this.#roster.size,
      protocol: this.#protocolName,
    })
    for (const member of this.members) {
      this.#watchSession(member)
      answerJoin(member, this.#generationFor(member))
    }
  }

  #becomeStable(assignments: SyncAsk['assignments']): void {
    const given = new Map(assignments.map(({ memberId, assignment }) => [memberId, assignment]))
    for (const member of this.members) member.assignment = given.get(member.id) ?? Buffer.alloc(0)
    this.#moveTo('Stable')
    this.#tell('A consumer group is stable: its leader has assigned the partitions.', {
      generationId: this.#generationId,
    })
    for (const member of this.members) {
      if (member.waitingSync === undefined) continue
      this.#watchSession(member)
      answerSync(member, this.#assignmentOf(member))
    }
  }

  /** Who was told of the generation and never asked for its assignment is out, and the others assign anew. */
  #expireUnsynced(): void {
    if (this.#unsynced.size === 0) return
    for (const memberId of this.#unsynced) {
      this.#tell(
        'A member did not ask for its assignment within the rebalance timeout and is no longer in its consumer group.',
        { memberId },
      )
      this.#remove(memberId)
    }
    this.#prepareRebalance()
  }

  /** The session begins anew. */
  #watchSession(member: ClassicMember): void {
    member.sessionTimer?.cancel()
    member.sessionTimer = this.#after(member.sessionTimeoutMs, () => {
      const isWaiting = member.waitingJoin !== undefined || member.waitingSync !== undefined
      if (!isWaiting && this.#roster.holds(member)) this.#expire(member)
    })
  }

  #expire(member: ClassicMember): void {
    this.#tell('A member of a consumer group sent no heartbeat within its session timeout and is out.', {
      memberId: member.id,
    })
    this.#remove(member.id)
    this.#rebalanceOrComplete()
  }

  #remove(memberId: string): void {
    const member = this.#roster.get(memberId)
    if (member === undefined) return
    this.#roster.remove(member)
    this.#unsynced.delete(memberId)
    answerJoin(member, refusedJoin('', ErrorCode.UNKNOWN_MEMBER_ID))
    answerSync(member, refusedSync(ErrorCode.UNKNOWN_MEMBER_ID))
    this.#surroundings.changed()
  }

  #claimError(claim: MemberClaim): number {
    if (this.#state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
    const errorCode = this.#roster.errorOf(claim.memberId, claim.groupInstanceId)
    if (errorCode !== 0) return errorCode
    return claim.generationId === this.#generationId ? 0 : ErrorCode.ILLEGAL_GENERATION
  }

  #moveTo(state: ClassicGroupState): void {
    if (!isLegalMove(this.#state, state)) {
      throw new Error(`The consumer group ${this.groupId} cannot go from ${this.#state} to ${state}.`)
    }
    this.#stateBefore = this.#state
    this.#state = state
    this.#surroundings.changed()
  }

  #tell(sentence: string, facts: object): void {
    this.#surroundings.logger.info({ groupId: this.groupId, ...facts }, sentence)
  }

  #after(delayMs: number, fn: () => void): Timer {
    return this.#surroundings.clock.setTimer(fn, delayMs, { unref: true })
  }
}

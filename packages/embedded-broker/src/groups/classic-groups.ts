/**
 * The coordinator of consumer groups of the classic protocol, and of committed offsets. The rules this file keeps:
 * - A group id belongs to one kind of group: what a share group has taken is refused here, with Kafka's code for each request.
 * - Only a first JoinGroup and a commit without a generation create a group.
 * - A group without members and offsets is forgotten some minutes later, so that groups do not heap up. When there are too many
 *   all the same, the oldest without members makes room, whatever it has committed.
 * - Groups belong to the cluster, not to a broker: they outlive the broker that coordinates them.
 */
import { ErrorCode } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { Surroundings } from '../surroundings.js'
import { ClassicGroup } from './classic-group.js'
import type { ClassicGroupState } from './classic-group-state.js'
import { metadataFor } from './classic-member.js'
import { CommittedOffsets, type CommittedOffset } from './committed-offsets.js'
import { subscribedTopics } from './consumer-subscription.js'
import { MAX_GROUPS } from './group-room.js'
import {
  refusedJoin,
  refusedSync,
  type JoinAnswer,
  type JoinAsk,
  type MemberClaim,
  type SyncAnswer,
  type SyncAsk,
} from './group-answers.js'

/** How often abandoned groups are looked for: Kafka's offsets.retention.check.interval.ms, which clears them away there. */
const ABANDONED_CHECK_MS = 600_000

/** What the groups need of the rest of the cluster. */
export interface ClassicGroupsSurroundings {
  readonly configs: { brokerNumber(name: string): number }
  /** Whether a share group has this id. */
  readonly isShareGroup: (groupId: string) => boolean
}

/** A classic group as an assertion wants to see it. */
export interface ClassicGroupView {
  readonly groupId: string
  readonly state: ClassicGroupState
  readonly generationId: number
  /** `consumer` for consumers; empty when only offsets were committed. */
  readonly protocolType: string
  /** How partitions are assigned, e.g. `range`; empty without members. */
  readonly protocolName: string
  readonly leaderId: string | undefined
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    /** Undefined where the member does not say it in a way that a broker can read. */
    readonly subscribedTopics: readonly string[] | undefined
  }[]
  readonly offsets: readonly CommittedOffset[]
}

/** A group and its members for DescribeGroups. */
export interface ClassicGroupDescription {
  readonly state: ClassicGroupState
  readonly protocolType: string
  /** Empty unless the group is stable, as is metadata. */
  readonly protocolName: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly memberMetadata: Buffer
    readonly memberAssignment: Buffer
  }[]
}

/** Consumer groups of the classic protocol, and the committed offsets of all groups that have them. */
export class ClassicGroups {
  readonly #surroundings: Surroundings
  readonly #given: ClassicGroupsSurroundings
  readonly #groups = new Map<string, { readonly group: ClassicGroup; readonly offsets: CommittedOffsets }>()

  #checkTimer: Timer | undefined

  constructor(surroundings: Surroundings, given: ClassicGroupsSurroundings) {
    this.#surroundings = surroundings
    this.#given = given
  }

  /** Cancels all timers; nothing is to be asked afterwards. */
  close(): void {
    this.#checkTimer?.cancel()
    for (const { group } of this.#groups.values()) group.close()
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  /** Resolves when the group has an answer; undefined when `signal` ended the wait. The member stays, as in Kafka. */
  join(groupId: string, ask: JoinAsk, signal: AbortSignal): Promise<JoinAnswer | undefined> | JoinAnswer {
    const refuse = (errorCode: number): JoinAnswer => refusedJoin(ask.memberId, errorCode)
    if (groupId === '') return refuse(ErrorCode.INVALID_GROUP_ID)
    const { configs, isShareGroup } = this.#given
    if (
      ask.sessionTimeoutMs < configs.brokerNumber('group.min.session.timeout.ms') ||
      ask.sessionTimeoutMs > configs.brokerNumber('group.max.session.timeout.ms')
    ) {
      return refuse(ErrorCode.INVALID_SESSION_TIMEOUT)
    }
    if (isShareGroup(groupId)) return refusedJoin('', ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    const known = this.#groups.get(groupId)
    if (known === undefined && ask.memberId !== '') return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    // What could not even begin a group must not leave an empty one behind.
    if (known === undefined && (ask.protocolType === '' || ask.protocols.length === 0)) {
      return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    }
    if (known === undefined && !this.#hasRoom()) return refuse(ErrorCode.GROUP_MAX_SIZE_REACHED)
    const { group } = known ?? this.#create(groupId)
    return answered(signal, (answer) => group.join(ask, answer))
  }

  /** As join(). */
  sync(groupId: string, ask: SyncAsk, signal: AbortSignal): Promise<SyncAnswer | undefined> | SyncAnswer {
    if (groupId === '') return refusedSync(ErrorCode.INVALID_GROUP_ID)
    const known = this.#groups.get(groupId)
    if (known === undefined) return refusedSync(ErrorCode.UNKNOWN_MEMBER_ID)
    return answered(signal, (answer) => known.group.sync(ask, answer))
  }

  /** @returns the error, 0 for none; so do the others that return a number */
  heartbeat(groupId: string, claim: MemberClaim): number {
    if (groupId === '') return ErrorCode.INVALID_GROUP_ID
    return this.#groups.get(groupId)?.group.heartbeat(claim) ?? ErrorCode.UNKNOWN_MEMBER_ID
  }

  /** @returns an error for all, or one for each */
  leave(
    groupId: string,
    leaving: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[],
  ): number | readonly number[] {
    if (groupId === '') return ErrorCode.INVALID_GROUP_ID
    return this.#groups.get(groupId)?.group.leave(leaving) ?? leaving.map(() => ErrorCode.UNKNOWN_MEMBER_ID)
  }

  /** Commits positions; one with too much metadata is refused for itself. @returns an error for all, or one for each */
  commit(
    groupId: string,
    {
      claim,
      offsets,
      unknownGroupError,
    }: {
      readonly claim: MemberClaim
      readonly offsets: readonly CommittedOffset[]
      /** What a member of a group that does not exist is told; versions differ. */
      readonly unknownGroupError: number
    },
  ): number | readonly number[] {
    const errorCode = this.#commitError(groupId, { claim, unknownGroupError, isTransactional: false })
    if (errorCode !== 0) return errorCode
    if (!this.#groups.has(groupId) && !this.#hasRoom()) return ErrorCode.GROUP_MAX_SIZE_REACHED
    const group = this.#groups.get(groupId) ?? this.#create(groupId)
    return this.#store(offsets, (committed) => group.offsets.commit(committed))
  }

  /** Commits positions in the open transaction of a producer; they count when endTransaction() says so. */
  commitLater(
    groupId: string,
    {
      claim,
      offsets,
      producerId,
    }: {
      readonly claim: MemberClaim
      readonly offsets: readonly CommittedOffset[]
      readonly producerId: number
    },
  ): number | readonly number[] {
    const errorCode = this.#commitError(groupId, {
      claim,
      unknownGroupError: ErrorCode.ILLEGAL_GENERATION,
      isTransactional: true,
    })
    if (errorCode !== 0) return errorCode
    if (!this.#groups.has(groupId) && !this.#hasRoom()) return ErrorCode.GROUP_MAX_SIZE_REACHED
    const group = this.#groups.get(groupId) ?? this.#create(groupId)
    return this.#store(offsets, (committed) => group.offsets.commitLater(producerId, committed))
  }

  /** To be called when a producer's transaction ends. */
  endTransaction(producerId: number, isCommitted: boolean): void {
    for (const { offsets } of this.#groups.values()) {
      if (offsets.endTransaction(producerId, isCommitted)) this.#surroundings.changed()
    }
  }

  /** What the group has committed for the partition, and whether an open transaction may still change it. */
  committed(
    groupId: string,
    { topic, partition }: { readonly topic: string; readonly partition: number },
  ): { readonly committed: CommittedOffset | undefined; readonly isUnstable: boolean } {
    const offsets = this.#groups.get(groupId)?.offsets
    return {
      committed: offsets?.get(topic, partition),
      isUnstable: offsets?.isUnstable(topic, partition) ?? false,
    }
  }

  /** All that the group has committed. */
  allCommitted(groupId: string): readonly CommittedOffset[] {
    return this.#groups.get(groupId)?.offsets.all() ?? []
  }

  /** Whether offsets of this group may be deleted at all: 0, or why not. */
  deleteOffsetsError(groupId: string): number {
    if (groupId === '') return ErrorCode.INVALID_GROUP_ID
    const known = this.#groups.get(groupId)
    if (known === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
    const { state, protocolType } = known.group
    return state === 'Empty' || protocolType === 'consumer' ? 0 : ErrorCode.NON_EMPTY_GROUP
  }

  /** Forgets a position, unless a member subscribes to the topic. */
  deleteOffset(groupId: string, { topic, partition }: { readonly topic: string; readonly partition: number }): number {
    const known = this.#groups.get(groupId)
    if (known === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
    const { group, offsets } = known
    const isSubscribed = group.members.some((member) => {
      const topics = subscribedTopics(metadataFor(member, group.protocolName))
      // Whoever cannot be understood may subscribe to anything.
      return topics === undefined || topics.includes(topic)
    })
    if (isSubscribed) return ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
    offsets.delete(topic, partition)
    this.#surroundings.changed()
    return 0
  }

  /** Deletes an empty group and what it has committed. */
  delete(groupId: string): number {
    const known = this.#groups.get(groupId)
    if (known === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
    if (known.group.state !== 'Empty') return ErrorCode.NON_EMPTY_GROUP
    known.group.die()
    this.#groups.delete(groupId)
    this.#surroundings.logger.info({ groupId }, 'A consumer group and its offsets are deleted.')
    this.#surroundings.changed()
    return 0
  }

  /** To be called when a topic is deleted: positions in it are forgotten. */
  topicDeleted(topic: string): void {
    for (const { offsets } of this.#groups.values()) offsets.deleteTopic(topic)
    this.#surroundings.changed()
  }

  describe(groupId: string): ClassicGroupDescription | undefined {
    const group = this.#groups.get(groupId)?.group
    if (group === undefined) return undefined
    const isStable = group.state === 'Stable'
    return {
      state: group.state,
      protocolType: group.protocolType ?? '',
      protocolName: isStable ? (group.protocolName ?? '') : '',
      members: group.members.map((member) => ({
        memberId: member.id,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: isStable ? metadataFor(member, group.protocolName) : Buffer.alloc(0),
        memberAssignment: member.assignment,
      })),
    }
  }

  list(): readonly {
    readonly groupId: string
    readonly protocolType: string
    readonly state: ClassicGroupState
  }[] {
    return [...this.#groups.values()].map(({ group }) => ({
      groupId: group.groupId,
      protocolType: group.protocolType ?? '',
      state: group.state,
    }))
  }

  inspect(): readonly ClassicGroupView[] {
    return [...this.#groups.values()].map(({ group, offsets }) => ({
      groupId: group.groupId,
      state: group.state,
      generationId: group.generationId,
      protocolType: group.protocolType ?? '',
      protocolName: group.protocolName ?? '',
      leaderId: group.leaderId,
      members: group.members.map((member) => ({
        memberId: member.id,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        subscribedTopics: subscribedTopics(member.protocols[0]?.metadata ?? Buffer.alloc(0)),
      })),
      offsets: offsets.all(),
    }))
  }

  /** Makes room for one more group if need be. */
  #hasRoom(): boolean {
    if (this.#groups.size < MAX_GROUPS) return true
    for (const [groupId, { group }] of this.#groups) {
      if (group.state !== 'Empty') continue
      this.#surroundings.logger.warn(
        { groupId },
        `There are ${MAX_GROUPS} consumer groups, the most that the embedded broker keeps: ${groupId}, which has no members, makes room.`,
      )
      this.delete(groupId)
      return true
    }
    return false
  }

  #create(groupId: string): { readonly group: ClassicGroup; readonly offsets: CommittedOffsets } {
    const { configs } = this.#given
    const group = new ClassicGroup(this.#surroundings, {
      groupId,
      limits: () => ({
        initialRebalanceDelayMs: configs.brokerNumber('group.initial.rebalance.delay.ms'),
        maxSize: configs.brokerNumber('group.max.size'),
      }),
    })
    const entry = { group, offsets: new CommittedOffsets() }
    this.#groups.set(groupId, entry)
    this.#checkTimer ??= this.#checkLater()
    return entry
  }

  #checkLater(): Timer {
    return this.#surroundings.clock.setTimer(() => this.#forgetAbandoned(), ABANDONED_CHECK_MS, { unref: true })
  }

  #forgetAbandoned(): void {
    for (const [groupId, { group, offsets }] of this.#groups) {
      if (!group.isAbandoned || !offsets.isEmpty) continue
      group.die()
      this.#groups.delete(groupId)
      this.#surroundings.logger.debug({ groupId }, 'A consumer group without members and offsets is forgotten.')
    }
    this.#checkTimer = this.#groups.size > 0 ? this.#checkLater() : undefined
    this.#surroundings.changed()
  }

  #commitError(
    groupId: string,
    {
      claim,
      unknownGroupError,
      isTransactional,
    }: {
      readonly claim: MemberClaim
      readonly unknownGroupError: number
      readonly isTransactional: boolean
    },
  ): number {
    if (this.#given.isShareGroup(groupId)) return ErrorCode.GROUP_ID_NOT_FOUND
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known.group.commitError(claim, isTransactional)
    return claim.generationId < 0 ? 0 : unknownGroupError
  }

  #store(offsets: readonly CommittedOffset[], keep: (committed: CommittedOffset) => void): readonly number[] {
    const maxMetadata = this.#given.configs.brokerNumber('offset.metadata.max.bytes')
    const errors = offsets.map((committed) => {
      // Kafka counts characters here, for all that the name says.
      if (committed.metadata.length > maxMetadata) return ErrorCode.OFFSET_METADATA_TOO_LARGE
      keep(committed)
      return 0
    })
    this.#surroundings.changed()
    return errors
  }
}

/** What `ask` answers: as it is when it answers at once, else as a promise that ends with `signal` at the latest. */
function answered<T extends object>(
  signal: AbortSignal,
  ask: (answer: (answer: T) => void) => void,
): T | Promise<T | undefined> {
  let given: T | undefined
  let tell = (answer: T): void => {
    given = answer
  }
  ask((answer) => tell(answer))
  if (given !== undefined) return given
  return new Promise((resolve) => {
    const abort = (): void => resolve(undefined)
    tell = (answer) => {
      signal.removeEventListener('abort', abort)
      resolve(answer)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true })
  })
}

import { ErrorCode, type Uuid } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { ClusterConfigs } from '../../configs/cluster-configs.js'
import type { Surroundings } from '../../surroundings.js'
import type { TopicCatalog } from '../../topics/topic-catalog.js'
import { MAX_GROUPS } from '../../groups/group-room.js'
import { ShareGroup } from './share-group.js'
import {
  groupIsFull,
  groupNotFound,
  heartbeatFault,
  INVALID_GROUP_ID,
  memberEpochFault,
  NON_EMPTY_GROUP,
  tooManyGroups,
  unknownMember,
  type GroupFault,
  type ShareHeartbeat,
} from './share-group-faults.js'
import {
  ShareGroupOffsets,
  type OffsetsToAlter,
  type PartitionOutcome,
  type TopicOutcome,
  type TopicPositions,
} from './share-group-offsets.js'
import type { NewSharePartitions } from './share-group-partitions.js'
import type { ShareStateStore } from '../state/share-state-store.js'
import type { ShareAssignment } from './simple-assignor.js'

// The coordinator of all share groups of the cluster: who is a member, and when. What one group does is in share-group.ts.
//
// - Members that are not heard of within the group's session timeout are gone, as if they had left. Neither releases records
//   on the partition leaders: the end of a share session does that, or the lock's.
// - Share partitions are initialised in the store at once by the heartbeat that finds them missing (a fetch right behind the
//   answer finds them there), and given to members from a moment later on, as in Kafka, where that takes a round trip.
// - A group comes to be by a join or by an alteration of its offsets, and goes only by being deleted, or when there are so
//   many that the oldest without members has to make room.

/** How long it takes until partitions count as initialised: about what a Kafka at rest needs. */
const INITIALIZATION_MS = 20

/** Of all groups together: beyond it no more partitions are given to any. */
const MAX_SHARE_PARTITIONS = 1_000_000

/** A share group as an assertion wants to see it. */
export interface ShareGroupView {
  readonly groupId: string
  readonly state: 'Empty' | 'Stable' | 'Dead'
  readonly epoch: number
  readonly assignmentEpoch: number
  readonly members: readonly {
    readonly memberId: string
    readonly clientId: string
    readonly epoch: number
    readonly rackId: string | null
    readonly subscribedTopics: readonly string[]
    /** E.g. `orders-0`. */
    readonly assignment: readonly string[]
  }[]
}

export interface ShareGroupsGiven {
  readonly topics: Pick<TopicCatalog, 'byName' | 'byId' | 'onChange'>
  readonly configs: Pick<ClusterConfigs, 'shareGroup' | 'brokerNumber'>
  readonly states: ShareStateStore
  /** Whether the id is that of a group of another type. */
  readonly isClassicGroup: (groupId: string) => boolean
  /** Whether the feature share.version is above 0. */
  readonly isEnabled: () => boolean
}

export interface HeartbeatAnswer {
  readonly memberId: string
  /** -1 after a leave. */
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** Null: as before. */
  readonly assignment: ShareAssignment | null
}

/** The coordinator of all share groups: membership, assignment, offsets. */
export class ShareGroups {
  /** Positions of groups; to alter and delete them goes through this class. */
  readonly offsets: ShareGroupOffsets
  readonly #surroundings: Surroundings
  readonly #given: ShareGroupsGiven
  readonly #groups = new Map<string, ShareGroup>()
  /** Of members, by group. */
  readonly #sessions = new Map<ShareGroup, Map<string, Timer>>()

  constructor(surroundings: Surroundings, given: ShareGroupsGiven) {
    this.#surroundings = surroundings
    this.#given = given
    this.offsets = new ShareGroupOffsets(given)
    given.topics.onChange((change) => {
      if (change.kind === 'leaderChanged') return
      if (change.kind === 'deleted') given.states.deleteTopic(change.topic.id)
      for (const group of this.#groups.values()) {
        if (change.kind === 'deleted') group.partitions.deleteTopic(change.topic.id)
        group.topicsChanged()
      }
    })
  }

  /** False while the feature share.version is 0: every share API answers UNSUPPORTED_VERSION then. */
  get isEnabled(): boolean {
    return this.#given.isEnabled()
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  /** For ListGroups. */
  list(): { readonly groupId: string; readonly state: 'Empty' | 'Stable' }[] {
    return [...this.#groups.values()].map(({ groupId, state }) => ({ groupId, state }))
  }

  /** The group, or why there is none. */
  find(groupId: string): ShareGroup | GroupFault {
    return this.#groups.get(groupId) ?? this.#otherType(groupId) ?? groupNotFound(`Group ${groupId} not found.`)
  }

  /** A member joins (epoch 0), stays, or leaves (epoch -1). */
  heartbeat(heartbeat: ShareHeartbeat): HeartbeatAnswer | GroupFault {
    const fault = heartbeatFault(heartbeat)
    if (fault !== undefined) return fault
    return heartbeat.memberEpoch === -1 ? this.#leave(heartbeat) : this.#joinOrStay(heartbeat)
  }

  /** All positions of the group; an unknown group has none. */
  positions(groupId: string): TopicPositions[] {
    return this.offsets.describeAll(groupId, this.#groups.get(groupId))
  }

  /** Sets where partitions begin, of a group without members; a group that does not exist comes to be. */
  alterOffsets(
    groupId: string,
    topics: readonly OffsetsToAlter[],
  ):
    | { readonly topicName: string; readonly topicId: Uuid; readonly partitions: readonly PartitionOutcome[] }[]
    | GroupFault {
    if (groupId === '') return INVALID_GROUP_ID
    const otherType = this.#otherType(groupId)
    if (otherType !== undefined) return otherType
    if ((this.#groups.get(groupId)?.size ?? 0) > 0) return NON_EMPTY_GROUP
    const isNew = !this.#groups.has(groupId)
    if (this.#isFull || (isNew && !this.#hasRoom())) return tooManyGroups(MAX_GROUPS)
    const outcomes = this.offsets.alter(groupId, topics, () => this.#getOrCreate(groupId))
    this.#surroundings.logger.info({ groupId }, `Offsets of share group ${groupId} were altered.`)
    this.#surroundings.changed()
    return outcomes
  }

  /** Forgets the positions in whole topics, of a group without members. */
  deleteOffsets(groupId: string, topicNames: readonly string[]): TopicOutcome[] | GroupFault {
    if (groupId === '') return INVALID_GROUP_ID
    const group = this.find(groupId)
    if (!(group instanceof ShareGroup)) return group
    if (group.size > 0) return NON_EMPTY_GROUP
    const outcomes = this.offsets.delete(group, topicNames)
    this.#surroundings.logger.info({ groupId }, `Offsets of share group ${groupId} were deleted.`)
    this.#surroundings.changed()
    return outcomes
  }

  /** For DeleteGroups. @returns an error code: 0, GROUP_ID_NOT_FOUND or NON_EMPTY_GROUP */
  delete(groupId: string): number {
    const group = this.#groups.get(groupId)
    if (group === undefined) return ErrorCode.GROUP_ID_NOT_FOUND
    if (group.size > 0) return ErrorCode.NON_EMPTY_GROUP
    this.#groups.delete(groupId)
    this.#sessions.delete(group)
    this.#given.states.deleteGroup(groupId)
    this.#surroundings.logger.info({ groupId }, `Share group ${groupId} was deleted.`)
    this.#surroundings.changed()
    return 0
  }

  /** All timers end; nothing else changes. */
  close(): void {
    for (const timers of this.#sessions.values()) for (const timer of timers.values()) timer.cancel()
    this.#sessions.clear()
  }

  inspect(): readonly ShareGroupView[] {
    return [...this.#groups.values()].map((group) => ({
      groupId: group.groupId,
      state: group.state,
      epoch: group.epoch,
      assignmentEpoch: group.assignmentEpoch,
      members: group.members.map((member) => ({
        memberId: member.memberId,
        clientId: member.clientId,
        epoch: member.epoch,
        rackId: member.rackId,
        subscribedTopics: member.topics,
        assignment: this.#namesOf(member.assignment),
      })),
    }))
  }

  #joinOrStay(heartbeat: ShareHeartbeat): HeartbeatAnswer | GroupFault {
    const { groupId, memberId, memberEpoch } = heartbeat
    const otherType = this.#otherType(groupId)
    if (otherType !== undefined) return otherType
    const known = this.#groups.get(groupId)
    if (known === undefined && memberEpoch !== 0) return groupNotFound(`Share group ${groupId} not found.`)
    const maxSize = this.#given.configs.brokerNumber('group.share.max.size')
    if (known !== undefined && known.size >= maxSize && known.member(memberId) === undefined)
      return groupIsFull(maxSize)
    const before = known?.member(memberId)
    const fault = memberEpochFault(heartbeat, before)
    if (fault !== undefined) return fault
    if (known === undefined && !this.#hasRoom()) return tooManyGroups(MAX_GROUPS)
    const group = known ?? this.#getOrCreate(groupId)
    const settings = this.#given.configs.shareGroup(groupId)
    const { clock, logger, profile } = this.#surroundings
    const { member, assignment } = group.heartbeat(heartbeat, {
      now: clock.now(),
      assignmentIntervalMs: profile.batchesAssignments ? settings.assignmentIntervalMs : 0,
    })
    this.#restartSession(group, memberId, settings.sessionTimeoutMs)
    if (!this.#isFull) this.#initialize(group, group.beginPartitions())
    if (before === undefined) {
      logger.info(
        { groupId, memberId, topics: member.topics },
        `Member ${memberId} joined share group ${groupId} for ${member.topics.join(', ')}.`,
      )
    }
    if (before?.assignment !== member.assignment && assignment !== null) {
      const names = this.#namesOf(member.assignment)
      logger.debug(
        { groupId, memberId, epoch: member.epoch },
        `Member ${memberId} of share group ${groupId} has ${names.length === 0 ? 'no partitions' : names.join(', ')}.`,
      )
    }
    this.#surroundings.changed()
    return { memberId, memberEpoch: member.epoch, heartbeatIntervalMs: settings.heartbeatIntervalMs, assignment }
  }

  #leave({ groupId, memberId }: ShareHeartbeat): HeartbeatAnswer | GroupFault {
    const group = this.find(groupId)
    if (!(group instanceof ShareGroup)) return group
    if (group.member(memberId) === undefined) return unknownMember(memberId, groupId)
    this.#remove(group, memberId, 'left')
    return { memberId, memberEpoch: -1, heartbeatIntervalMs: 0, assignment: null }
  }

  #remove(group: ShareGroup, memberId: string, how: string): void {
    const timers = this.#sessions.get(group)
    timers?.get(memberId)?.cancel()
    timers?.delete(memberId)
    group.remove(memberId)
    const { groupId } = group
    this.#surroundings.logger.info({ groupId, memberId }, `Member ${memberId} of share group ${groupId} ${how}.`)
    this.#surroundings.changed()
  }

  #restartSession(group: ShareGroup, memberId: string, timeoutMs: number): void {
    const timers = this.#sessions.get(group) ?? new Map<string, Timer>()
    this.#sessions.set(group, timers)
    timers.get(memberId)?.cancel()
    const expire = (): void => this.#remove(group, memberId, `was not heard of for ${timeoutMs} ms and is out`)
    timers.set(memberId, this.#surroundings.clock.setTimer(expire, timeoutMs, { unref: true }))
  }

  #initialize(group: ShareGroup, begun: readonly NewSharePartitions[]): void {
    if (begun.length === 0) return
    const { clock, profile } = this.#surroundings
    for (const { topic, partitions, isKnownTopic } of begun) {
      const startOffset = isKnownTopic && profile.addedPartitionsStartAtZero ? 0 : -1
      for (const partition of partitions) {
        const key = { groupId: group.groupId, topicId: topic.id, partition }
        this.#given.states.initialize(key, { stateEpoch: group.epoch, startOffset })
      }
    }
    const finish = (): void => {
      for (const { topic, partitions } of begun) group.partitions.finish(topic.id, partitions)
      this.#surroundings.changed()
    }
    clock.setTimer(finish, INITIALIZATION_MS, { unref: true })
  }

  get #isFull(): boolean {
    return this.#given.states.size >= MAX_SHARE_PARTITIONS
  }

  /** Makes room for one more group if need be, at the cost of the oldest that nobody is a member of. */
  #hasRoom(): boolean {
    if (this.#groups.size < MAX_GROUPS) return true
    for (const { groupId, size } of this.#groups.values()) {
      if (size > 0) continue
      this.#surroundings.logger.warn(
        { groupId },
        `There are ${MAX_GROUPS} share groups, the most that the embedded broker keeps: ${groupId}, which has no members, makes room.`,
      )
      this.delete(groupId)
      return true
    }
    return false
  }

  #getOrCreate(groupId: string): ShareGroup {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    const group = new ShareGroup(groupId, { topics: this.#given.topics, profile: this.#surroundings.profile })
    this.#groups.set(groupId, group)
    return group
  }

  #otherType(groupId: string): GroupFault | undefined {
    if (this.#groups.has(groupId) || !this.#given.isClassicGroup(groupId)) return undefined
    return groupNotFound(`Group ${groupId} is not a share group.`)
  }

  #namesOf(assignment: ShareAssignment): string[] {
    return [...assignment].flatMap(([topicId, partitions]) => {
      const name = this.#given.topics.byId(topicId)?.name
      return name === undefined ? [] : partitions.map((partition) => `${name}-${partition}`)
    })
  }
}

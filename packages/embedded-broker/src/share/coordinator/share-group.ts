import type { Uuid } from '@milena/protocol'
import type { TopicEntry } from '../../topics/topic-catalog.js'
import type { VersionProfile } from '../../version-profile.js'
import { ShareGroupPartitions, type NewSharePartitions, type ShareGroupTopics } from './share-group-partitions.js'
import { assignSimple, type ShareAssignment } from './simple-assignor.js'

// The membership of one share group (KIP-932). It reads no clock and sets no timer: share-groups.ts does.
//
// - The group's epoch grows when what is to be assigned may change: a member's set of topics, a member gone, a subscribed
//   topic created, grown or deleted, partitions initialised that nobody has. Once for all that one heartbeat finds; and
//   (4.3) not for initialised partitions while an assignment is due anyway.
// - The target assignment is worked out in heartbeats only, whoever sends one, and (4.3) not within the interval after the
//   last time. It takes the epoch that the group has then.
// - A member comes to the epoch and the content of the target with its own heartbeat, never by another's; it is not given
//   what it does not want any more.
// - Only initialised partitions are assigned.

export interface ShareGroupMember {
  readonly memberId: string
  readonly clientId: string
  readonly clientHost: string
  readonly rackId: string | null
  /** Sorted, each once. */
  readonly topics: readonly string[]
  readonly epoch: number
  /** An answer may have been lost: the member may still come with the epoch before this one. */
  readonly previousEpoch: number
  readonly assignment: ShareAssignment
}

export interface MemberHeartbeat {
  readonly memberId: string
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  /** Null: as before. */
  readonly rackId: string | null
  /** Null: as before. */
  readonly topics: readonly string[] | null
}

const NOTHING: ShareAssignment = new Map()

export class ShareGroup {
  readonly groupId: string
  readonly partitions = new ShareGroupPartitions()
  readonly #topics: ShareGroupTopics
  readonly #profile: VersionProfile
  readonly #members = new Map<string, ShareGroupMember>()
  #epoch: number
  #assignmentEpoch: number
  /** When the target was worked out; undefined: the next may be at once. */
  #assignedAt: number | undefined
  #target: ReadonlyMap<string, ShareAssignment> = new Map()
  /** The subscribed topics as the epoch knows them. */
  #outline = ''
  #topicsMayDiffer = false

  constructor(groupId: string, given: { readonly topics: ShareGroupTopics; readonly profile: VersionProfile }) {
    this.groupId = groupId
    this.#topics = given.topics
    this.#profile = given.profile
    this.#epoch = given.profile.firstShareGroupEpoch
    this.#assignmentEpoch = this.#epoch
  }

  get epoch(): number {
    return this.#epoch
  }

  get assignmentEpoch(): number {
    return this.#assignmentEpoch
  }

  get state(): 'Empty' | 'Stable' {
    return this.#members.size === 0 ? 'Empty' : 'Stable'
  }

  get size(): number {
    return this.#members.size
  }

  /** In the order of their joining. */
  get members(): readonly ShareGroupMember[] {
    return [...this.#members.values()]
  }

  member(memberId: string): ShareGroupMember | undefined {
    return this.#members.get(memberId)
  }

  /** Topics were created, deleted or grown: the next heartbeat compares. */
  topicsChanged(): void {
    this.#topicsMayDiffer = true
  }

  /**
   * A member joins or stays; the caller has checked that it may, and its epoch.
   *
   * @returns the member after it; and of the assignment what the answer says, null: as before
   */
  heartbeat(
    heartbeat: MemberHeartbeat,
    timing: { readonly now: number; readonly assignmentIntervalMs: number },
  ): { readonly member: ShareGroupMember; readonly assignment: ShareAssignment | null } {
    const { memberId, memberEpoch, clientId, clientHost } = heartbeat
    const before = this.#members.get(memberId)
    const topics = heartbeat.topics === null ? (before?.topics ?? []) : [...new Set(heartbeat.topics)].toSorted()
    const updated: ShareGroupMember = {
      memberId,
      clientId,
      clientHost,
      rackId: heartbeat.rackId ?? before?.rackId ?? null,
      topics,
      epoch: before?.epoch ?? 0,
      previousEpoch: before?.previousEpoch ?? -1,
      assignment: before?.assignment ?? NOTHING,
    }
    this.#members.set(memberId, updated)
    this.#growEpoch(before === undefined || !sameNames(before.topics, topics))
    const { now, assignmentIntervalMs } = timing
    if (
      this.#epoch > this.#assignmentEpoch &&
      (this.#assignedAt === undefined || now - this.#assignedAt >= assignmentIntervalMs)
    ) {
      this.#assign(now)
    }
    const member = this.#reconcile(updated)
    this.#members.set(memberId, member)
    const tellsAll = memberEpoch === 0 || heartbeat.topics !== null
    return {
      member,
      assignment: tellsAll || !sameAssignment(member.assignment, updated.assignment) ? member.assignment : null,
    }
  }

  /** A member left or was not heard of. */
  remove(memberId: string): void {
    if (!this.#members.delete(memberId)) return
    const target = new Map(this.#target)
    target.delete(memberId)
    this.#target = target
    this.#epoch++
    this.#outline = this.#describeTopics()
    this.#topicsMayDiffer = false
    if (this.#members.size === 0 && this.#profile.emptyGroupIsAssignedAtOnce) {
      this.#assignmentEpoch = this.#epoch
      this.#assignedAt = undefined
    }
  }

  /** Partitions of subscribed topics that have to be initialised, which begins herewith. */
  beginPartitions(): NewSharePartitions[] {
    return this.partitions.begin(this.#subscribedTopics())
  }

  #growEpoch(subscriptionChanged: boolean): void {
    let grows = subscriptionChanged
    if (subscriptionChanged || this.#topicsMayDiffer) {
      this.#topicsMayDiffer = false
      const outline = this.#describeTopics()
      if (outline !== this.#outline) grows = true
      this.#outline = outline
    }
    // With an interval between targets, one that is due already will see to it.
    const isDue = this.#profile.batchesAssignments && this.#epoch > this.#assignmentEpoch
    grows ||= !isDue && this.#hasUnassigned()
    if (grows) this.#epoch++
  }

  #assign(now: number): void {
    const members = this.members.map(({ memberId, topics }) => ({
      memberId,
      topicIds: new Set(topics.flatMap((name) => this.#topics.byName(name)?.id ?? [])),
      current: this.#target.get(memberId) ?? NOTHING,
    }))
    this.#target = assignSimple({ members, partitions: this.partitions.among(this.#subscribedTopics()) })
    this.#assignmentEpoch = this.#epoch
    this.#assignedAt = now
  }

  #reconcile(member: ShareGroupMember): ShareGroupMember {
    const wanted = new Map<Uuid, readonly number[]>()
    for (const [topicId, partitions] of this.#target.get(member.memberId) ?? NOTHING) {
      const name = this.#topics.byId(topicId)?.name
      if (name !== undefined && member.topics.includes(name)) wanted.set(topicId, partitions)
    }
    const isNewEpoch = member.epoch !== this.#assignmentEpoch
    return {
      ...member,
      epoch: this.#assignmentEpoch,
      previousEpoch: isNewEpoch ? member.epoch : member.previousEpoch,
      assignment: wanted,
    }
  }

  /** Whether there are initialised partitions of subscribed topics that the target gives to nobody. */
  #hasUnassigned(): boolean {
    const assigned = new Map<Uuid, Set<number>>()
    for (const assignment of this.#target.values()) {
      for (const [topicId, partitions] of assignment) {
        const known = assigned.get(topicId)
        if (known === undefined) assigned.set(topicId, new Set(partitions))
        else for (const partition of partitions) known.add(partition)
      }
    }
    for (const [topicId, partitions] of this.partitions.among(this.#subscribedTopics())) {
      if (partitions.some((partition) => assigned.get(topicId)?.has(partition) !== true)) return true
    }
    return false
  }

  #subscribedTopics(): TopicEntry[] {
    const names = new Set<string>()
    for (const member of this.#members.values()) for (const name of member.topics) names.add(name)
    return [...names].flatMap((name) => this.#topics.byName(name) ?? [])
  }

  #describeTopics(): string {
    return this.#subscribedTopics()
      .map(({ id, partitions }) => `${id}:${partitions.length}`)
      .toSorted()
      .join()
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, index) => name === b[index])
}

function sameAssignment(a: ShareAssignment, b: ShareAssignment): boolean {
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others?.length !== partitions.length || !partitions.every((each, index) => each === others[index])) return false
  }
  return true
}

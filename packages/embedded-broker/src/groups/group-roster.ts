import { ErrorCode } from '@milena/protocol'
import type { Timer } from '@milena/protocol/runtime'
import type { ClassicMember } from './classic-member.js'

/** Who is in a classic group, who is about to be, and who leads it. It answers nobody and knows no states. */
export class GroupRoster {
  /** In the order of their joining. */
  readonly #members = new Map<string, ClassicMember>()
  /** Ids that were given out and have not joined yet; each until its timer fires. */
  readonly #pending = new Map<string, Timer>()
  /** Group instance id to member id. */
  readonly #static = new Map<string, string>()
  #leaderId: string | undefined

  get size(): number {
    return this.#members.size
  }
  get members(): readonly ClassicMember[] {
    return [...this.#members.values()]
  }
  get leaderId(): string | undefined {
    return this.#leaderId
  }

  get(memberId: string): ClassicMember | undefined {
    return this.#members.get(memberId)
  }

  isLeader(member: ClassicMember): boolean {
    return member.id === this.#leaderId
  }

  /** Whether this very member is still in: not removed, and not replaced under its id. */
  holds(member: ClassicMember): boolean {
    return this.#members.get(member.id) === member
  }

  /** The first to come leads. */
  add(member: ClassicMember): void {
    this.#members.set(member.id, member)
    if (member.groupInstanceId !== null) this.#static.set(member.groupInstanceId, member.id)
    this.#leaderId ??= member.id
  }

  /** When the leader goes, the one who has been in for longest leads. */
  remove(member: ClassicMember): void {
    member.sessionTimer?.cancel()
    this.#members.delete(member.id)
    if (member.groupInstanceId !== null) this.#static.delete(member.groupInstanceId)
    if (this.#leaderId === member.id) this.#leaderId = this.members[0]?.id
  }

  /** A static member goes on under a new id, and leads on if it led. */
  rename(member: ClassicMember, memberId: string): void {
    this.#members.delete(member.id)
    if (this.#leaderId === member.id) this.#leaderId = memberId
    member.id = memberId
    this.#members.set(memberId, member)
    if (member.groupInstanceId !== null) this.#static.set(member.groupInstanceId, memberId)
  }

  /** Makes sure that the leader is one who has joined again. @returns false when nobody has */
  electJoinedLeader(): boolean {
    const hasJoined = (member: ClassicMember | undefined): boolean => member?.waitingJoin !== undefined
    if (hasJoined(this.#members.get(this.#leaderId ?? ''))) return true
    const next = this.members.find(hasJoined)
    if (next !== undefined) this.#leaderId = next.id
    return next !== undefined
  }

  staticMemberId(groupInstanceId: string): string | undefined {
    return this.#static.get(groupInstanceId)
  }

  /** UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID where the ids are not those of a member; else 0. */
  errorOf(memberId: string, groupInstanceId: string | null): number {
    if (groupInstanceId !== null) {
      const current = this.#static.get(groupInstanceId)
      if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
      if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID
    }
    return this.#members.has(memberId) ? 0 : ErrorCode.UNKNOWN_MEMBER_ID
  }

  get waitingJoins(): number {
    return this.members.filter((member) => member.waitingJoin !== undefined).length
  }

  /** Whether everybody has joined again, also those who were only given an id. */
  get isComplete(): boolean {
    return this.#pending.size === 0 && this.waitingJoins === this.#members.size
  }

  get longestRebalanceTimeoutMs(): number {
    return this.members.reduce((longest, member) => Math.max(longest, member.rebalanceTimeoutMs), 0)
  }

  addPending(memberId: string, timer: Timer): void {
    this.#pending.set(memberId, timer)
  }

  get hasPending(): boolean {
    return this.#pending.size > 0
  }

  /** @returns whether the id was a pending one */
  dropPending(memberId: string): boolean {
    this.#pending.get(memberId)?.cancel()
    return this.#pending.delete(memberId)
  }

  /** Cancels all timers. */
  close(): void {
    for (const timer of this.#pending.values()) timer.cancel()
    this.#pending.clear()
    for (const member of this.#members.values()) member.sessionTimer?.cancel()
  }
}

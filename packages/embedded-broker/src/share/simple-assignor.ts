import type { Uuid } from '@milena/protocol'
import { give, type Holder, type Slot } from './assignment-slots.js'
import { spreadOverEqual } from './spread-over-equal.js'
import { spreadOverMixed } from './spread-over-mixed.js'

/** Partitions by topic id, in ascending order. */
export type ShareAssignment = ReadonlyMap<Uuid, readonly number[]>

export interface AssignmentMember {
  readonly memberId: string
  /** Those of its topics that exist. */
  readonly topicIds: ReadonlySet<Uuid>
  /** What the last target gave it. */
  readonly current: ShareAssignment
}

/**
 * The assignor `simple` (KIP-932): every partition of a subscribed topic has at least one member, and every member has a
 * partition as long as its topics have any; with more members than partitions they share. An even spread goes before
 * stickiness: what members had is kept as far as it does not stand in the way.
 *
 * @param given.partitions by topic, only those that are initialised
 */
export function assignSimple(given: {
  readonly members: readonly AssignmentMember[]
  readonly partitions: ShareAssignment
}): Map<string, ShareAssignment> {
  const slots = new Map<Uuid, Map<number, Slot>>()
  for (const [topicId, partitions] of given.partitions) {
    const byIndex = new Map<number, Slot>()
    for (const partition of partitions) byIndex.set(partition, { topicId, partition, holders: new Set() })
    slots.set(topicId, byIndex)
  }
  const holders = given.members.map((member) => takeOver(member, slots))
  const wanted = new Set(holders.flatMap((holder) => [...holder.topicIds]))
  const wantedSlots = [...wanted].flatMap((topicId) => [...(slots.get(topicId)?.values() ?? [])])
  if (holders.every((holder) => holder.topicIds.size === wanted.size)) spreadOverEqual(wantedSlots, holders)
  else spreadOverMixed(wantedSlots, holders)
  return new Map(holders.map((holder) => [holder.memberId, assignmentOf(holder)]))
}

/** The member with what it had, as far as it still wants it and it still is there. */
function takeOver(member: AssignmentMember, slots: ReadonlyMap<Uuid, ReadonlyMap<number, Slot>>): Holder {
  const holder: Holder = { memberId: member.memberId, topicIds: member.topicIds, slots: new Set() }
  for (const [topicId, partitions] of member.current) {
    if (!member.topicIds.has(topicId)) continue
    for (const partition of partitions) {
      const slot = slots.get(topicId)?.get(partition)
      if (slot !== undefined) give(slot, holder)
    }
  }
  return holder
}

function assignmentOf(holder: Holder): ShareAssignment {
  const assignment = new Map<Uuid, number[]>()
  for (const { topicId, partition } of holder.slots) {
    const partitions = assignment.get(topicId)
    if (partitions === undefined) assignment.set(topicId, [partition])
    else partitions.push(partition)
  }
  for (const partitions of assignment.values()) partitions.sort((a, b) => a - b)
  return assignment
}

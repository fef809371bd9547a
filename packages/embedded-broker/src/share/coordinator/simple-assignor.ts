import type { Uuid } from '@milena/protocol'
import { give, type Holder, type Slot } from './assignment-slots.js'
import { spreadSlots } from './spread-slots.js'

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
 * The assignor `simple` (KIP-932): every partition of a subscribed topic has at least one member, and every member a part of
 * its topics; with more members than partitions they share. Members that all have the same topics share those as a whole,
 * else each topic is shared by those that want it. An even spread goes before stickiness: what members had is kept as far as
 * it does not stand in the way.
 *
 * @param given.partitions by topic, only those that are initialised
 */
export function assignSimple(given: {
  readonly members: readonly AssignmentMember[]
  readonly partitions: ShareAssignment
}): Map<string, ShareAssignment> {
  const { members, partitions } = given
  const topicIds = [...partitions.keys()].filter((id) => members.some((member) => member.topicIds.has(id)))
  const allWantAll = members.every((member) => topicIds.every((id) => member.topicIds.has(id)))
  const assignments = new Map<string, Map<Uuid, number[]>>(members.map(({ memberId }) => [memberId, new Map()]))
  for (const area of allWantAll ? [topicIds] : topicIds.map((id) => [id])) {
    const slots = area.flatMap((topicId) =>
      (partitions.get(topicId) ?? []).map((partition) => ({ topicId, partition, holders: new Set<Holder>() })),
    )
    const holders = members
      .filter((member) => area.every((id) => member.topicIds.has(id)))
      .map(({ memberId, current }) => takeOver(memberId, current, slots))
    spreadSlots(slots, holders)
    for (const holder of holders) addTo(assignments.get(holder.memberId), holder)
  }
  return assignments
}

/** The member with what it had of these. */
function takeOver(memberId: string, current: ShareAssignment, slots: readonly Slot[]): Holder {
  const holder: Holder = { memberId, slots: new Set() }
  if (current.size === 0) return holder
  const held = new Map<Uuid, ReadonlySet<number>>()
  for (const [topicId, partitions] of current) held.set(topicId, new Set(partitions))
  for (const slot of slots) if (held.get(slot.topicId)?.has(slot.partition) === true) give(slot, holder)
  return holder
}

function addTo(assignment: Map<Uuid, number[]> | undefined, holder: Holder): void {
  for (const { topicId, partition } of holder.slots) {
    const partitions = assignment?.get(topicId)
    if (partitions === undefined) assignment?.set(topicId, [partition])
    else partitions.push(partition)
  }
  for (const partitions of assignment?.values() ?? []) partitions.sort((a, b) => a - b)
}

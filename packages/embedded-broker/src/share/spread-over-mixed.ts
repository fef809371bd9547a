import type { Uuid } from '@milena/protocol'
import { give, take, type Holder, type Slot } from './assignment-slots.js'

/** Rounds after which it is good enough; in nearly all cases the second one finds nothing left to do. */
const MAX_ROUNDS = 10

/**
 * Spreads partitions over members of different subscriptions: each partition has a member, each member a partition if its
 * topics have any, partitions are shared only for that, and none is with a busy member when a less busy one could have it.
 */
export function spreadOverMixed(slots: readonly Slot[], holders: readonly Holder[]): void {
  const subscribers = new Map<Uuid, Holder[]>()
  const slotsOf = new Map<Uuid, Slot[]>()
  for (const slot of slots) {
    if (!subscribers.has(slot.topicId)) {
      subscribers.set(
        slot.topicId,
        holders.filter((holder) => holder.topicIds.has(slot.topicId)),
      )
    }
    const ofTopic = slotsOf.get(slot.topicId)
    if (ofTopic === undefined) slotsOf.set(slot.topicId, [slot])
    else ofTopic.push(slot)
  }
  const subscribersOf = (slot: Slot): readonly Holder[] => subscribers.get(slot.topicId) ?? []
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let changed = false
    for (const slot of slots) if (unshare(slot)) changed = true
    for (const slot of slots) if (cover(slot, subscribersOf(slot))) changed = true
    for (const holder of holders) if (occupy(holder, slotsOf)) changed = true
    for (const slot of slots) if (evenOut(slot, subscribersOf(slot))) changed = true
    if (!changed) return
  }
}

/** Takes a shared partition from members that have another one. */
function unshare(slot: Slot): boolean {
  let changed = false
  for (const holder of [...slot.holders].toSorted((a, b) => b.slots.size - a.slots.size)) {
    if (slot.holders.size === 1 || holder.slots.size === 1) break
    take(slot, holder)
    changed = true
  }
  return changed
}

/** Gives a partition without a member to the least busy one. */
function cover(slot: Slot, subscribers: readonly Holder[]): boolean {
  const holder = slot.holders.size > 0 ? undefined : leastBusy(subscribers)
  if (holder === undefined) return false
  give(slot, holder)
  return true
}

/** Gives a member without a partition one: that of a member with several, else a share in the least shared one. */
function occupy(holder: Holder, slotsOf: ReadonlyMap<Uuid, readonly Slot[]>): boolean {
  if (holder.slots.size > 0) return false
  let best: Slot | undefined
  let bestLoad = 1
  let leastShared: Slot | undefined
  for (const topicId of holder.topicIds) {
    for (const slot of slotsOf.get(topicId) ?? []) {
      const [owner] = slot.holders
      if (slot.holders.size === 1 && owner !== undefined && owner.slots.size > bestLoad) {
        best = slot
        bestLoad = owner.slots.size
      }
      if (leastShared === undefined || slot.holders.size < leastShared.holders.size) leastShared = slot
    }
  }
  const slot = best ?? leastShared
  if (slot === undefined) return false
  if (best !== undefined) for (const owner of [...best.holders]) take(best, owner)
  give(slot, holder)
  return true
}

/** Moves a partition to a member that has at least two less than the one that holds it alone. */
function evenOut(slot: Slot, subscribers: readonly Holder[]): boolean {
  const [owner] = slot.holders
  if (owner === undefined || slot.holders.size > 1) return false
  const receiver = leastBusy(subscribers)
  if (receiver === undefined || receiver.slots.size + 1 >= owner.slots.size) return false
  take(slot, owner)
  give(slot, receiver)
  return true
}

function leastBusy(holders: readonly Holder[]): Holder | undefined {
  let least: Holder | undefined
  for (const holder of holders) if (least === undefined || holder.slots.size < least.slots.size) least = holder
  return least
}

import { give, take, type Holder, type Slot } from './assignment-slots.js'

/**
 * Spreads partitions over members that want all of them. Each partition gets the same number of members (as few as leave
 * nobody without), and members differ by at most one partition.
 */
export function spreadSlots(slots: readonly Slot[], holders: readonly Holder[]): void {
  if (slots.length === 0 || holders.length === 0) return
  const sharing = Math.ceil(holders.length / slots.length)
  const quotas = quotasOf(holders, sharing * slots.length)
  for (const holder of holders) shed(holder, quotas.get(holder) ?? 0)
  for (const slot of slots) {
    for (const holder of [...slot.holders].slice(sharing)) take(slot, holder)
  }
  const open = holders.filter((holder) => holder.slots.size < (quotas.get(holder) ?? 0))
  for (const slot of slots) {
    while (slot.holders.size < sharing) {
      const at = open.findIndex((holder) => !slot.holders.has(holder))
      const holder = at >= 0 ? open[at] : swapInto(slot, open, holders)
      if (holder === undefined) break
      if (at >= 0) give(slot, holder)
      if (holder.slots.size >= (quotas.get(holder) ?? 0)) open.splice(open.indexOf(holder), 1)
    }
  }
}

/** How many partitions each member gets; the larger shares go to those that have most now, so that less has to move. */
function quotasOf(holders: readonly Holder[], total: number): Map<Holder, number> {
  const least = Math.floor(total / holders.length)
  const withOneMore = total - least * holders.length
  const byHeld = holders.toSorted((a, b) => b.slots.size - a.slots.size)
  return new Map(byHeld.map((holder, index) => [holder, index < withOneMore ? least + 1 : least]))
}

/** Takes from the member what is above its quota, the most shared partitions first. */
function shed(holder: Holder, quota: number): void {
  if (holder.slots.size <= quota) return
  const bySharing = [...holder.slots].toSorted((a, b) => a.holders.size - b.holders.size)
  for (const slot of bySharing.slice(quota)) take(slot, holder)
}

/**
 * Every member with room holds this partition already: one without room takes it and hands one of its own, which the member
 * with room does not have, over to that one.
 *
 * @returns the member that had room
 */
function swapInto(slot: Slot, open: readonly Holder[], holders: readonly Holder[]): Holder | undefined {
  for (const receiver of open) {
    for (const giver of holders) {
      if (slot.holders.has(giver)) continue
      const handedOver = [...giver.slots].find((own) => !receiver.slots.has(own))
      if (handedOver === undefined) continue
      take(handedOver, giver)
      give(handedOver, receiver)
      give(slot, giver)
      return receiver
    }
  }
  return undefined
}

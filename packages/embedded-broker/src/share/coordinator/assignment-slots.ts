import type { Uuid } from '@milena/protocol'

/** A partition that is to be assigned, and who holds it. */
export interface Slot {
  readonly topicId: Uuid
  readonly partition: number
  readonly holders: Set<Holder>
}

/** A member, and what it holds. */
export interface Holder {
  readonly memberId: string
  readonly slots: Set<Slot>
}

export function give(slot: Slot, holder: Holder): void {
  slot.holders.add(holder)
  holder.slots.add(slot)
}

export function take(slot: Slot, holder: Holder): void {
  slot.holders.delete(holder)
  holder.slots.delete(slot)
}

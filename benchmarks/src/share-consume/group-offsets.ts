import { setTimeout as sleep } from 'node:timers/promises'
import type { Admin } from '@milena/client'

const PATIENCE_MS = 15_000

/** Lets a group that nobody has used yet begin with the oldest records. */
export function beginAtEarliest(admin: Admin, groupId: string): Promise<void> {
  return admin.alterGroupConfigs(groupId, { 'share.auto.offset.reset': 'earliest' })
}

/** Resolves once the broker says that the group has finished every record of the topic; rejects when it does not get there. */
export async function lagIsZero(admin: Admin, groupId: string, topic: string, partitions: number): Promise<void> {
  const givenUpAt = performance.now() + PATIENCE_MS
  while (true) {
    const offsets = (await admin.listShareGroupOffsets(groupId)).filter((offset) => offset.topic === topic)
    const told = offsets.map(
      ({ partition, startOffset, lag }) => `partition ${partition}: start ${startOffset}, lag ${lag}`,
    )
    if (offsets.length === partitions && offsets.every(({ lag }) => lag === 0)) return
    if (performance.now() > givenUpAt) {
      throw new Error(
        `The group ${groupId} has not finished ${topic}: ${told.join('; ') || 'the broker knows no offsets of it'}.`,
      )
    }
    await sleep(200)
  }
}

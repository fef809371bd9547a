import type { Random } from '@milena/protocol/runtime'

/** A member id as coordinators give them: the client id, or the group instance id, and a random UUID. */
export function newMemberId(prefix: string, random: Random): string {
  const hex = random.uuid().toString('hex')
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  return `${prefix}-${uuid}`
}

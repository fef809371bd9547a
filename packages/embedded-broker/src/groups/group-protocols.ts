/** One way of assigning partitions that a member offers, e.g. `range`, and what it says of itself under it. */
export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

interface Speaker {
  readonly protocols: readonly MemberProtocol[]
}

/** The protocols that all of them speak, in the order of the first one's preference. */
function commonProtocols(members: readonly Speaker[]): string[] {
  const speakers = new Map<string, number>()
  for (const member of members) {
    for (const name of new Set(member.protocols.map((protocol) => protocol.name))) {
      speakers.set(name, (speakers.get(name) ?? 0) + 1)
    }
  }
  return [...speakers].filter(([, count]) => count === members.length).map(([name]) => name)
}

/** Whether at least one of these protocols is spoken by all members; by none that are there, it always is. */
export function isSpokenByAll(protocols: readonly MemberProtocol[], members: readonly Speaker[]): boolean {
  if (members.length === 0) return protocols.length > 0
  const common = new Set(commonProtocols(members))
  return protocols.some((protocol) => common.has(protocol.name))
}

/** Each member votes for the common protocol that it prefers; the most votes win. Undefined when they have none in common. */
export function chooseProtocol(members: readonly Speaker[]): string | undefined {
  const votes = new Map(commonProtocols(members).map((name) => [name, 0]))
  for (const member of members) {
    const vote = member.protocols.find((protocol) => votes.has(protocol.name))
    if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  let chosen: string | undefined
  for (const [name, count] of votes) {
    if (chosen === undefined || count > (votes.get(chosen) ?? 0)) chosen = name
  }
  return chosen
}

/** Whether the member offers now exactly what it offered before. */
export function offersTheSame(member: Speaker, protocols: readonly MemberProtocol[]): boolean {
  return (
    member.protocols.length === protocols.length &&
    member.protocols.every((before, i) => {
      const now = protocols[i]
      return now !== undefined && now.name === before.name && before.metadata.equals(now.metadata)
    })
  )
}

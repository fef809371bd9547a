import { nearestName } from '@milena/client/internal'
import { KafkaUsageError } from '@milena/protocol'

/** What an object of settings may hold. */
export interface KnownNames {
  /** What one of them is called: `a container property`. */
  readonly noun: string
  readonly known: readonly string[]
  /** Why a name cannot be set that somebody may look for here. */
  readonly reasonAgainst: (name: string) => string | undefined
}

/** @throws KafkaUsageError that tells of each of the names that is not known the reason, or the one that it resembles */
export function requireKnown(
  names: readonly string[],
  { noun, known, reasonAgainst }: KnownNames,
  where: string,
): void {
  const unknown = names.filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  const told = unknown.map((name) => {
    const reason = reasonAgainst(name)
    if (reason !== undefined) return `'${name}' cannot be set: ${reason}.`
    const nearest = nearestName(name, known)
    return `'${name}' is not ${noun}${nearest === undefined ? '.' : `; did you mean '${nearest}'?`}`
  })
  throw new KafkaUsageError(`${where}: ${told.join(' ')} Known are: ${known.join(', ')}.`)
}

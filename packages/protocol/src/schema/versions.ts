/** A range of versions as Kafka's definitions write it: `3+`, `0-5` or `7`. */
export type Versions = `${number}+` | `${number}-${number}` | `${number}`

export interface VersionRange {
  readonly first: number
  readonly last: number
}

const NONE: VersionRange = { first: 1, last: 0 }

/** Throws TypeError on text that is no range: a schema is wrong then, not its user. */
export function parseVersions(text: Versions | undefined): VersionRange {
  if (text === undefined) return NONE
  const parts = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (parts === null) throw new TypeError(`'${text}' is no range of versions.`)
  const first = Number(parts[1])
  if (parts[2] === '+') return { first, last: Infinity }
  return { first, last: parts[3] === undefined ? first : Number(parts[3]) }
}

export function isWithin(version: number, range: VersionRange): boolean {
  return version >= range.first && version <= range.last
}

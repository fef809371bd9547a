import type { AnyApi } from '@milena/protocol'
import type { KafkaVersion, VersionProfile } from './version-profile.js'

export interface ApiRange {
  readonly minVersion: number
  readonly maxVersion: number
}

/**
 * The highest version of an API in each release, where the release stops short of what the protocol package speaks; all else
 * is served as the protocol package has it. Read from the message definitions in the releases' own client jars (4.1.1,
 * 4.2.1, 4.3.1, 4.4.0).
 */
const highest: Readonly<Record<string, Readonly<Partial<Record<KafkaVersion, number>>>>> = {
  ListOffsets: { '4.1': 10 },
  OffsetCommit: { '4.1': 9 },
  OffsetFetch: { '4.1': 9 },
  TxnOffsetCommit: { '4.1': 5, '4.2': 5, '4.3': 5 },
  DeleteGroups: { '4.1': 2, '4.2': 2, '4.3': 2 },
  ShareFetch: { '4.1': 1 },
  ShareAcknowledge: { '4.1': 1 },
  DescribeShareGroupOffsets: { '4.1': 0 },
}

/**
 * The versions of an API that a broker of this release offers. Undefined would mean that it does not serve the API at all: no
 * release from 4.1 on lacks one of those that the embedded broker has.
 */
export function apiRange({ version }: VersionProfile, api: AnyApi): ApiRange | undefined {
  const maxVersion = highest[api.name]?.[version]
  return maxVersion === undefined ? api : { minVersion: api.minVersion, maxVersion }
}

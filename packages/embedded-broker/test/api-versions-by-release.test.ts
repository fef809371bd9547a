import { DeleteGroups, Fetch, ShareAcknowledge, ShareFetch, TxnOffsetCommit } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { apiRange } from '../src/api-versions-by-release.js'
import { allHandlers } from '../src/handlers/all-handlers.js'
import { kafkaVersions, versionProfile } from '../src/version-profile.js'

const range = (version: (typeof kafkaVersions)[number], api: Parameters<typeof apiRange>[1]) => {
  const found = apiRange(versionProfile(version), api)
  return [found?.minVersion, found?.maxVersion]
}

describe('The versions of an API', () => {
  it('are in 4.4 all that the protocol package speaks', () => {
    for (const { api } of allHandlers) expect(range('4.4', api)).toEqual([api.minVersion, api.maxVersion])
  })

  it('are never more than those, nor fewer than in the release before', () => {
    for (const { api } of allHandlers) {
      const highest = kafkaVersions.map((version) => range(version, api)[1] ?? -1)
      expect(highest).toEqual(highest.toSorted((a, b) => a - b))
      expect(highest.at(0)).toBeGreaterThanOrEqual(api.minVersion)
    }
  })

  // From the releases' own message definitions.
  it.each([
    ['4.1', ShareFetch, [1, 1]],
    ['4.1', ShareAcknowledge, [1, 1]],
    ['4.2', ShareFetch, [1, 2]],
    ['4.2', ShareAcknowledge, [1, 2]],
    ['4.1', Fetch, [4, 18]],
    ['4.3', DeleteGroups, [0, 2]],
    ['4.4', DeleteGroups, [0, 3]],
    ['4.3', TxnOffsetCommit, [0, 5]],
    ['4.4', TxnOffsetCommit, [0, 6]],
  ] as const)('in %s: %o', (version, api, versions) => {
    expect(range(version, api)).toEqual(versions)
  })
})

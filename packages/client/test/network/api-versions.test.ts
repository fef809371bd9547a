import {
  CreateTopics,
  DeleteTopics,
  FindCoordinator,
  KafkaUnsupportedVersionError,
  ListOffsets,
  Metadata,
  Produce,
  ShareFetch,
} from '@milena/protocol'
import type { AnyApi } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { negotiate } from '../../src/network/api-versions.js'

function offering(api: AnyApi, min: number, max: number): Parameters<typeof negotiate>[1] {
  return { apis: new Map([[api.key, { min, max }]]), finalizedFeatures: undefined }
}

describe('the negotiated version', () => {
  it('is the highest that both sides know', () => {
    expect(negotiate(Metadata, offering(Metadata, 0, 12), 'b')).toBe(12)
    expect(negotiate(Metadata, offering(Metadata, 0, 99), 'b')).toBe(Metadata.maxVersion)
    expect(negotiate(ShareFetch, offering(ShareFetch, 1, 1), 'b')).toBe(1)
  })

  const oldest: ReadonlyArray<[api: AnyApi, version: number]> = [
    [Metadata, 10],
    [Produce, 10],
    [ListOffsets, 7],
    [FindCoordinator, 4],
    [CreateTopics, 7],
    [DeleteTopics, 6],
  ]
  for (const [api, version] of oldest) {
    it(`of ${api.name} is never below ${version}, though the protocol package reads and writes older ones`, () => {
      expect(api.minVersion).toBeLessThan(version)
      expect(negotiate(api, offering(api, 0, version), 'b')).toBe(version)
      const tooOld = () => negotiate(api, offering(api, 0, version - 1), 'b')
      expect(tooOld).toThrow(KafkaUnsupportedVersionError)
      expect(tooOld).toThrow(
        `Broker b serves ${api.name} in versions 0 to ${version - 1}, this client in ${version} to ${api.maxVersion}: they have none in common.`,
      )
    })
  }
})

import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { Features } from '../src/features.js'
import { surroundingsOf } from './topics/catalog-world.js'

const at = (version: '4.1' | '4.2' | '4.3' | '4.4') => new Features(surroundingsOf(version))
const change = (features: Features, name: string, level: number, upgradeType = 1, validateOnly = false) =>
  features.update([{ name, level, upgradeType }], { validateOnly })?.errorMessage

describe('The features of a cluster', () => {
  it.each([
    ['4.1', 27, 1],
    ['4.2', 29, 1],
    ['4.3', 30, 1],
    ['4.4', 33, 2],
  ] as const)('are in %s: metadata.version %d and share.version %d', (version, metadata, share) => {
    const features = at(version)
    expect(features.level('metadata.version')).toBe(metadata)
    expect(features.shareVersion).toBe(share)
    expect(features.supported).toContainEqual({ name: 'metadata.version', minVersion: 7, maxVersion: metadata })
    expect(features.supported).toContainEqual({ name: 'share.version', minVersion: 0, maxVersion: share })
    expect(features.finalized).toContainEqual({ name: 'share.version', level: share })
    expect(features.finalized.map(({ name }) => name)).not.toContain('kraft.version')
    expect(features.finalized.some(({ name }) => name === 'streams.version')).toBe(version !== '4.1')
  })

  it('can be lowered and raised again, which makes the epoch grow', () => {
    const features = at('4.4')
    expect(change(features, 'share.version', 1, 2)).toBeUndefined()
    expect(features.shareVersion).toBe(1)
    expect(change(features, 'share.version', 0, 3)).toBeUndefined()
    expect(features.shareVersion).toBe(0)
    expect(features.finalized.map(({ name }) => name)).not.toContain('share.version')
    expect(change(features, 'share.version', 2)).toBeUndefined()
    expect([features.shareVersion, features.epoch]).toEqual([2, 4])
  })

  it('are not changed by an update that is only checked', () => {
    const features = at('4.4')
    expect(change(features, 'share.version', 0, 2, true)).toBeUndefined()
    expect([features.shareVersion, features.epoch]).toEqual([2, 1])
  })

  it.each([
    [
      'share.version',
      3,
      1,
      'Invalid update version 3 for feature share.version. Local controller 1 only supports versions 0-2',
    ],
    [
      'share.version',
      -1,
      2,
      'Invalid update version -1 for feature share.version. A feature version cannot be less than 0.',
    ],
    ['share.version', 1, 1, /^Invalid update version 1 for feature share.version. Can't downgrade the version/],
    ['share.version', 2, 7, /does not support the given upgrade type\.$/],
    ['nope', 1, 1, 'Invalid update version 1 for feature nope. Local controller 1 does not support this feature.'],
    ['metadata.version', 32, 2, /^Unsupported metadata.version downgrade from 33 to 32/],
    ['metadata.version', 6, 2, /only supports versions 7-33$/],
  ])('refuse %s at %d by type %d', (name, level, type, message) => {
    expect(change(at('4.4'), name, level, type)).toMatch(message)
  })

  it('change together or not at all', () => {
    const features = at('4.4')
    const failure = features.update(
      [
        { name: 'share.version', level: 0, upgradeType: 2 },
        { name: 'nope', level: 3, upgradeType: 1 },
      ],
      { validateOnly: false },
    )
    expect(failure?.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
    expect(features.shareVersion).toBe(2)
  })

  it('have no dead-letter queues before 4.4', () => {
    expect(change(at('4.3'), 'share.version', 2)).toMatch(/only supports versions 0-1$/)
  })
})

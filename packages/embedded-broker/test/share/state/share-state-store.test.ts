import { ErrorCode } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { PersistedState, ShareStateStore } from '../../../src/share/state/share-state-store.js'
import { versionProfile } from '../../../src/version-profile.js'

const key = { groupId: 'g', topicId: 'topic', partition: 3 }
const write = { stateEpoch: 1, leaderEpoch: 0, startOffset: 10, deliveryCompleteCount: 0, batches: [] }
const accepted = { firstOffset: 10, lastOffset: 14, state: PersistedState.ACKNOWLEDGED, deliveryCount: 1 }

function initialized() {
  const store = new ShareStateStore(versionProfile('4.4'))
  store.initialize(key, { stateEpoch: 1, startOffset: -1 })
  return store
}

describe('The stored state of a share partition', () => {
  it('is nothing before it was initialised, and cannot be written then', () => {
    const store = new ShareStateStore(versionProfile('4.4'))
    expect(store.read(key, 0)).toBeUndefined()
    expect(store.summary(key)).toBeUndefined()
    expect(store.write(key, write)).toBe(ErrorCode.INVALID_REQUEST)
    expect(store.read(key, 0)).toBeUndefined()
  })

  it('is what was written last, merged with what was there', () => {
    const store = initialized()
    expect(store.write(key, { ...write, deliveryCompleteCount: 5, batches: [accepted] })).toBe(0)
    const released = { firstOffset: 15, lastOffset: 19, state: PersistedState.AVAILABLE, deliveryCount: 1 }
    expect(store.write(key, { ...write, startOffset: 12, deliveryCompleteCount: 3, batches: [released] })).toBe(0)
    expect(store.read(key, 0)).toEqual({
      stateEpoch: 1,
      startOffset: 12,
      deliveryCompleteCount: 3,
      batches: [{ ...accepted, firstOffset: 12 }, released],
    })
    expect(store.summary(key)).toEqual({ startOffset: 12, leaderEpoch: 0, deliveryCompleteCount: 3 })
  })

  it('fences leaders before the one that read it last', () => {
    const store = initialized()
    store.read(key, 4)
    expect(store.write(key, { ...write, leaderEpoch: 3 })).toBe(ErrorCode.FENCED_LEADER_EPOCH)
    expect(store.read(key, 4)?.startOffset).toBe(-1)
    expect(store.write(key, { ...write, leaderEpoch: 4 })).toBe(0)
    expect(store.summary(key)?.leaderEpoch).toBe(4)
  })

  it('begins anew with an alteration, and fences who knows the epoch of before', () => {
    const store = initialized()
    store.write(key, { ...write, deliveryCompleteCount: 5, batches: [accepted] })
    store.initialize(key, { stateEpoch: 2, startOffset: 7 })
    expect(store.read(key, 0)).toEqual({ stateEpoch: 2, startOffset: 7, deliveryCompleteCount: 0, batches: [] })
    expect(store.write(key, write)).toBe(ErrorCode.FENCED_STATE_EPOCH)
    store.initialize(key, { stateEpoch: 1, startOffset: 0 })
    expect(store.read(key, 0)?.startOffset).toBe(7)
  })

  it('keeps an altered start that a writer of the same epoch does not know of', () => {
    const store = initialized()
    store.initialize(key, { stateEpoch: 1, startOffset: 12 })
    expect(store.write(key, { ...write, deliveryCompleteCount: 5, batches: [accepted] })).toBe(0)
    expect(store.read(key, 0)).toEqual({
      stateEpoch: 1,
      startOffset: 12,
      deliveryCompleteCount: 0,
      batches: [{ ...accepted, firstOffset: 12 }],
    })
  })

  it('does not change in the hands of one who read it', () => {
    const store = initialized()
    const before = store.read(key, 0)
    store.write(key, { ...write, batches: [accepted] })
    expect(before).toEqual({ stateEpoch: 1, startOffset: -1, deliveryCompleteCount: 0, batches: [] })
  })

  it.each([
    ['4.4', 5],
    ['4.3', 2],
    ['4.2', 2],
  ] as const)('of Kafka %s has %i finished records after a write that knows of fewer', (version, count) => {
    const store = new ShareStateStore(versionProfile(version))
    store.initialize(key, { stateEpoch: 1, startOffset: 10 })
    store.write(key, { ...write, deliveryCompleteCount: 5 })
    store.write(key, { ...write, deliveryCompleteCount: 2 })
    expect(store.summary(key)?.deliveryCompleteCount).toBe(count)
  })

  it('goes with its partition, its topic, its group', () => {
    const keys = [key, { ...key, partition: 4 }, { ...key, topicId: 'other' }, { ...key, groupId: 'h' }]
    const left = (act: (store: ShareStateStore) => void) => {
      const store = new ShareStateStore(versionProfile('4.4'))
      for (const each of keys) store.initialize(each, { stateEpoch: 1, startOffset: 0 })
      act(store)
      return keys.map((each) => store.summary(each) !== undefined)
    }
    expect(left((store) => store.delete(key))).toEqual([false, true, true, true])
    expect(left((store) => store.deleteGroupTopic('g', 'topic'))).toEqual([false, false, true, true])
    expect(left((store) => store.deleteTopic('topic'))).toEqual([false, false, true, false])
    expect(left((store) => store.deleteGroup('g'))).toEqual([false, false, false, true])
  })
})

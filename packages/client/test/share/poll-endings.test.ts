import { getEventListeners } from 'node:events'
import { ErrorCode } from '@milena/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ShareConsumer } from '../../src/share/share-consumer.js'
import { LOCK_MS, ScriptedGroup } from './scripted-group.js'

// What a poll takes over from before it, and what it leaves alone.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

const explicit = { acknowledgementMode: 'explicit' } as const
const stored = (): string[] => group.leader().stored

async function poll(consumer: ShareConsumer<Buffer | null, Buffer | null>, timeoutMs = 5_000) {
  return [...(await group.until(consumer.poll(timeoutMs)))]
}

async function first(consumer: ShareConsumer<Buffer | null, Buffer | null>) {
  const [record] = await poll(consumer)
  if (record === undefined) throw new Error('nothing came')
  return record
}

describe('a signal', () => {
  it('may be that of many polls, and keeps no listener of one that is over', async () => {
    const warnings: string[] = []
    const warned = (warning: Error): void => void warnings.push(warning.name)
    process.on('warning', warned)
    const controller = new AbortController()
    const { signal } = controller
    const polls = Array.from({ length: 12 }, async () => group.subscribed().consumer.poll({ timeoutMs: 100, signal }))
    expect(getEventListeners(signal, 'abort')).toHaveLength(12)
    await group.until(Promise.all(polls))
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', warned)
    expect(warnings).toEqual([])
    // They share one scripted leader, which takes them for one member.
    group.faults.length = 0
  })
})

describe('a poll', () => {
  it('whose signal was aborted before takes nothing, also where records are there; the next one gets them', async () => {
    const { consumer } = group.subscribed({ maxPollRecords: 1 })
    group.leader().give({ first: 0, last: 0 }, { first: 1, last: 1 })
    expect(await poll(consumer)).toMatchObject([{ offset: 0 }])
    const aborted = consumer.poll({ timeoutMs: 5_000, signal: AbortSignal.abort() })
    await expect(group.until(aborted)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await poll(consumer)).toMatchObject([{ offset: 1 }])
  })

  it('renews nothing, also when an iteration before it did', async () => {
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    const stream = consumer.records()
    const { value } = await group.until(stream.next())
    if (value === undefined || value.error !== undefined) throw new Error('nothing came')
    await group.clock.advance(LOCK_MS * 0.9)
    consumer.acknowledge(value)
    await stream.return?.()
    expect(stored()).toContain('orders-0@0 RENEW')
    group.leader().give({ first: 5, last: 5 })
    const record = await first(consumer)
    await group.clock.advance(LOCK_MS * 0.9)
    expect(stored()).not.toContain('orders-0@5 RENEW')
    consumer.acknowledge(record)
  })

  it('keeps what was decided while it waited from the commit after it', async () => {
    const { consumer } = group.subscribed()
    group.leader().give({ first: 0, last: 0 })
    await first(consumer)
    group.leader().acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    const polling = poll(consumer)
    await group.clock.advance(100)
    group.leader().acknowledgeError = undefined
    group.leader().give({ first: 1, last: 1 })
    expect(await polling).toMatchObject([{ offset: 1 }])
    expect([...(await group.until(consumer.commitSync())).values()]).toEqual([undefined])
  })

  it('does not wait for the renewal of a record that was answered after all', async () => {
    const { consumer } = group.subscribed({ ...explicit, maxPollRecords: 1 })
    group.leader().give({ first: 0, last: 0 }, { first: 1, last: 1 })
    const record = await first(consumer)
    group.leader().delay = () => 2_000
    consumer.acknowledge(record, 'RENEW')
    consumer.acknowledge(record, 'ACCEPT')
    const { value, tookMs } = await group.timed(consumer.poll(5_000))
    expect([...value].map(({ offset }) => offset)).toEqual([1])
    expect(tookMs).toBeLessThan(10)
    for (const next of value) consumer.acknowledge(next)
    group.leader().delay = undefined
  })

  it('gives back a renewed record whose new lock ran out, and asks nobody for its answer', async () => {
    group.lockMs = 5_000
    const { consumer } = group.subscribed(explicit)
    group.leader().give({ first: 0, last: 0 })
    consumer.acknowledge(await first(consumer), 'RENEW')
    await group.clock.advance(5_100)
    const controller = new AbortController()
    const polling = consumer.poll({ timeoutMs: 5_000, signal: controller.signal })
    await group.clock.advance(20)
    controller.abort()
    await expect(group.until(polling)).rejects.toMatchObject({ code: 'ABORTED' })
    group.leader().give({ first: 1, last: 1 })
    const next = await first(consumer)
    expect(next.offset).toBe(1)
    expect(stored().slice(0, 2)).toEqual(['orders-0@0 RENEW', 'orders-0@0 RELEASE'])
    consumer.acknowledge(next)
  })
})

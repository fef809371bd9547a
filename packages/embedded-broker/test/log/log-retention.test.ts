import { silentLogger, type Logger } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { allOf, appendNow, batchOf, logWorld } from './log-world.js'

const HOUR = 3_600_000

function listening(): { readonly logger: Logger; readonly warnings: string[] } {
  const warnings: string[] = []
  return { warnings, logger: { ...silentLogger, warn: (_facts, message) => warnings.push(message) } }
}

describe('Retention by bytes', () => {
  it('lets the oldest batches go at an append, and never the newest', () => {
    const size = batchOf(1, { valueBytes: 500 }).length
    const { log } = logWorld({ retentionBytes: size * 3 })
    for (let i = 0; i < 5; i++) appendNow(log, batchOf(1, { valueBytes: 500 }))
    expect([log.startOffset, log.endOffset, allOf(log).length]).toEqual([2, 5, 3])
    const small = logWorld({ retentionBytes: 0 })
    appendNow(small.log, batchOf(1))
    expect([small.log.startOffset, allOf(small.log).length]).toEqual([0, 1])
  })

  it('does not hold where a topic is only compacted', () => {
    const { log } = logWorld({ retentionBytes: 10, isCompacted: true, isDeleted: false })
    for (let i = 0; i < 5; i++) appendNow(log, batchOf(1, { key: 'a' }))
    expect(log.startOffset).toBe(0)
  })
})

describe('Retention by time', () => {
  it('is looked at every five minutes', async () => {
    const { log, clock, world } = logWorld({ retentionMs: HOUR })
    appendNow(log, batchOf(2, { timestamp: clock.wallTime() - HOUR - 1 }))
    appendNow(log, batchOf(3, { timestamp: clock.wallTime() }))
    await clock.advance(299_000)
    expect(log.startOffset).toBe(0)
    const { moves } = world
    await clock.advance(1000)
    expect([log.startOffset, world.moves]).toEqual([2, moves + 1])
  })

  it('can let everything go, after which offsets go on', async () => {
    const { log, clock } = logWorld({ retentionMs: HOUR })
    appendNow(log, batchOf(2, { timestamp: clock.wallTime() }))
    await clock.advance(HOUR + 300_001)
    expect([log.startOffset, log.endOffset, allOf(log).length]).toEqual([2, 2, 0])
    expect(appendNow(log, batchOf(1)).baseOffset).toBe(2)
  })

  it('counts from the append where records have no time', async () => {
    const { log, clock } = logWorld({ retentionMs: HOUR })
    appendNow(log, batchOf(1, { timestamp: -1 }))
    await clock.advance(HOUR - 1)
    expect(allOf(log)).toHaveLength(1)
    await clock.advance(300_002)
    expect(allOf(log)).toHaveLength(0)
  })

  it('is switched off by -1', async () => {
    const { log, clock } = logWorld({ retentionMs: -1 })
    appendNow(log, batchOf(1, { timestamp: 0 }))
    await clock.advance(24 * HOUR)
    expect(allOf(log)).toHaveLength(1)
  })
})

describe('The memory of all logs', () => {
  const batch = batchOf(1, { valueBytes: 10_000 })

  it('is bounded per partition, with one warning', () => {
    const { logger, warnings } = listening()
    const { log } = logWorld({}, { retention: { maxPartitionBytes: 100_000 }, logger })
    for (let i = 0; i < 30; i++) appendNow(log, batch)
    expect(log.sizeInMemory).toBeLessThanOrEqual(100_000)
    expect(log.startOffset).toBeGreaterThan(0)
    expect(log.endOffset).toBe(30)
    expect(warnings).toHaveLength(1)
  })

  it('is bounded in total: the oldest batches of all go first, with one warning', () => {
    const { logger, warnings } = listening()
    const { log, makeLog, retention } = logWorld({}, { retention: { maxTotalBytes: 200_000 }, logger })
    const other = makeLog('others', 1)
    for (let i = 0; i < 10; i++) appendNow(log, batch)
    for (let i = 0; i < 40; i++) appendNow(other, batch)
    expect(retention.totalBytes).toBeLessThanOrEqual(200_000)
    expect(retention.totalBytes).toBe(log.sizeInMemory + other.sizeInMemory)
    expect([log.startOffset, log.endOffset]).toEqual([10, 10])
    expect(other.startOffset).toBeGreaterThan(0)
    expect(warnings).toHaveLength(1)
  })

  it('keeps the newest batch of all, even when that alone is too large', () => {
    const { log, makeLog, retention } = logWorld({}, { retention: { maxTotalBytes: 5000 } })
    const other = makeLog('others', 1)
    appendNow(log, batch)
    appendNow(other, batch)
    expect([log.startOffset, log.endOffset, other.startOffset, other.endOffset]).toEqual([1, 1, 0, 1])
    expect(retention.totalBytes).toBe(other.sizeInMemory)
  })

  it('counts what small batches cost beside their bytes', () => {
    const { log } = logWorld({}, { retention: { maxPartitionBytes: 100_000 } })
    for (let i = 0; i < 2000; i++) appendNow(log, batchOf(1, { valueBytes: 1 }))
    expect(log.endOffset - log.startOffset).toBeLessThan(300)
  })

  it('is given back when a log is closed, and its timer with the last of them', () => {
    const { log, makeLog, retention, clock } = logWorld()
    const other = makeLog('others', 1)
    appendNow(log, batch)
    appendNow(other, batch)
    log.close()
    log.close()
    expect(retention.totalBytes).toBe(other.sizeInMemory)
    expect(clock.pendingTimers).toBe(1)
    other.close()
    expect([retention.totalBytes, clock.pendingTimers]).toEqual([0, 0])
  })

  it('tells who waits that the start has moved', () => {
    const { log, makeLog, world } = logWorld({}, { retention: { maxTotalBytes: 50_000 } })
    for (let i = 0; i < 3; i++) appendNow(log, batch)
    const other = makeLog('others', 1)
    const { moves } = world
    for (let i = 0; i < 3; i++) appendNow(other, batch)
    expect(log.startOffset).toBeGreaterThan(0)
    expect(world.moves).toBeGreaterThan(moves + 3)
  })
})

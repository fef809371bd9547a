import { ErrorCode } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PartitionLog } from '../../src/log/partition-log.js'
import { appendNow, batchOf, headerOf, logWorld, recordsIn } from './log-world.js'

/** One record of the naive log: everything that a reader could see of it. */
interface NaiveRecord {
  readonly producerId: number
  readonly timestamp: number
  readonly isControl: boolean
  readonly isTransactional: boolean
  fate: 'plain' | 'open' | 'committed' | 'aborted'
}

/** A log that keeps single records and finds everything by looking at all of them. */
class NaiveLog {
  readonly records: NaiveRecord[] = []
  start = 0
  /** Per producer: all batches it has written, in order. */
  readonly written = new Map<
    number,
    { readonly first: number; readonly count: number; readonly baseOffset: number }[]
  >()
  readonly open = new Set<number>()
  readonly batchStarts: number[] = []

  get end(): number {
    return this.records.length
  }

  get lastStable(): number {
    const first = this.records.findIndex((record) => record.fate === 'open')
    if (first < 0) return this.end
    if (first >= this.start) return first
    return this.start === this.end ? this.end : (this.batchStarts.findLast((each) => each <= this.start) ?? -1)
  }

  append(
    producerId: number,
    given: { count: number; timestamp: number; step: number; isTransactional: boolean },
  ): void {
    this.batchStarts.push(this.end)
    for (let i = 0; i < given.count; i++) {
      this.records.push({
        producerId,
        timestamp: given.timestamp + i * given.step,
        isControl: false,
        isTransactional: given.isTransactional,
        fate: given.isTransactional ? 'open' : 'plain',
      })
    }
    if (given.isTransactional) this.open.add(producerId)
  }

  decide(producerId: number, committed: boolean, timestamp: number): void {
    this.batchStarts.push(this.end)
    for (const record of this.records) {
      if (record.fate === 'open' && record.producerId === producerId) record.fate = committed ? 'committed' : 'aborted'
    }
    this.open.delete(producerId)
    this.records.push({ producerId, timestamp, isControl: true, isTransactional: true, fate: 'plain' })
  }
}

type Step =
  | { readonly do: 'append'; readonly count: number; readonly time: number; readonly step: number }
  | {
      readonly do: 'number'
      readonly producer: number
      readonly count: number
      readonly sequence: 'next' | 'gap' | 'again'
      readonly back: number
      readonly isTransactional: boolean
    }
  | { readonly do: 'decide'; readonly producer: number; readonly committed: boolean }
  | { readonly do: 'delete'; readonly upTo: number }
  | { readonly do: 'read'; readonly from: number; readonly batches: number }
  | { readonly do: 'find'; readonly time: number }

const count = fc.integer({ min: 1, max: 6 })
const producer = fc.integer({ min: 1, max: 3 })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('append' as const),
    count,
    time: fc.integer({ min: 0, max: 100 }),
    step: fc.integer({ min: -3, max: 3 }),
  }),
  fc.record({
    do: fc.constant('number' as const),
    producer,
    count,
    sequence: fc.constantFrom('next' as const, 'next' as const, 'next' as const, 'gap' as const, 'again' as const),
    back: fc.integer({ min: 1, max: 7 }),
    isTransactional: fc.boolean(),
  }),
  fc.record({ do: fc.constant('decide' as const), producer, committed: fc.boolean() }),
  fc.record({ do: fc.constant('delete' as const), upTo: fc.integer({ min: -1, max: 60 }) }),
  fc.record({
    do: fc.constant('read' as const),
    from: fc.integer({ min: 0, max: 60 }),
    batches: fc.integer({ min: 0, max: 4 }),
  }),
  fc.record({ do: fc.constant('find' as const), time: fc.integer({ min: 0, max: 120 }) }),
)

describe('A log under any sequence of appends, markers, deletions and reads', () => {
  it('shows what a list of single records would', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const { log } = logWorld({ retentionMs: -1 })
        const naive = new NaiveLog()
        for (const each of steps) await play(each, log, naive)
        await compareWhole(log, naive)
        log.close()
      }),
      { numRuns: 300 },
    )
  })
})

async function play(step: Step, log: PartitionLog, naive: NaiveLog): Promise<void> {
  switch (step.do) {
    case 'append': {
      const given = { count: step.count, timestamp: 1000 + step.time, step: step.step, isTransactional: false }
      const result = appendNow(log, batchOf(step.count, { timestamp: given.timestamp, step: step.step }))
      expect(result).toMatchObject({ errorCode: 0, baseOffset: naive.end, logStartOffset: naive.start })
      naive.append(-1, given)
      break
    }
    case 'number':
      playNumbered(step, log, naive)
      break
    case 'decide': {
      log.appendMarker(
        { producerId: step.producer, producerEpoch: 0, committed: step.committed, coordinatorEpoch: 0 },
        { leaderEpoch: 0 },
      )
      naive.decide(step.producer, step.committed, log.surroundings.clock.wallTime())
      break
    }
    case 'delete': {
      const result = log.deleteRecordsBefore(step.upTo)
      const target = step.upTo === -1 ? naive.end : step.upTo
      if (target > naive.end) expect(result.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
      else {
        naive.start = Math.max(naive.start, target)
        expect(result).toEqual({ errorCode: 0, lowWatermark: naive.start })
      }
      break
    }
    case 'read':
      await compareRead(step.from, step.batches, log, naive)
      break
    case 'find': {
      const timestamp = 1000 + step.time
      const found = await log.offsetForTimestamp(timestamp, log.endOffset)
      const expected = naive.records.findIndex((each, offset) => offset >= naive.start && each.timestamp >= timestamp)
      expect(found?.offset ?? -1).toBe(expected)
      break
    }
  }
  expect([log.startOffset, log.endOffset, log.lastStableOffset]).toEqual([naive.start, naive.end, naive.lastStable])
}

function playNumbered(step: Step & { readonly do: 'number' }, log: PartitionLog, naive: NaiveLog): void {
  const written = naive.written.get(step.producer) ?? []
  naive.written.set(step.producer, written)
  const last = written.at(-1)
  const next = last === undefined ? 0 : last.first + last.count
  const repeated = step.sequence === 'again' ? written.at(-step.back) : undefined
  const first = repeated?.first ?? (step.sequence === 'gap' ? next + 1 : next)
  const records = repeated?.count ?? step.count
  const { isTransactional } = step
  const timestamp = 1500
  const result = appendNow(
    log,
    batchOf(records, { producerId: step.producer, producerEpoch: 0, baseSequence: first, isTransactional, timestamp }),
  )
  if (repeated !== undefined) {
    if (step.back <= 5) expect(result).toMatchObject({ errorCode: 0, baseOffset: repeated.baseOffset })
    else expect(result.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    return
  }
  if (step.sequence === 'gap' && last !== undefined) {
    expect(result.errorCode).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    return
  }
  if (naive.open.has(step.producer) && !isTransactional) {
    expect(result.errorCode).toBe(ErrorCode.INVALID_TXN_STATE)
    return
  }
  // A marker alone makes the producer known, with no sequence before: then the first one is 0.
  if (result.errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) {
    expect([first, naive.records.some((each) => each.isControl && each.producerId === step.producer)]).toEqual([
      1,
      true,
    ])
    return
  }
  expect(result).toMatchObject({ errorCode: 0, baseOffset: naive.end })
  written.push({ first, count: records, baseOffset: naive.end })
  naive.append(step.producer, { count: records, timestamp, step: 0, isTransactional })
}

async function compareRead(from: number, batches: number, log: PartitionLog, naive: NaiveLog): Promise<void> {
  const upTo = log.lastStableOffset
  const maxBytes = batches * batchOf(3).length
  const read = log.read({ fromOffset: from, maxBytes, upTo })
  const [first] = read
  if (from >= upTo || from < naive.start) return
  expect(first !== undefined && first.baseOffset <= from && from <= first.lastOffset).toBe(true)
  expect(read.length === 1 || read.reduce((sum, each) => sum + each.sizeInBytes, 0) <= maxBytes).toBe(true)
  for (const [i, each] of read.entries()) {
    expect(each.lastOffset).toBeLessThan(upTo)
    expect(each.baseOffset).toBe(i === 0 ? each.baseOffset : (read[i - 1]?.lastOffset ?? 0) + 1)
    const records = await recordsIn(each)
    expect(records.map(({ timestamp }) => timestamp)).toEqual(
      naive.records.slice(each.baseOffset, each.lastOffset + 1).map(({ timestamp }) => timestamp),
    )
  }
}

/** What a read_committed reader passes on, worked out from the batches and the list of aborted transactions. */
async function compareWhole(log: PartitionLog, naive: NaiveLog): Promise<void> {
  const upTo = log.lastStableOffset
  const from = log.startOffset
  const aborted = [...log.abortedTransactions(from, upTo)].toSorted((a, b) => a.firstOffset - b.firstOffset)
  const skipping = new Set<number>()
  const seen: number[] = []
  for (const batch of log.read({ fromOffset: from, maxBytes: Infinity, upTo })) {
    while (aborted[0] !== undefined && aborted[0].firstOffset <= batch.lastOffset) {
      skipping.add(aborted.shift()?.producerId ?? -1)
    }
    const header = headerOf(batch)
    expect([header.baseOffset, header.lastOffset, header.crcMatches()]).toEqual([
      batch.baseOffset,
      batch.lastOffset,
      true,
    ])
    if (batch.isControl) skipping.delete(batch.producerId)
    else if (!batch.isTransactional || !skipping.has(batch.producerId)) {
      for (const { offset } of await recordsIn(batch)) if (offset >= from) seen.push(offset)
    }
  }
  const expected = naive.records.flatMap((each, offset) =>
    offset >= from && offset < upTo && !each.isControl && each.fate !== 'aborted' ? [offset] : [],
  )
  expect(seen).toEqual(expected)
}

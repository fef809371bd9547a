import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AcquireMode } from '../../../src/share/records/share-partition.js'
import { PartitionBench, type FetchWish } from './partition-bench.js'
import { PartitionModel, type ModelAnswer } from './partition-model.js'

type Step = (pair: Pair) => void | Promise<void>

/** The state machine and the model, driven together. */
class Pair {
  readonly bench = new PartitionBench({
    profile: { throttlesRedelivery: false },
    settings: { partitionMaxRecordLocks: 60 },
  })
  readonly model = new PartitionModel()
  /** The state that was written last, by offset. */
  readonly #written = new Map<number, number>()
  #writesSeen = 0
  #startBefore = 0

  constructor() {
    this.model.maxLocks = 60
  }

  get logEnd(): number {
    return (this.bench.log.at(-1)?.lastOffset ?? -1) + 1
  }

  fetch(member: string, wish: Required<Pick<FetchWish, 'maxRecords' | 'batchSize' | 'mode'>>): void {
    const { bench, model } = this
    const { partition } = bench
    const { records: room, withNew } = model.room(wish.maxRecords)
    const candidates = model.candidates(this.logEnd, withNew)
    expect(partition.canAcquire).toBe(
      model.records.size === 0 || model.candidates(0, false).length > 0 || model.room(1).withNew,
    )
    const newFrom = model.end + 1
    const ranges = parse(bench.fetch(member, wish))
    const taken = ranges.flatMap(({ first, last }) => span(first, last))
    // Lowest offsets first, without leaving any out, and as many as there is room for.
    expect(taken).toEqual(candidates.slice(0, taken.length))
    const atLeast = Math.min(room, candidates.length)
    if (wish.mode === AcquireMode.RECORD_LIMIT) expect(taken.length).toBe(Math.max(0, atLeast))
    else expect(taken.length).toBeGreaterThanOrEqual(atLeast)
    for (const { first, last, count } of ranges) {
      expect(last).toBeGreaterThanOrEqual(first)
      for (const offset of span(first, last)) expect(model.acquire(offset, member)).toBe(count)
    }
    const lastTaken = taken.at(-1) ?? -1
    if (lastTaken < newFrom) return
    const logBatch = this.bench.log.find((batch) => batch.lastOffset >= lastTaken)
    if (wish.mode === AcquireMode.BATCH_OPTIMIZED) {
      expect(logBatch?.lastOffset).toBe(lastTaken)
      this.#checkCuts(
        ranges.filter(({ first }) => first >= newFrom),
        wish.batchSize,
      )
    }
    model.track(logBatch?.lastOffset ?? lastTaken)
  }

  /** Ranges of new records end with a log batch, and but for the last have reached the batch size with that one only. */
  #checkCuts(ranges: readonly { readonly first: number; readonly last: number }[], batchSize: number): void {
    for (const [index, { first, last }] of ranges.entries()) {
      const lastBatch = this.bench.log.find((batch) => batch.lastOffset === last)
      expect(lastBatch).toBeDefined()
      expect((lastBatch?.baseOffset ?? 0) - first).toBeLessThan(batchSize)
      if (index < ranges.length - 1) expect(last - first + 1).toBeGreaterThanOrEqual(batchSize)
    }
  }

  acknowledge(member: string, answers: readonly ModelAnswer[], writeError: number): void {
    this.bench.writeError = writeError
    const outcome = this.bench.partition.acknowledge(
      member,
      answers.map(({ first, last, types }) => ({ firstOffset: first, lastOffset: last, acknowledgeTypes: types })),
    )
    this.bench.writeError = 0
    expect(outcome.errorCode).toBe(this.model.acknowledge(member, answers, writeError))
    expect(outcome.errorMessage === null).toBe(
      outcome.errorCode === 0 || outcome.errorCode === 15 || outcome.failsRequest === true,
    )
  }

  /** Both are in the same state, and what has to hold always does. */
  check(): void {
    const { bench, model } = this
    const { partition } = bench
    const states: [number, string, number, string | undefined, number | undefined][] = []
    for (const view of partition.inspect()) {
      for (const offset of span(view.firstOffset, view.lastOffset)) {
        states.push([offset, view.state, view.deliveryCount, view.memberId, view.lockLeftMs])
      }
    }
    const expected = [...model.records]
      .filter(([offset]) => offset >= model.start)
      .toSorted(([a], [b]) => a - b)
      .map(([offset, { state, count, member, deadline }]) => {
        return [offset, state, count, member, deadline === undefined ? undefined : deadline - model.now]
      })
    expect(states).toEqual(expected)
    expect(partition.startOffset).toBe(model.start)
    expect(partition.startOffset).toBeGreaterThanOrEqual(this.#startBefore)
    expect(partition.endOffset).toBe(model.records.size === 0 ? model.start - 1 : model.end)
    expect(partition.nextFetchOffset).toBe(model.nextFetchOffset)
    expect(partition.deliveryCompleteCount).toBe(model.finishedCount)
    const held = [...model.records.values()].filter(({ state }) => state === 'ACQUIRED').length
    expect(bench.clock.pendingTimers).toBeLessThanOrEqual(held)
    expect(bench.clock.pendingTimers === 0).toBe(held === 0)
    this.#checkWrites()
    this.#startBefore = partition.startOffset
  }

  /** Whatever is finished was written; writes carry the start offset from before. */
  #checkWrites(): void {
    const fresh = this.bench.writes.slice(this.#writesSeen)
    this.#writesSeen = this.bench.writes.length
    if (fresh[0] !== undefined) expect(fresh[0].startOffset).toBe(this.#startBefore)
    for (const { batches } of fresh) {
      for (const { firstOffset, lastOffset, state } of batches) {
        for (const offset of span(firstOffset, lastOffset)) this.#written.set(offset, state)
      }
    }
    for (const [offset, { state }] of this.model.records) {
      if (offset < this.model.start) continue
      if (state === 'ACKNOWLEDGED') expect(this.#written.get(offset)).toBe(2)
      if (state === 'ARCHIVED') expect(this.#written.get(offset)).toBe(4)
    }
  }
}

function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

function parse(ranges: string): { readonly first: number; readonly last: number; readonly count: number }[] {
  return ranges
    .split(' ')
    .filter((range) => range !== '')
    .map((range) => {
      const [offsets = '', count] = range.split(':')
      const [first = Number.NaN, last = first] = offsets.split('-').map(Number)
      return { first, last, count: Number(count) }
    })
}

const member = fc.constantFrom('a', 'b', 'c')
const type = fc.constantFrom(0, 1, 1, 2, 2, 2, 3, 4)

const produce = fc
  .array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 })
  .map<Step>((sizes) => ({ bench }) => {
    bench.produce(...sizes)
  })
const fetch = fc
  .record({
    member,
    mode: fc.constantFrom(AcquireMode.BATCH_OPTIMIZED, AcquireMode.RECORD_LIMIT),
    maxRecords: fc.constantFrom(1, 2, 3, 5, 8, 20, 500),
    batchSize: fc.constantFrom(1, 3, 5, 500),
  })
  .map<Step>(
    ({ member: who, ...wish }) =>
      (pair) =>
        pair.fetch(who, wish),
  )

/** Answers to what the member holds, as runs of it, some of them spoilt; or to just anything. */
const acknowledge = fc
  .record({
    member,
    picks: fc.array(
      fc.record({ at: fc.nat(), length: fc.nat({ max: 9 }), stretch: fc.constantFrom(0, 0, 0, 0, 0, 0, -2, 2) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    types: fc.array(type, { minLength: 1, maxLength: 40 }),
    each: fc.boolean(),
    wild: fc.constantFrom(false, false, false, false, true),
    writeError: fc.constantFrom(0, 0, 0, 0, 0, 15),
  })
  .map<Step>(({ member: who, picks, types, each, wild, writeError }) => (pair) => {
    const { model } = pair
    const held = [...model.records].filter(([, record]) => record.member === who).map(([offset]) => offset)
    held.sort((a, b) => a - b)
    const answers: ModelAnswer[] = []
    for (const { at, length, stretch } of picks) {
      const from = wild || held.length === 0 ? Math.max(0, model.start - 5) + (at % 40) : (held[at % held.length] ?? 0)
      let last = from
      while (last - from < length && (wild || held.includes(last + 1))) last++
      const first = Math.max(0, stretch < 0 ? from + stretch : from)
      if (stretch > 0) last += stretch
      if (first < (answers.at(-1)?.last ?? 0)) continue
      const of = (offset: number): number => types[(offset - first) % types.length] ?? 1
      answers.push({ first, last, types: each ? span(first, last).map(of) : [of(first)] })
    }
    if (answers.length > 0) pair.acknowledge(who, answers, writeError)
  })
const endSession = fc
  .record({ member, fails: fc.constantFrom(false, false, true) })
  .map<Step>(({ member: who, fails }) => (pair) => {
    pair.bench.writeError = fails ? 15 : 0
    pair.bench.partition.releaseMember(who)
    pair.bench.writeError = 0
    pair.model.releaseMember(who, fails)
  })
const wait = fc.constantFrom(1_000, 10_000, 15_000, 40_000).map<Step>((ms) => async ({ bench, model }) => {
  await bench.clock.advance(ms)
  model.advanceTime(ms)
})
const configure = fc
  .record({
    limit: fc.constantFrom(2, 3, 5, 10),
    lockMs: fc.constantFrom(15_000, 30_000),
    maxLocks: fc.constantFrom(20, 60, 200),
  })
  .map<Step>(({ limit, lockMs, maxLocks }) => ({ bench, model }) => {
    bench.set({ deliveryCountLimit: limit, recordLockDurationMs: lockMs, partitionMaxRecordLocks: maxLocks })
    Object.assign(model, { limit, lockMs, maxLocks })
  })
const deleteRecords = fc.nat({ max: 8 }).map<Step>((by) => ({ bench, model }) => {
  // Not beyond all that is tracked: that has a test of its own.
  const to = Math.min(model.start + by, model.records.size === 0 ? model.start : model.end)
  while ((bench.log[0]?.lastOffset ?? Infinity) < to && bench.log.length > 1) bench.log.shift()
  bench.partition.logStartMoved(to)
  model.logStartMoved(to)
})

const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: produce },
    { weight: 8, arbitrary: fetch },
    { weight: 10, arbitrary: acknowledge },
    { weight: 1, arbitrary: endSession },
    { weight: 3, arbitrary: wait },
    { weight: 1, arbitrary: configure },
    { weight: 1, arbitrary: deleteRecords },
  ),
  { maxLength: 60 },
)

test('is always in the state that a naive model of single offsets is in', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      const pair = new Pair()
      pair.bench.produce(5, 5)
      for (const step of given) {
        await step(pair)
        pair.check()
      }
    }),
    { numRuns: 700 },
  )
})

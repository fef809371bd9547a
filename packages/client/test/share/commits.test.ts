import { KafkaError, KafkaTimeoutError } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AcknowledgementBatch } from '../../src/share/ack-batches.js'
import type { AcquiredRange } from '../../src/share/acquired-range.js'
import { Commits, type CommitResult } from '../../src/share/commits.js'
import type { TopicIdPartition } from '../../src/share/share-partition.js'
import { countTypes } from '../../src/share/verdict.js'

const A: TopicIdPartition = { topic: 'a', topicId: 'A', partition: 0 }
const B: TopicIdPartition = { topic: 'b', topicId: 'B', partition: 1 }
const REFUSED = new KafkaError('no', { code: 'INVALID_RECORD_STATE' })
const NOBODY: ReadonlySet<TopicIdPartition> = new Set()

const range = (partition: TopicIdPartition, firstOffset = 0): AcquiredRange =>
  ({ partition, firstOffset }) as AcquiredRange

function batch(first: number, last: number, ...types: number[]): AcknowledgementBatch {
  return { firstOffset: first, lastOffset: last, acknowledgeTypes: types.length === 0 ? [1] : types }
}

function verdict(partition: TopicIdPartition, batches: readonly AcknowledgementBatch[], error?: KafkaError) {
  return { partition, batches, counts: countTypes(batches), error }
}

const codes = (result: CommitResult): Record<string, string> =>
  Object.fromEntries([...result].map(([{ topic }, error]) => [topic, error?.code ?? 'ok']))

describe('a commit', () => {
  it('gets the verdicts on what was answered before it, those that came before it included', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.noted(range(B), 0)
    commits.heard(verdict(A, [batch(0, 0)]))
    const commit = commits.begin()
    commits.heard(verdict(B, [batch(0, 0)], REFUSED))
    expect(codes(commits.done(commit))).toEqual({ a: 'ok', b: 'INVALID_RECORD_STATE' })
    expect(codes(commits.done(commits.begin()))).toEqual({})
  })

  it('whose time was up leaves its verdicts to the next one, also when polls hand out records in between', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    expect(codes(commits.late(commits.begin(), new Set([A]), 500))).toEqual({ a: 'REQUEST_TIMED_OUT' })
    commits.handedOut()
    expect(commits.pending).toBe(true)
    commits.heard(verdict(A, [batch(0, 0)]))
    commits.handedOut()
    expect(codes(commits.done(commits.begin()))).toEqual({ a: 'ok' })
    expect(commits.pending).toBe(false)
  })

  it('gets its own only while it overlaps with another, also of one partition', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.noted(range(B), 0)
    const first = commits.begin()
    commits.noted(range(A), 1)
    const second = commits.begin()
    commits.heard(verdict(A, [batch(1, 1)], REFUSED))
    commits.heard(verdict(A, [batch(0, 0)]))
    commits.heard(verdict(B, [batch(0, 0)]))
    expect(codes(commits.done(first))).toEqual({ a: 'ok', b: 'ok' })
    expect(codes(commits.done(second))).toEqual({ a: 'INVALID_RECORD_STATE' })
  })

  it('shares the verdict on answers that went out together, and leaves the rest of it to the next', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    const first = commits.begin()
    commits.noted(range(A), 1)
    const second = commits.begin()
    commits.noted(range(A), 3)
    commits.heard(verdict(A, [batch(0, 3, 1, 2, 0, 1)], REFUSED))
    for (const commit of [first, second, commits.begin()])
      expect(codes(commits.done(commit))).toEqual({ a: 'INVALID_RECORD_STATE' })
    expect(codes(commits.done(commits.begin()))).toEqual({})
  })

  it('tells of what went out with an earlier poll and was not decided when it was asked for', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    const before = commits.begin()
    commits.noted(range(B), 0)
    commits.handedOut()
    commits.noted(range(A), 1)
    const first = commits.begin()
    const second = commits.begin()
    commits.heard(verdict(B, [batch(0, 0)]))
    commits.heard(verdict(A, [batch(0, 1)]))
    expect(codes(commits.done(before))).toEqual({ a: 'ok' })
    expect(codes(commits.done(first))).toEqual({ a: 'ok', b: 'ok' })
    expect(codes(commits.done(second))).toEqual({})
  })

  it('leaves out what was stored before it was asked for and had gone out with an earlier poll, but not what failed', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.noted(range(B), 0)
    commits.handedOut()
    commits.heard(verdict(A, [batch(0, 0)]))
    commits.heard(verdict(B, [batch(0, 0)], REFUSED))
    expect(codes(commits.done(commits.begin()))).toEqual({ b: 'INVALID_RECORD_STATE' })
    expect(codes(commits.done(commits.begin()))).toEqual({})
  })

  it('of an iteration, which forgets what it does not wait for any more, tells all that failed', () => {
    const commits = new Commits()
    let looked = 0
    const watched = (firstOffset: number): AcquiredRange => {
      const made = { firstOffset }
      Object.defineProperty(made, 'partition', { get: () => (looked++, A) })
      return made as AcquiredRange
    }
    for (let offset = 0; offset < 1_000; offset++) {
      commits.notedAll([{ range: watched(offset), from: 0, to: 1 }])
      commits.readOn()
      commits.heard(verdict(A, [batch(offset, offset)], offset === 500 ? REFUSED : undefined))
    }
    expect(looked).toBeLessThan(10)
    commits.noted(range(B), 0)
    const commit = commits.begin()
    commits.heard(verdict(B, [batch(0, 0)]))
    expect(codes(commits.done(commit))).toEqual({ a: 'INVALID_RECORD_STATE', b: 'ok' })
  })

  it('that is late does not speak of what an iteration has read since', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    const commit = commits.begin()
    commits.noted(range(B), 0)
    commits.readOn()
    expect(codes(commits.late(commit, new Set([A, B]), 500))).toEqual({ a: 'REQUEST_TIMED_OUT' })
  })

  it('takes no verdict on gaps alone for one on its answers', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    const commit = commits.begin()
    commits.heard(verdict(A, [batch(0, 1, 1, 0)], REFUSED))
    expect(codes(commits.done(commit))).toEqual({ a: 'INVALID_RECORD_STATE' })
    expect(codes(commits.done(commits.begin()))).toEqual({})
  })

  it('whose time is up says so of what waits, and the next one goes on with that alone', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.noted(range(B), 0)
    const first = commits.begin()
    commits.heard(verdict(B, [batch(0, 0)]))
    const result = commits.late(first, new Set([A]), 500)
    expect(codes(result)).toEqual({ a: 'REQUEST_TIMED_OUT', b: 'ok' })
    expect(result.get(A)).toSatisfy(KafkaTimeoutError.is)
    expect(commits.pending).toBe(true)
    expect(commits.pendingPartitions).toEqual([A])
    // A poll in between does not make it forget.
    commits.handedOut()
    const second = commits.begin()
    expect(commits.pending).toBe(false)
    commits.heard(verdict(A, [batch(0, 0)]))
    expect(codes(commits.done(second))).toEqual({ a: 'ok' })
    expect(codes(commits.done(commits.begin()))).toEqual({})
  })

  it('whose time is up says so of what went out with an earlier poll, too', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.handedOut()
    expect(codes(commits.late(commits.begin(), new Set([A]), 500))).toEqual({ a: 'REQUEST_TIMED_OUT' })
    expect(commits.pendingPartitions).toEqual([A])
    commits.heard(verdict(A, [batch(0, 0)]))
    expect(codes(commits.done(commits.begin()))).toEqual({ a: 'ok' })
    // What another commit, or the next one, will tell of is not its own.
    const mine = commits.begin()
    commits.noted(range(B), 0)
    expect(codes(commits.late(mine, new Set([B]), 500))).toEqual({})
    const other = commits.begin()
    expect(codes(commits.late(commits.begin(), new Set([B]), 500))).toEqual({})
    expect(codes(commits.late(other, new Set([B]), 500))).toEqual({ b: 'REQUEST_TIMED_OUT' })
  })

  it('tells the verdict that came after the time of the one before it was up', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.late(commits.begin(), new Set([A]), 500)
    commits.heard(verdict(A, [batch(0, 0)], REFUSED))
    expect(commits.pending).toBe(true)
    expect(codes(commits.done(commits.begin()))).toEqual({ a: 'INVALID_RECORD_STATE' })
  })

  it('is not late for answers that nobody waits for: their records were lost, and they never went out', () => {
    const commits = new Commits()
    commits.notedAll([{ range: range(A), from: 0, to: 5 }])
    expect(codes(commits.late(commits.begin(), NOBODY, 500))).toEqual({})
    expect(commits.pending).toBe(false)
  })

  it('that was abandoned is told by the next one, and keeps no poll waiting', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    const first = commits.begin()
    commits.heard(verdict(A, [batch(0, 0)], REFUSED))
    commits.abandoned(first)
    expect(commits.pending).toBe(false)
    expect(codes(commits.done(commits.begin()))).toEqual({ a: 'INVALID_RECORD_STATE' })
  })

  it('tells nothing of what the member before this one was answered', () => {
    const commits = new Commits()
    commits.noted(range(A), 0)
    commits.clear()
    commits.heardOfOld(verdict(A, [batch(0, 0)], REFUSED))
    expect(codes(commits.done(commits.begin()))).toEqual({})
  })
})

describe('commits', () => {
  it('tell of each answer once, whatever goes out together and in which order verdicts come', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('answer' as const) },
      { weight: 2, arbitrary: fc.constant('commit' as const) },
      { weight: 3, arbitrary: fc.record({ of: fc.nat(), upTo: fc.nat(6) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const commits = new Commits()
        const held = range(A)
        const waiting: number[] = []
        const open: { readonly commit: ReturnType<Commits['begin']>; readonly offsets: number[]; done: number }[] = []
        let unclaimed: number[] = []
        let told = 0
        let next = 0
        const tell = (of: number, upTo: number): void => {
          const sent = waiting.splice(of % Math.max(1, waiting.length), upTo + 1).sort((a, b) => a - b)
          if (sent.length === 0) return
          commits.heard(
            verdict(
              A,
              sent.map((offset) => batch(offset, offset)),
            ),
          )
          for (const each of open) each.done += each.offsets.filter((offset) => sent.includes(offset)).length
          if (sent.some((offset) => unclaimed.includes(offset))) told++
        }
        for (const action of steps) {
          if (action === 'answer') {
            commits.noted(held, next)
            waiting.push(next)
            unclaimed.push(next++)
          } else if (action === 'commit') {
            const commit = commits.begin()
            expect(commit.result.has(A)).toBe(told > 0)
            open.push({
              commit,
              offsets: unclaimed,
              done: unclaimed.filter((offset) => !waiting.includes(offset)).length,
            })
            unclaimed = []
            told = 0
          } else tell(action.of, action.upTo)
        }
        while (waiting.length > 0) tell(0, 3)
        for (const { commit, offsets, done } of open) {
          expect(done).toBe(offsets.length)
          expect(commits.done(commit).has(A)).toBe(offsets.length > 0)
        }
      }),
    )
  })
})

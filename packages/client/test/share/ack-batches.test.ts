import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takeAcknowledgements, type AcknowledgementBatch } from '../../src/share/ack-batches.js'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRange } from '../../src/share/acquired-range.js'
import { countTypes } from '../../src/share/verdict.js'

const partition = { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 0 }
const holder = {
  live: true,
  renewable: true,
  outstanding: 0,
  answered: () => undefined,
  urged: () => undefined,
  renew: () => undefined,
  giveUp: () => undefined,
}

function acquire(firstOffset: number, length: number): AcquiredRange {
  return new AcquiredRange(partition, holder, firstOffset, firstOffset + length - 1, 1, 30_000)
}

/** A range answered so, one letter an offset: a(ccept), l(release), j(reject), n(renew), g(ap), . (not). */
function answered(firstOffset: number, word: string): AcquiredRange {
  const range = acquire(firstOffset, word.length)
  const codes: Record<string, AckCode> = {
    a: AckCode.ACCEPT,
    l: AckCode.RELEASE,
    j: AckCode.REJECT,
    n: AckCode.RENEW,
    g: AckCode.GAP,
  }
  ;[...word].forEach((letter, index) => {
    const code = codes[letter]
    if (code !== undefined) range.answerOpen(code, index, index + 1)
  })
  return range
}

/** What a broker checks before it looks at any state (KIP-932). */
function expectLegal(batches: readonly AcknowledgementBatch[]): void {
  let last = -1
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    expect(firstOffset).toBeGreaterThan(last)
    expect(lastOffset).toBeGreaterThanOrEqual(firstOffset)
    expect([1, lastOffset - firstOffset + 1]).toContain(acknowledgeTypes.length)
    for (const type of acknowledgeTypes) expect([0, 1, 2, 3, 4]).toContain(type)
    last = lastOffset
  }
}

/** What a broker makes of them. */
function perOffset(batches: readonly AcknowledgementBatch[]): Map<number, number> {
  const types = new Map<number, number>()
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    for (let offset = firstOffset; offset <= lastOffset; offset++) {
      types.set(offset, acknowledgeTypes[acknowledgeTypes.length === 1 ? 0 : offset - firstOffset] as number)
    }
  }
  return types
}

describe('acknowledgement batches', () => {
  it('give one type for a whole range answered alike', () => {
    expect(takeAcknowledgements([answered(5, 'aaaa')]).batches).toEqual([
      { firstOffset: 5, lastOffset: 8, acknowledgeTypes: [1] },
    ])
  })

  it('give one type for each offset where they differ', () => {
    expect(takeAcknowledgements([answered(0, 'aljn')]).batches).toEqual([
      { firstOffset: 0, lastOffset: 3, acknowledgeTypes: [1, 2, 3, 4] },
    ])
  })

  it('break at offsets that are not answered', () => {
    expect(takeAcknowledgements([answered(0, 'aa.a')]).batches).toEqual([
      { firstOffset: 0, lastOffset: 1, acknowledgeTypes: [1] },
      { firstOffset: 3, lastOffset: 3, acknowledgeTypes: [1] },
    ])
  })

  it('join neighbouring ranges that were answered alike', () => {
    const { batches, pieces } = takeAcknowledgements([answered(4, 'aa'), answered(0, 'aaaa'), answered(6, 'll')])
    expect(batches).toEqual([
      { firstOffset: 0, lastOffset: 5, acknowledgeTypes: [1] },
      { firstOffset: 6, lastOffset: 7, acknowledgeTypes: [2] },
    ])
    expect(pieces.map(({ range, from, to }) => [range.firstOffset, from, to])).toEqual([
      [0, 0, 4],
      [4, 0, 2],
      [6, 0, 2],
    ])
  })

  it('give a long stretch of one type a batch of its own, and a short one none', () => {
    expect(takeAcknowledgements([answered(0, `al${'a'.repeat(11)}lj`)]).batches).toEqual([
      { firstOffset: 0, lastOffset: 1, acknowledgeTypes: [1, 2] },
      { firstOffset: 2, lastOffset: 12, acknowledgeTypes: [1] },
      { firstOffset: 13, lastOffset: 14, acknowledgeTypes: [2, 3] },
    ])
    expect(takeAcknowledgements([answered(0, `al${'a'.repeat(9)}lj`)]).batches).toHaveLength(1)
  })

  it('are none where nothing is unsent', () => {
    const range = answered(0, 'a.')
    takeAcknowledgements([range])
    expect(takeAcknowledgements([range])).toEqual({ batches: [], pieces: [] })
  })

  it('stay in order when a range was acquired anew in the middle of an older one', () => {
    const older = acquire(0, 10)
    older.supersede(3, 6)
    older.answerOpen(AckCode.ACCEPT)
    const { batches } = takeAcknowledgements([older, answered(3, 'lll')])
    expectLegal(batches)
    expect([...perOffset(batches).values()]).toEqual([1, 1, 1, 2, 2, 2, 1, 1, 1, 1])
  })

  it('say for every offset what was answered, whatever that was, in a form that brokers take', () => {
    const word = fc
      .array(fc.tuple(fc.constantFrom('a', 'l', 'j', 'n', 'g', '.'), fc.integer({ min: 1, max: 14 })), {
        minLength: 1,
        maxLength: 8,
      })
      .map((parts) => parts.map(([letter, times]) => letter.repeat(times)).join(''))
    const ranges = fc.array(fc.tuple(word, fc.nat(3)), { maxLength: 5 })
    fc.assert(
      fc.property(ranges, fc.infiniteStream(fc.nat()), (given, order) => {
        const expected = new Map<number, number>()
        const made: AcquiredRange[] = []
        let offset = 0
        for (const [letters, hole] of given) {
          offset += hole
          made.push(answered(offset, letters))
          for (const letter of letters) {
            const type = 'galjn'.indexOf(letter)
            if (type >= 0) expected.set(offset, type)
            offset++
          }
        }
        const shuffled = made
          .map((range) => ({ range, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key)
        const { batches, pieces } = takeAcknowledgements(shuffled.map(({ range }) => range))
        expectLegal(batches)
        expect(perOffset(batches)).toEqual(expected)
        const counts = countTypes(batches)
        expect(counts.accept + counts.release + counts.reject + counts.renew + counts.gap).toBe(expected.size)
        expect(counts.reject).toBe([...expected.values()].filter((type) => type === AckCode.REJECT).length)
        // The pieces are what the verdict goes back to.
        for (const { range, from, to } of pieces) range.settle(from, to, { outcome: 'done', lockDeadline: 1 })
        for (const range of made) expect(range).toMatchObject({ unsent: 0, sent: 0 })
      }),
      { numRuns: 500 },
    )
  })
})

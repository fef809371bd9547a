import { describe, expect, it } from 'vitest'
import { brokenLinksOf, hasTest, parityRowsIn } from '../src/parity-page.js'

const page = 'docs/x-parity.md'
const id = /^(K-\d\d|[a-g])$/

describe('a page on parity', () => {
  it('is read with the links of its tests and documents', () => {
    const rows = parityRowsIn(
      [
        '| row  | theirs | ours | test |',
        '| ---- | ------ | ---- | ---- |',
        "| K-01 | a | b | [does what it's for [twice]](../packages/x/test/y.test.ts) <br> [guide](guide/z.md#part) |",
        String.raw`| a    | c | d | [takes 1 \| 2](../packages/x/test/y.test.ts) |`,
        '| K-1  | no id | | |',
      ].join('\n'),
      { page, id },
    )
    const file = 'packages/x/test/y.test.ts'
    expect(rows).toMatchObject([
      { id: 'K-01', tests: [{ title: "does what it's for [twice]", file }], documents: ['docs/guide/z.md'] },
      { id: 'a', tests: [{ title: 'takes 1 | 2', file }], documents: [] },
    ])
  })

  it('finds a test by its title in any quotes, and only by all of it', () => {
    expect(hasTest(`it("does what it's for", …`, "does what it's for")).toBe(true)
    expect(hasTest("it('does what it is for', …", "does what it's for")).toBe(false)
    expect(hasTest("it('does what it is for, and more', …", 'does what it is for')).toBe(false)
  })

  it('has its links followed: a file or a test that is not there is told with its row', async () => {
    const here = 'tools/repo-checks/test/parity-page.test.ts'
    const rows = parityRowsIn(
      [
        `| K-01 | [is read with the links of its tests and documents](../${here}) [page](design.md) |`,
        `| K-02 | [is not${' '}there](../${here}) |`,
        '| K-03 | [x](../packages/none.test.ts) [y](none.md) |',
      ].join('\n'),
      { page, id },
    )
    expect(await brokenLinksOf(rows)).toEqual([
      `K-02: ${here} has no test "is not${' '}there"`,
      'K-03: there is no packages/none.test.ts',
      'K-03: there is no docs/none.md',
    ])
  })
})

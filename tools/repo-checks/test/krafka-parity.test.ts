import { describe, expect, it } from 'vitest'
import { brokenLinksOf, parityRowsIn } from '../src/parity-page.js'
import { textOf } from '../src/repository.js'

const page = 'docs/krafka-parity.md'
const ROWS = 97

const rows = parityRowsIn(await textOf(page), { page, id: /^K-\d\d$/ })

describe('the page on parity with krafka', () => {
  it(`has the rows K-01 to K-${ROWS}, in order`, () => {
    expect(rows.map(({ id }) => id)).toEqual(
      Array.from({ length: ROWS }, (_, index) => `K-${String(index + 1).padStart(2, '0')}`),
    )
  })

  it('links each row to a test, unless it is about what a later version brings', () => {
    const without = rows.filter(({ tests, text }) => tests.length === 0 && !text.includes('a later version'))
    expect(without.map(({ id }) => id)).toEqual([])
  })

  it('links to tests that are there, by their titles', async () => {
    expect(await brokenLinksOf(rows)).toEqual([])
  })
})

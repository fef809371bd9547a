import { describe, expect, it } from 'vitest'
import { brokenLinksOf, parityRowsIn } from '../src/parity-page.js'
import { textOf } from '../src/repository.js'

const page = 'docs/spring-parity.md'
const text = await textOf(page)

const counted = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index + 1).padStart(2, '0')}`)

/** What Spring tests, by number; what it does wrong, by letter; what its page says; what else was asked for. */
const lines = Array.from({ length: 37 }, (_, index) => String(index + 1))
const faults = [...'abcdefg']
const statements = [...counted('S', 170), ...counted('U', 4)]

/** Statements about documents and versions, which a document answers. */
const forDocuments: readonly string[] = ['S-01', 'S-72', 'S-73', 'S-105', 'S-106', 'S-167']

const rows = parityRowsIn(text, { page, id: /^(\d+|[a-g]|[SU]-\d+)$/ })

/** The decisions that the page explains. */
const explained = new Set([...text.matchAll(/^\| (A\d+) +\|/gm)].map(([, name]) => name))

describe('the page on parity with Spring', () => {
  it('has each line, each fault and each statement once, in order', () => {
    expect(rows.map(({ id }) => id)).toEqual([...lines, ...faults, ...statements])
  })

  it('names the versions that were compared', () => {
    for (const version of ['4.1', '4.2-SNAPSHOT', 'August 2026']) expect(text).toContain(version)
  })

  it('links each row to a test, unless it is about documents: then to one', () => {
    const without = rows.filter(
      ({ id, tests, documents }) =>
        tests.length === 0 && (!forDocuments.includes(id) || (id !== 'S-01' && documents.length === 0)),
    )
    expect(without.map(({ id }) => id)).toEqual([])
  })

  it('links to tests and documents that are there', async () => {
    expect(await brokenLinksOf(rows)).toEqual([])
  })

  it("links Spring's lines and faults to tests that begin with their number or letter, in the folders for that", () => {
    const foreign = rows
      .filter(({ id }) => lines.includes(id) || faults.includes(id))
      .filter(
        ({ id, tests }) =>
          !tests.some(({ title, file }) => title.startsWith(`${id}. `) && file.includes('/spring-parity/')),
      )
    expect(foreign.map(({ id }) => id)).toEqual([])
  })

  it('says of each statement whether it is the same, stronger, or differs with a reason', () => {
    const silent = rows.filter(({ id, text: row }) => {
      if (faults.includes(id) || id === 'S-01' || id.startsWith('U-')) return false
      const word = /\*\*(Same|Stronger|Differs)[.:]?\*\*/.exec(row)?.[1]
      return word === undefined || (word === 'Differs' && !/\(A\d+\)/.test(row))
    })
    expect(silent.map(({ id }) => id)).toEqual([])
  })

  it('explains each decision that it names', () => {
    const named = new Set(rows.flatMap(({ text: row }) => [...row.matchAll(/\bA\d+\b/g)].map(([name]) => name)))
    expect([...named].filter((name) => !explained.has(name))).toEqual([])
    expect([...explained].filter((name) => !named.has(String(name)))).toEqual([])
  })
})

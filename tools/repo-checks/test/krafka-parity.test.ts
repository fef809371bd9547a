import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot, textOf } from '../src/repository.js'

const page = 'docs/krafka-parity.md'
const ROWS = 97

interface Row {
  readonly id: string
  readonly text: string
  /** What it links to: the title of a test, and its file from the repository's root. */
  readonly links: readonly { readonly title: string; readonly file: string }[]
}

function rowsIn(markdown: string): Row[] {
  return markdown.split('\n').flatMap((line) => {
    const id = /^\| (K-\d\d) +\|/.exec(line)?.[1]
    if (id === undefined) return []
    const links = [...line.matchAll(/\[((?:[^[\]]|\[[^[\]]*\])+)\]\(([^)\s]+\.test\.ts)\)/g)].map(
      ([, title = '', target = '']) => ({ title, file: posix.normalize(posix.join(posix.dirname(page), target)) }),
    )
    return [{ id, text: line, links }]
  })
}

/** The title as it stands in a test's source, in any kind of quotes. */
function hasTest(source: string, title: string): boolean {
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((quoted) => source.includes(quoted))
}

const rows = rowsIn(await textOf(page))

describe('the parity page', () => {
  it(`has the rows K-01 to K-${ROWS}, in order`, () => {
    expect(rows.map(({ id }) => id)).toEqual(
      Array.from({ length: ROWS }, (_, index) => `K-${String(index + 1).padStart(2, '0')}`),
    )
  })

  it('links each row to a test, unless it is about what a later version brings', () => {
    const without = rows.filter(({ links, text }) => links.length === 0 && !text.includes('a later version'))
    expect(without.map(({ id }) => id)).toEqual([])
  })

  it('links to tests that are there, by their titles', async () => {
    const broken: string[] = []
    for (const { id, links } of rows) {
      for (const { title, file } of links) {
        if (!existsSync(join(repositoryRoot, file))) broken.push(`${id}: there is no ${file}`)
        else if (!hasTest(await textOf(file), title)) broken.push(`${id}: ${file} has no test "${title}"`)
      }
    }
    expect(broken).toEqual([])
  })

  it('is read with the links of its tests', () => {
    const [row] = rowsIn("| K-01 | a | b | [does what it's for](../packages/x/test/y.test.ts) |")
    expect(row?.links).toEqual([{ title: "does what it's for", file: 'packages/x/test/y.test.ts' }])
    expect(hasTest('it("does what it\'s for", …', "does what it's for")).toBe(true)
    expect(hasTest("it('does what it is for', …", "does what it's for")).toBe(false)
  })
})

import { existsSync } from 'node:fs'
import { join, posix } from 'node:path'
import { repositoryRoot, textOf } from './repository.js'

// Pages that compare Milena with another project: a table row for each statement, with links to the tests that show it.

/** One row of such a page. */
export interface ParityRow {
  readonly id: string
  readonly text: string
  /** What it links to: the title of a test, and its file from the repository's root. */
  readonly tests: readonly { readonly title: string; readonly file: string }[]
  /** Documents that it links to, from the repository's root. */
  readonly documents: readonly string[]
}

/** The rows whose first cell is an id. */
export function parityRowsIn(
  markdown: string,
  { page, id }: { readonly page: string; readonly id: RegExp },
): ParityRow[] {
  return markdown.split('\n').flatMap((line) => {
    const first = /^\| ([^|]*?) +\|/.exec(line)?.[1]
    if (first === undefined || !id.test(first)) return []
    const links = [...line.matchAll(/\[((?:[^[\]]|\[[^[\]]*\])+)\]\(([^)\s]+)\)/g)].map(
      ([, title = '', target = '']) => ({
        title: title.replaceAll(String.raw`\|`, '|'),
        file: posix.normalize(posix.join(posix.dirname(page), target.replace(/#.*$/, ''))),
      }),
    )
    return [
      {
        id: first,
        text: line,
        tests: links.filter(({ file }) => file.endsWith('.test.ts')),
        documents: links.filter(({ file }) => file.endsWith('.md')).map(({ file }) => file),
      },
    ]
  })
}

/** Whether a test of this title stands in a source, in any kind of quotes. */
export function hasTest(source: string, title: string): boolean {
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((quoted) => source.includes(quoted))
}

/** What of the rows' links leads nowhere: a file that is not there, or has no test of that title. */
export async function brokenLinksOf(rows: readonly ParityRow[]): Promise<string[]> {
  const broken: string[] = []
  for (const { id, tests, documents } of rows) {
    for (const { title, file } of tests) {
      if (!existsSync(join(repositoryRoot, file))) broken.push(`${id}: there is no ${file}`)
      else if (!hasTest(await textOf(file), title)) broken.push(`${id}: ${file} has no test "${title}"`)
    }
    for (const file of documents) {
      if (!existsSync(join(repositoryRoot, file))) broken.push(`${id}: there is no ${file}`)
    }
  }
  return broken
}

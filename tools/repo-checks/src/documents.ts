import { posix } from 'node:path'

/** A block of TypeScript in a document. */
export interface Snippet {
  /** The line of the document that the code starts on. */
  readonly line: number
  /** The file that it stands for, when its fence names one (` ```ts order-listener.ts `): other blocks may import it. */
  readonly name: string | undefined
  readonly code: string
}

const fence = /^```(\S*)[ \t]*(\S*)[^\n]*\n([\s\S]*?)^```[ \t]*$/gm

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length

/** The TypeScript blocks of a Markdown text, in order. */
export function snippetsIn(markdown: string): Snippet[] {
  return [...markdown.matchAll(fence)].flatMap((match) => {
    const [, language, name, code = ''] = match
    if (language !== 'ts' && language !== 'typescript') return []
    return [{ line: lineOf(markdown, match.index) + 1, name: name === '' ? undefined : name, code }]
  })
}

/** The compiler options that a Markdown text tells its readers to use: those of its `json` block that is a tsconfig.json. */
export function compilerOptionsIn(markdown: string): object {
  for (const [, language, , code = ''] of markdown.matchAll(fence)) {
    const parsed: unknown = language === 'json' ? JSON.parse(code) : undefined
    const options: unknown = typeof parsed === 'object' && parsed !== null && Reflect.get(parsed, 'compilerOptions')
    if (typeof options === 'object' && options !== null) return options
  }
  throw new Error('The document shows no tsconfig.json.')
}

/** The headings of a Markdown text as the anchors that they get. */
export function anchorsIn(markdown: string): Set<string> {
  const prose = markdown.replaceAll(fence, '')
  const headings = [...prose.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) => heading)
  const anchors = headings.map((heading) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return new Set(anchors)
}

/** A link to something in this repository. */
export interface LocalLink {
  /** The file or folder that it leads to, from the repository's root. */
  readonly target: string
  readonly anchor: string | undefined
}

/** The links of `document` (a path from the root) that stay in the repository. */
export function localLinksIn(document: string, markdown: string): LocalLink[] {
  const prose = markdown.replaceAll(fence, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return []
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? document : posix.normalize(posix.join(posix.dirname(document), path))
    return [{ target: target.replace(/\/$/, ''), anchor }]
  })
}

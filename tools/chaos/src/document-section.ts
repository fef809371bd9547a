import { readFileSync, writeFileSync } from 'node:fs'

const begin = '<!-- pnpm chaos: begin -->'
const end = '<!-- pnpm chaos: end -->'

/** Puts text between the two marks of a document. Throws where they are missing. */
export function replaceSection(document: string, text: string): string {
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from < 0 || to < from) throw new Error(`The document has no section between ${begin} and ${end}: add both marks.`)
  return `${document.slice(0, from + begin.length)}\n\n${text}\n\n${document.slice(to)}`
}

export function writeSection(file: string, text: string): void {
  writeFileSync(file, replaceSection(readFileSync(file, 'utf8'), text))
}

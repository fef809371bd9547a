import { readFileSync } from 'node:fs'

/** Reads a Java properties file (java.util.Properties: ISO-8859-1 with \uXXXX escapes). Throws what the file system throws. */
export function readProperties(path: string): Record<string, string> {
  return parseProperties(readFileSync(path, 'latin1'))
}

/** The names and values in the text of a Java properties file; the last of equal names counts. */
export function parseProperties(text: string): Record<string, string> {
  const properties = new Map<string, string>()
  for (const line of logicalLines(text)) {
    const end = nameEnd(line)
    const rest = line.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
    properties.set(unescape(line.slice(0, end)), unescape(rest))
  }
  return Object.fromEntries(properties)
}

/** Lines that count, those that a backslash continues joined to one. */
function* logicalLines(text: string): Generator<string> {
  let open = ''
  let continued = false
  for (const natural of text.split(/\r\n|\n|\r/)) {
    const line = natural.replace(/^[ \t\f]+/, '')
    if (!continued && (line === '' || line.startsWith('#') || line.startsWith('!'))) continue
    const slashes = /\\*$/.exec(line)?.[0].length ?? 0
    continued = slashes % 2 === 1
    open += continued ? line.slice(0, -1) : line
    if (continued) continue
    yield open
    open = ''
  }
  if (open !== '') yield open
}

/** Where the name ends: at the first separator that no backslash protects. */
function nameEnd(line: string): number {
  for (let at = 0; at < line.length; at += 1) {
    const character = line.charAt(at)
    if (character === '\\') at += 1
    else if (' \t\f=:'.includes(character)) return at
  }
  return line.length
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['t', '\t'],
  ['n', '\n'],
  ['r', '\r'],
  ['f', '\f'],
])

function unescape(text: string): string {
  return text.replaceAll(/\\(?:u([0-9a-fA-F]{4})|(.)|$)/gs, (_, hex?: string, character?: string) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    return character === undefined ? '' : (ESCAPES.get(character) ?? character)
  })
}

import { CommandLineError } from '@milena/tools-java-habits'

/** Writes a moment (milliseconds since 1970) in the time zone of the process. */
export type DateFormat = (time: number) => string

type Field = (date: Date, width: number) => string

const number =
  (of: (date: Date) => number): Field =>
  (date, width) =>
    String(of(date)).padStart(width, '0')

const named =
  (part: 'month' | 'weekday') =>
  (date: Date, width: number): string =>
    date.toLocaleDateString('en-US', { [part]: width > 3 ? 'long' : 'short' })

/** Those letters of java.text.SimpleDateFormat that a tool's times are written with. */
const FIELDS: ReadonlyMap<string, Field> = new Map([
  ['y', (date, width) => year(date, width)],
  [
    'M',
    (date, width) => (width > 2 ? named('month')(date, width) : number((each) => each.getMonth() + 1)(date, width)),
  ],
  ['d', number((date) => date.getDate())],
  ['E', named('weekday')],
  ['a', (date) => (date.getHours() < 12 ? 'AM' : 'PM')],
  ['H', number((date) => date.getHours())],
  ['k', number((date) => date.getHours() || 24)],
  ['K', number((date) => date.getHours() % 12)],
  ['h', number((date) => date.getHours() % 12 || 12)],
  ['m', number((date) => date.getMinutes())],
  ['s', number((date) => date.getSeconds())],
  ['S', number((date) => date.getMilliseconds())],
  ['Z', (date) => offset(date, '')],
  [
    'X',
    (date, width) =>
      date.getTimezoneOffset() === 0 ? 'Z' : offset(date, width > 2 ? ':' : '').slice(0, width === 1 ? 3 : 6),
  ],
])

/** Reads a pattern of java.text.SimpleDateFormat. Throws CommandLineError for letters that it cannot write, and for an open quote. */
export function dateFormat(pattern: string): DateFormat {
  const pieces: (string | { readonly field: Field; readonly width: number })[] = []
  for (const [piece] of pattern.matchAll(/([a-zA-Z])\1*|'(?:[^']|'')*'?|[^a-zA-Z']+/g)) {
    const field = /^X{4}/.test(piece) ? undefined : FIELDS.get(piece.charAt(0))
    if (field !== undefined) pieces.push({ field, width: piece.length })
    else if (/^[a-zA-Z]/.test(piece))
      throw new CommandLineError(
        `argument --date-format: '${piece}' in '${pattern}' cannot be written; use ${[...FIELDS.keys()].join(' ')}, and put plain letters into quotes`,
      )
    else if (piece.startsWith("'")) pieces.push(quoted(piece, pattern))
    else pieces.push(piece)
  }
  return (time) => {
    const date = new Date(time)
    return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.field(date, piece.width))).join('')
  }
}

function quoted(piece: string, pattern: string): string {
  if (piece === "''") return "'"
  if (piece.length < 2 || !piece.endsWith("'"))
    throw new CommandLineError(`argument --date-format: a quote in '${pattern}' has no end`)
  return piece.slice(1, -1).replaceAll("''", "'")
}

function year(date: Date, width: number): string {
  const full = String(date.getFullYear())
  return width === 2 ? full.slice(-2) : full.padStart(width, '0')
}

function offset(date: Date, between: string): string {
  const minutes = -date.getTimezoneOffset()
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${two(hours)}${between}${two(rest)}`
}

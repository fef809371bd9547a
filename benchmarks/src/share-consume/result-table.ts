import type { Consumed } from './subject-process.js'
import type { FetchSize, Subject } from './subjects.js'

/** One run. */
export interface Measured {
  readonly subject: Subject
  readonly fetch: FetchSize
  readonly recordBytes: number
  readonly consumed: Consumed
}

/** All rounds of one subject at one fetch size. */
interface Row {
  readonly subject: Subject
  readonly fetch: FetchSize
  readonly rates: readonly number[]
  readonly clientCpu: number | undefined
  readonly brokerCpu: number | undefined
  readonly firstRecord: number | undefined
}

const HEADINGS = [
  'subject',
  'records a fetch',
  'records/s',
  'client CPU s/M',
  'broker CPU s/M',
  'first record, s',
  'to Java',
  'to Spring',
  'CPU to Spring',
  'to kafkats',
]

const NOTE = `Warm steady state, after the first fifth of the records; s/M: CPU seconds per million records. Ratios are of records/s: to the
faster of Java's two modes, to Spring's container and to @kafkats/client at the same fetch size, with defaults to their best; "CPU to
Spring" is that of the clients' CPU seconds a record. Every subject but ShareConsumerPerformance, which cannot, summed the first and last
byte of each value, and the sums were right; the broker told lag 0 for every group in the end.`

/** A Markdown table for each record size, and a note. */
export function formatTable(measured: readonly Measured[]): string {
  const sizes = [...new Set(measured.map(({ recordBytes }) => recordBytes))]
  return [
    ...sizes.map((size) =>
      tableOf(
        size,
        measured.filter(({ recordBytes }) => recordBytes === size),
      ),
    ),
    NOTE,
  ].join('\n\n')
}

function tableOf(recordBytes: number, measured: readonly Measured[]): string {
  const rows = rowsOf(measured)
  const lines = rows.map((row) => [
    row.subject.title,
    String(row.fetch),
    rateOf(row.rates),
    fixed(row.clientCpu, 2),
    fixed(row.brokerCpu, 2),
    fixed(row.firstRecord, 2),
    fixed(rateTo('java', row, rows), 2),
    fixed(rateTo('spring', row, rows), 2),
    fixed(cpuTo('spring', row, rows), 2),
    fixed(rateTo('kafkats', row, rows), 2),
  ])
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...lines.map((line) => line[column]?.length ?? 0)),
  )
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = `|${widths.map((width, column) => (column === 0 ? `:${'-'.repeat(width)}-` : `-${'-'.repeat(width)}:`)).join('|')}|`
  return [`### Records of ${recordBytes} bytes`, '', format(HEADINGS), rule, ...lines.map(format)].join('\n')
}

function rowsOf(measured: readonly Measured[]): Row[] {
  return [...grouped(measured).values()].flatMap((runs) => {
    const [first] = runs
    if (first === undefined) return []
    return {
      subject: first.subject,
      fetch: first.fetch,
      rates: runs.map(({ consumed }) => consumed.steadyRecords / consumed.steadySeconds),
      clientCpu: median(runs.map(({ consumed }) => perMillion(consumed.cpuSeconds, consumed.steadyRecords))),
      brokerCpu: median(runs.map(({ consumed }) => perMillion(consumed.brokerCpuSeconds, consumed.steadyRecords))),
      firstRecord: median(runs.map(({ consumed }) => consumed.firstRecordSeconds)),
    }
  })
}

function grouped(measured: readonly Measured[]): Map<string, Measured[]> {
  const groups = new Map<string, Measured[]>()
  for (const each of measured) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each])
  return groups
}

function keyOf({ subject, fetch }: Measured): string {
  return `${subject.id} ${fetch}`
}

/** Records/s, to the fastest of a family. */
function rateTo(family: Subject['family'], row: Row, rows: readonly Row[]): number | undefined {
  const peers = peersOf(family, row, rows)
  if (peers.length === 0) return undefined
  return (median(row.rates) ?? 0) / Math.max(...peers.map(({ rates }) => median(rates) ?? 0))
}

/** CPU a record, to the most sparing of a family. */
function cpuTo(family: Subject['family'], row: Row, rows: readonly Row[]): number | undefined {
  const peers = peersOf(family, row, rows).flatMap(({ clientCpu }) => clientCpu ?? [])
  return row.clientCpu === undefined || peers.length === 0 ? undefined : row.clientCpu / Math.min(...peers)
}

/** Those of a family at the same fetch size, or, for defaults, at any. Only Java's two modes are told beside themselves. */
function peersOf(family: Subject['family'], { subject, fetch }: Row, rows: readonly Row[]): readonly Row[] {
  if (subject.family === family && family !== 'java') return []
  return rows.filter((row) => row.subject.family === family && (fetch === 'default' || row.fetch === fetch))
}

function rateOf(rates: readonly number[]): string {
  const thousands = (rate: number | undefined): string => `${Math.round((rate ?? 0) / 1_000)}k`
  if (rates.length === 1) return thousands(rates[0])
  return `${thousands(median(rates))} (${thousands(Math.min(...rates))}-${thousands(Math.max(...rates))})`
}

function perMillion(seconds: number | undefined, records: number): number | undefined {
  return seconds === undefined ? undefined : (seconds / records) * 1e6
}

/** Undefined when any is missing. */
function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.filter((value) => value !== undefined).toSorted((a, b) => a - b)
  if (sorted.length < values.length || sorted.length === 0) return undefined
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  const lower = sorted.length % 2 === 0 ? sorted[middle - 1] : upper
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits)
}

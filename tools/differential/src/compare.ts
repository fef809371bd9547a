import type { Trace, TraceEntry } from './trace.js'

export interface Difference {
  /** Position among the entries. */
  readonly at: number
  readonly left: TraceEntry | undefined
  readonly right: TraceEntry | undefined
}

/** The first thing that two plays of one sequence do not have in common. */
export function firstDifference(left: Trace, right: Trace): Difference | undefined {
  const length = Math.max(left.entries.length, right.entries.length)
  for (let at = 0; at < length; at++) {
    const [a, b] = [left.entries[at], right.entries[at]]
    if (JSON.stringify(a) !== JSON.stringify(b)) return { at, left: a, right: b }
  }
  return undefined
}

/** The difference side by side, after the steps that led to it. */
export function describeDifference(
  { at, left, right }: Difference,
  trace: Trace,
  names: readonly [string, string],
  stepsBefore: number,
): string {
  const lines = trace.entries.slice(Math.max(0, at - stepsBefore), at).map(entryLine)
  const [leftName, rightName] = names
  const width = Math.max(leftName.length, rightName.length)
  if (JSON.stringify(left?.asked) === JSON.stringify(right?.asked)) {
    lines.push(`step ${left?.step ?? '-'} ${JSON.stringify(left?.asked)}`)
  } else {
    lines.push(`step ${left?.step ?? '-'} was not even asked alike:`)
    lines.push(`  ${leftName.padEnd(width)}  ${JSON.stringify(left?.asked)}`)
    lines.push(`  ${rightName.padEnd(width)}  ${JSON.stringify(right?.asked)}`)
  }
  lines.push(`  ${leftName.padEnd(width)}  ${JSON.stringify(left?.said)}`)
  lines.push(`  ${rightName.padEnd(width)}  ${JSON.stringify(right?.said)}`)
  return lines.join('\n')
}

export function entryLine({ step, asked, said }: TraceEntry): string {
  return `step ${step} ${JSON.stringify(asked)}\n    -> ${JSON.stringify(said)}`
}

import type { RunResult } from './chaos-run.js'

const HEADINGS = [
  'fault',
  'subject',
  'accepted',
  'redelivered, and why',
  'unexplained, or after acceptance',
  'accepted twice',
  'longest gap, ms (one partition)',
  'stop beside a lost broker, ms',
  'longest other stop, ms',
  'errors seen by the application',
]

/** One row for each scenario and subject, as Markdown. */
export function formatTable(results: readonly RunResult[]): string {
  const rows = results.map((result) => [
    result.scenarioTitle,
    result.subjectTitle,
    acceptedOf(result),
    redeliveredOf(result),
    numberOf((result.explanations['unexplained'] ?? 0) + (result.explanations['after confirmation'] ?? 0)),
    numberOf(result.confirmedTwice),
    `${numberOf(result.longestGapMs)} (${numberOf(result.longestPartitionGapMs)})`,
    result.stopAfterLossMs === undefined ? '–' : numberOf(result.stopAfterLossMs),
    numberOf(result.longestOtherStopMs),
    listOf(result.errors) || 'none',
  ])
  return [HEADINGS, HEADINGS.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** What of all is not as promised, one line each; empty where all is. */
export function formatBroken(results: readonly RunResult[]): string {
  return results
    .flatMap(({ scenario, subjectTitle, broken }) => broken.map((each) => `- ${scenario}, ${subjectTitle}: ${each}`))
    .join('\n')
}

function acceptedOf({ records, confirmed, unheard, lag }: RunResult): string {
  const done = confirmed + unheard
  if (lag === 0 && done === records)
    return unheard === 0
      ? `all ${numberOf(records)}`
      : `all ${numberOf(records)} (${numberOf(unheard)} without hearing so)`
  return `${numberOf(done)} of ${numberOf(records)}, lag ${lag ?? 'unknown'}`
}

function redeliveredOf({ redelivered, explanations }: RunResult): string {
  const why = Object.fromEntries(
    Object.entries(explanations).filter(([kind]) => kind !== 'unexplained' && kind !== 'after confirmation'),
  )
  return redelivered === 0 ? '0' : `${numberOf(redelivered)}: ${listOf(why)}`
}

function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .toSorted(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name} ${numberOf(count)}`)
    .join(', ')
}

function numberOf(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

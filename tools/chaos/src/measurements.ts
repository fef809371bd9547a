import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { PARTITIONS } from './chaos-cluster.js'
import type { RunResult } from './chaos-run.js'
import { MEMBERS, SCENARIOS } from './scenarios.js'
import { SUBJECT_IDS } from './subjects.js'

/** The release of the brokers and of the Java client. */
const KAFKA = '4.4.0'

/** What runs measured, and where. */
export interface Measurements {
  readonly records: number
  readonly seed: number
  /** The day, as 2026-01-31. */
  readonly date: string
  readonly node: string
  readonly processors: string
  readonly results: readonly RunResult[]
}

export function measurementsHere(given: Pick<Measurements, 'records' | 'seed' | 'results'>): Measurements {
  const processors = cpus()
  return {
    ...given,
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    processors: `${processors.length} processors (${processors[0]?.model.trim() ?? 'unknown'})`,
  }
}

export function writeMeasurements(file: string, measured: Measurements): void {
  writeFileSync(file, `${JSON.stringify(measured, null, 2)}\n`)
}

/** Takes those of several files together, in the order of the files. Throws where they are not from like runs. */
export function readMeasurements(files: readonly string[]): Measurements {
  const [first, ...others] = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as Measurements)
  if (first === undefined) throw new Error('--report takes the files that runs wrote with --json.')
  const all = others.reduce(together, first)
  return { ...all, results: all.results.toSorted((one, other) => placeOf(one) - placeOf(other)) }
}

/** By scenario, then by subject, in the order in which the command runs them. */
function placeOf({ scenario, subject }: RunResult): number {
  const [row, column] = [
    SCENARIOS.findIndex(({ id }) => id === scenario),
    SUBJECT_IDS.findIndex((id) => id === subject),
  ]
  return row * SUBJECT_IDS.length + column
}

/** Both, as of the later day. */
export function together(one: Measurements, other: Measurements): Measurements {
  for (const same of ['records', 'seed', 'node', 'processors'] as const) {
    if (one[same] !== other[same]) {
      throw new Error(`The runs differ in ${same} (${one[same]}, ${other[same]}): report them apart.`)
    }
  }
  return { ...other, date: one.date > other.date ? one.date : other.date, results: [...one.results, ...other.results] }
}

/** Where the figures come from, in a sentence. */
export function titleOf({ records, seed, date, node, processors }: Measurements): string {
  return (
    `\`pnpm chaos --records ${records} --seed ${seed}\`, ${date}: Kafka ${KAFKA} (three brokers, ${PARTITIONS} partitions, three replicas), ` +
    `kafka-clients ${KAFKA}, Node ${node}; ${MEMBERS} members at a time, everything on one machine with ${processors}.`
  )
}

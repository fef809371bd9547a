#!/usr/bin/env node
import { parseArgs } from 'node:util'
import { ChaosCluster } from './chaos-cluster.js'
import { runScenario, STOP_PROMISE_MS, type RunResult } from './chaos-run.js'
import { writeSection } from './document-section.js'
import { formatBroken, formatTable } from './result-table.js'
import { measurementsHere, readMeasurements, titleOf, writeMeasurements, type Measurements } from './measurements.js'
import { SCENARIOS } from './scenarios.js'
import { prepareSubjects, SUBJECT_IDS } from './subjects.js'

const usage = `Usage: pnpm chaos [options]

Starts a Kafka cluster of three brokers and lets share groups consume numbered records while brokers, members and connections fail.
Exits with 1 where Milena breaks a promise: a record that is not accepted, a redelivery that nothing explains, a stop that takes more
than ${STOP_PROMISE_MS / 1_000} s, an unhandled rejection, a socket or timer left behind.

  --scenario A,B       only these: ${SCENARIOS.map(({ id }) => id).join(', ')}
  --subject A,B        only these: milena (both of Milena's), ${SUBJECT_IDS.join(', ')}. Default: milena,java
  --records N          records of each run. Default 100000
  --seed N             for what happens at random. Default 1
  --json FILE          writes everything that was measured to a file
  --report A,B         runs nothing: takes what earlier runs wrote with --json, one after another
  --markdown FILE      writes the table into a document, between its marks
  --help

It needs Java 17 and Maven, and takes about a minute for each scenario and subject.`

async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: words.filter((word) => word !== '--'),
    options: {
      scenario: { type: 'string' },
      subject: { type: 'string', default: 'milena,java' },
      records: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      json: { type: 'string' },
      report: { type: 'string' },
      markdown: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const measured =
    values.report === undefined
      ? await measure({
          scenarios: chosenScenarios(values.scenario),
          subjects: values.subject.split(','),
          records: wholeNumber('--records', values.records),
          seed: wholeNumber('--seed', values.seed),
          jsonFile: values.json,
        })
      : readMeasurements(values.report.split(','))
  const { results } = measured
  const table = formatTable(results)
  console.log(`${table}\n\n${formatBroken(results) || 'Everything is as promised.'}`)
  if (values.markdown !== undefined) writeSection(values.markdown, [titleOf(measured), table].join('\n\n'))
  return results.some(({ isMilena, broken }) => isMilena && broken.length > 0) ? 1 : 0
}

async function measure(given: {
  readonly scenarios: typeof SCENARIOS
  readonly subjects: readonly string[]
  readonly records: number
  readonly seed: number
  readonly jsonFile: string | undefined
}): Promise<Measurements> {
  const { scenarios, records, seed, jsonFile } = given
  const progress = (line: string): void => console.error(line)
  const subjects = await prepareSubjects(given.subjects, progress)
  const cluster = await ChaosCluster.start(progress)
  const results: RunResult[] = []
  const measured = measurementsHere({ records, seed, results })
  try {
    for (const scenario of scenarios) {
      progress(`${scenario.id}: ${scenario.title}`)
      for (const subject of subjects) {
        const result = await runScenario({ cluster, scenario, subject, records, seed, progress })
        results.push(result)
        progress(`${formatTable([result])}\n${formatBroken([result])}`)
        if (jsonFile !== undefined) writeMeasurements(jsonFile, measured)
      }
    }
  } finally {
    await cluster.stop()
  }
  return measured
}

function chosenScenarios(words: string | undefined): typeof SCENARIOS {
  if (words === undefined) return SCENARIOS
  return words.split(',').map((word) => {
    const found = SCENARIOS.find(({ id }) => id === word)
    if (found === undefined) {
      throw new Error(`There is no scenario '${word}'. The scenarios are: ${SCENARIOS.map(({ id }) => id).join(', ')}.`)
    }
    return found
  })
}

function wholeNumber(name: string, given: string): number {
  const value = Number(given)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} takes a whole number above 0, not '${given}'.`)
  return value
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

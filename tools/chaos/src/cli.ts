#!/usr/bin/env node
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { ChaosCluster, PARTITIONS } from './chaos-cluster.js'
import { runScenario, STOP_PROMISE_MS, type RunResult } from './chaos-run.js'
import { writeSection } from './document-section.js'
import { formatBroken, formatTable } from './result-table.js'
import { MEMBERS, SCENARIOS } from './scenarios.js'
import { prepareSubjects, SUBJECT_IDS } from './subjects.js'

const KAFKA = '4.4.0'

const usage = `Usage: pnpm chaos [options]

Starts a Kafka cluster of three brokers and lets share groups consume numbered records while brokers, members and connections fail.
Exits with 1 where Milena breaks a promise: a record that is not accepted, a redelivery that nothing explains, a stop that takes more
than ${STOP_PROMISE_MS / 1_000} s, an unhandled rejection, a socket or timer left behind.

  --scenario A,B       only these: ${SCENARIOS.map(({ id }) => id).join(', ')}
  --subject A,B        only these: milena (both of Milena's), ${SUBJECT_IDS.join(', ')}. Default: milena,java
  --records N          records of each run. Default 100000
  --seed N             for what happens at random. Default 1
  --json FILE          writes everything that was measured to a file
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
      markdown: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const progress = (line: string): void => console.error(line)
  const scenarios = chosenScenarios(values.scenario)
  const records = wholeNumber('--records', values.records)
  const seed = wholeNumber('--seed', values.seed)
  const subjects = await prepareSubjects(values.subject.split(','), progress)
  const cluster = await ChaosCluster.start(progress)
  const results: RunResult[] = []
  try {
    for (const scenario of scenarios) {
      progress(`${scenario.id}: ${scenario.title}`)
      for (const subject of subjects) {
        const result = await runScenario({ cluster, scenario, subject, records, seed, progress })
        results.push(result)
        progress(`${formatTable([result])}\n${formatBroken([result])}`)
        if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
      }
    }
  } finally {
    await cluster.stop()
  }
  const table = formatTable(results)
  console.log(`${table}\n\n${formatBroken(results) || 'Everything is as promised.'}`)
  if (values.markdown !== undefined) writeSection(values.markdown, [headOf(records, seed), table].join('\n\n'))
  return results.some(({ isMilena, broken }) => isMilena && broken.length > 0) ? 1 : 0
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

/** Where the figures come from. */
function headOf(records: number, seed: number): string {
  const processors = cpus()
  return (
    `\`pnpm chaos --records ${records} --seed ${seed}\`, ${new Date().toISOString().slice(0, 10)}: ` +
    `Kafka ${KAFKA} (three brokers, ${PARTITIONS} partitions, three replicas), kafka-clients ${KAFKA}, Node ${process.versions.node}; ` +
    `${MEMBERS} members at a time, all on one machine with ${processors.length} processors (${processors[0]?.model.trim() ?? 'unknown'}).`
  )
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

import { parseArgs } from 'node:util'
import { shareConsume } from './share-consume/bench.js'
import type { FetchSize } from './share-consume/subjects.js'
import { benchWalls } from './walls/bench-walls.js'

const usage = `Usage: pnpm bench share-consume [options]
       pnpm bench walls [options]

share-consume
Runs share consumers one after another on one Kafka broker, which it starts, and prints a table.

  --sizes 100,1024        bytes of a record's value
  --records N             records of each size; default: 2000000, or as many as make 600 MB
  --fetch 500,2000,default
                          records asked for per fetch; default: what a Milena consumer does when it is told nothing
  --subjects a,b          only these: milena-implicit, milena-explicit, milena-container, milena-decorated, java-implicit,
                          java-explicit, spring, kafka-tool, kafkats
  --rounds N              each so many times, in rotated order; the table shows median (least-most). Default 1
  --json FILE             writes every single measurement to a file
  --profile FOLDER        writes CPU profiles of the Milena subjects to a folder (they run slower)

walls
Measures what others run into and Milena must not, on real brokers which it starts, prints a table, and ends with 1
where something that is asked does not hold. It takes about five minutes.

  --only a,b              only these: first-record, two-consumers, held-record, close-mid-batch, resets, huge-batch,
                          throughput, idle-neighbour, outage
  --json FILE             writes the figures to a file

  --help

Both need Java 17 and Maven. Of share-consume, ratios of one run are what counts: absolute figures are the machine's.`

async function main(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      sizes: { type: 'string', default: '100,1024' },
      records: { type: 'string' },
      fetch: { type: 'string', default: '500,2000,default' },
      subjects: { type: 'string' },
      rounds: { type: 'string', default: '1' },
      json: { type: 'string' },
      profile: { type: 'string' },
      only: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  if (positionals[0] === 'walls') {
    const { table, allHold } = await benchWalls({ only: values.only?.split(','), jsonFile: values.json }, (line) =>
      console.error(line),
    )
    console.log(table)
    return allHold ? 0 : 1
  }
  if (positionals[0] !== 'share-consume') {
    console.error(usage)
    return 2
  }
  const table = await shareConsume(
    {
      sizes: values.sizes.split(',').map((each) => wholeNumber('--sizes', each)),
      records: values.records === undefined ? undefined : wholeNumber('--records', values.records),
      fetches: values.fetch
        .split(',')
        .map((each): FetchSize => (each === 'default' ? each : wholeNumber('--fetch', each))),
      subjects: values.subjects?.split(','),
      rounds: wholeNumber('--rounds', values.rounds),
      profileFolder: values.profile,
      jsonFile: values.json,
    },
    (line) => console.error(line),
  )
  console.log(table)
  return 0
}

function wholeNumber(name: string, given: string): number {
  const value = Number(given)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} takes whole numbers above 0, not '${given}'.`)
  return value
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

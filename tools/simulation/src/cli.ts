import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { appKinds } from './apps/app.js'
import { faultKinds } from './faults.js'
import { Invariant } from './findings.js'
import { compiledOf, planted, readPlants } from './plants.js'
import { playSeeds } from './seed-pool.js'
import type { FromWorker } from './worker-messages.js'

const usage = `Usage: pnpm simulate [options]

Plays whole histories of share-group members, each decided by one seed, against the embedded broker in memory and on a virtual
clock, and checks what must always hold. Ends with 1 when something does not.

  --seeds N     how many; default 1000
  --from SEED   the first; default 1
  --jobs N      how many at once; default 2
  --seed N      this one alone
  --story       its whole history, line by line
  --plants      instead: each planted bug (tools/simulation/plants) has to be found within 2000 seeds
  --plant NAME  the client with this bug in it
  --help`

/** From so many seeds on everything that can happen has to have happened. */
const FULL_RUN = 10_000
const PLANT_SEEDS = 2_000
const SHOWN_FAILURES = 20

interface Settings {
  readonly from: number
  readonly seeds: number
  readonly jobs: number
  readonly story: boolean
  readonly plant: string | undefined
}

async function main(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      seed: { type: 'string' },
      story: { type: 'boolean', default: false },
      plants: { type: 'boolean', default: false },
      plant: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const jobs = wholeNumber('--jobs', values.jobs, 1)
  if (values.plants) return findPlants(jobs)
  return simulate({
    from: wholeNumber('--from', values.seed ?? values.from, 0),
    seeds: values.seed === undefined ? wholeNumber('--seeds', values.seeds, 1) : 1,
    jobs,
    story: values.story,
    plant: values.plant,
  })
}

async function simulate({ from, seeds, jobs, story, plant }: Settings): Promise<number> {
  const startedAt = performance.now()
  const tally = new Map<string, number>()
  const failures: FromWorker[] = []
  let done = 0
  let toldAt = startedAt
  await playSeeds({
    from,
    seeds,
    jobs,
    plant,
    keepStory: story && seeds === 1,
    onResult: (result) => {
      done++
      for (const [kind, times] of result.tally) tally.set(kind, (tally.get(kind) ?? 0) + times)
      for (const line of result.lines) console.log(line)
      if (result.findings.length > 0) {
        failures.push(result)
        if (failures.length <= SHOWN_FAILURES) console.log(failure(result, plant))
      }
      if (performance.now() - toldAt > 10_000) {
        toldAt = performance.now()
        const seconds = (toldAt - startedAt) / 1_000
        console.error(`${done}/${seeds} seeds, ${seconds.toFixed(0)} s, ${failures.length} failed`)
      }
      return false
    },
  })
  const seconds = (performance.now() - startedAt) / 1_000
  if (seeds > 1) console.log(table(tally))
  const absent = [...faultKinds.map((kind) => `fault ${kind}`), ...appKinds.map((kind) => `app ${kind}`)].filter(
    (kind) => !tally.has(kind),
  )
  const isIncomplete = seeds >= FULL_RUN && absent.length > 0
  if (isIncomplete) console.log(`Never occurred, so nothing is proved of it: ${absent.join('; ')}`)
  console.log(
    `${seeds} seeds from ${from}: ${seeds - failures.length} held, ${failures.length} failed (${seconds.toFixed(1)} s, ${((seconds * 1_000) / seeds).toFixed(0)} ms a seed)`,
  )
  return failures.length === 0 && !isIncomplete ? 0 : 1
}

async function findPlants(jobs: number): Promise<number> {
  let missed = 0
  for (const plant of readPlants()) {
    const { name, breaks } = plant
    // In the client's compiled code, or its process would end for another reason than its bug.
    try {
      planted(plant, readFileSync(compiledOf(plant), 'utf8'))
    } catch (error) {
      missed++
      console.log(error instanceof Error ? error.message : error)
      continue
    }
    const found: FromWorker[] = []
    let played = 0
    await playSeeds({
      from: 1,
      seeds: PLANT_SEEDS,
      jobs,
      plant: name,
      onResult: (result) => {
        played++
        if (result.findings.length > 0) found.push(result)
        return found.length > 0
      },
    })
    const [first] = found.toSorted((a, b) => a.seed - b.seed)
    const [finding] = first?.findings ?? []
    if (first === undefined || finding === undefined) {
      missed++
      console.log(`${name.padEnd(44)} NOT FOUND in ${played} seeds: ${breaks}`)
    } else {
      const { invariant, what } = finding
      console.log(
        `${name.padEnd(44)} seed ${String(first.seed).padStart(4)}  ${invariant.padEnd(8)} ${what.slice(0, 110)}`,
      )
    }
  }
  console.log(
    missed === 0 ? 'All planted bugs were found.' : `${missed} planted bugs were not found, or no longer apply.`,
  )
  return missed === 0 ? 0 : 1
}

function failure({ seed, hash, findings }: FromWorker, plant: string | undefined): string {
  const [first] = findings
  if (first === undefined) return ''
  const more = plant === undefined ? '' : ` --plant ${plant}`
  return [
    `seed ${seed} (${hash}), at ${first.atMs.toFixed(0)} ms: ${Invariant[first.invariant]}`,
    `  ${first.what}`,
    `  again: pnpm simulate --seed ${seed} --story${more}`,
  ].join('\n')
}

function table(tally: ReadonlyMap<string, number>): string {
  return [...tally]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([kind, times]) => `  ${kind.padEnd(44)}${String(times).padStart(9)}`)
    .join('\n')
}

function wholeNumber(name: string, given: string, least: number): number {
  const value = Number(given)
  if (!/^\d+$/.test(given) || !Number.isSafeInteger(value) || value < least) {
    throw new Error(`${name} takes a whole number from ${least} on, not '${given}'.`)
  }
  return value
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

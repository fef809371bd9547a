import { parseArgs } from 'node:util'
import { appKinds, containerKinds, type AppKind } from './apps/app.js'
import { containerModes } from './apps/container-app.js'
import { faultKinds } from './faults.js'
import { Invariant } from './findings.js'
import { huntPlants } from './plant-hunt.js'
import { readPlant, readPlants } from './plants.js'
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
  --apps KIND   all, or only these applications: container; default all
  --plants      instead: each planted bug (tools/simulation/plants) has to be found within 2000 seeds by an invariant that it names
  --plant NAME  the client with this bug in it; with --plants: look for this one alone
  --help`

/** From so many seeds on everything that can happen has to have happened. */
const FULL_RUN = 10_000
const SHOWN_FAILURES = 20

interface Settings {
  readonly from: number
  readonly seeds: number
  readonly jobs: number
  readonly story: boolean
  readonly plant: string | undefined
  readonly kinds: readonly AppKind[]
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
      apps: { type: 'string', default: 'all' },
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
  if (values.plants) return findPlants(jobs, values.plant)
  return simulate({
    from: wholeNumber('--from', values.seed ?? values.from, 0),
    seeds: values.seed === undefined ? wholeNumber('--seeds', values.seeds, 1) : 1,
    jobs,
    story: values.story,
    plant: values.plant,
    kinds: kindsNamed(values.apps),
  })
}

async function simulate({ from, seeds, jobs, story, plant, kinds }: Settings): Promise<number> {
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
    kinds,
    keepStory: story && seeds === 1,
    onResult: (result) => {
      done++
      for (const [kind, times] of result.tally) tally.set(kind, (tally.get(kind) ?? 0) + times)
      for (const line of result.lines) console.log(line)
      if (result.findings.length > 0) {
        failures.push(result)
        if (failures.length <= SHOWN_FAILURES) console.log(failure(result, plant, kinds))
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
  const absent = [
    ...faultKinds.map((kind) => `fault ${kind}`),
    ...kinds.map((kind) => `app ${kind}`),
    ...containerModes.map((mode) => `container in ${mode}`),
  ].filter((kind) => !tally.has(kind))
  const isIncomplete = seeds >= FULL_RUN && absent.length > 0
  if (isIncomplete) console.log(`Never occurred, so nothing is proved of it: ${absent.join('; ')}`)
  console.log(
    `${seeds} seeds from ${from}: ${seeds - failures.length} held, ${failures.length} failed (${seconds.toFixed(1)} s, ${((seconds * 1_000) / seeds).toFixed(0)} ms a seed)`,
  )
  return failures.length === 0 && !isIncomplete ? 0 : 1
}

async function findPlants(jobs: number, only: string | undefined): Promise<number> {
  const startedAt = performance.now()
  const plants = only === undefined ? readPlants() : [readPlant(only)]
  const missed = await huntPlants({ plants, jobs, tell: (line) => console.log(line) })
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
  console.log(
    missed === 0
      ? `All ${plants.length} planted bugs were found, each by an invariant that it names (${seconds} s).`
      : `${missed} of ${plants.length} planted bugs were not found by an invariant that they name, or no longer apply (${seconds} s).`,
  )
  return missed === 0 ? 0 : 1
}

function failure({ seed, hash, findings }: FromWorker, plant: string | undefined, kinds: readonly AppKind[]): string {
  const [first] = findings
  if (first === undefined) return ''
  const more = `${kinds === appKinds ? '' : ' --apps container'}${plant === undefined ? '' : ` --plant ${plant}`}`
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

function kindsNamed(name: string): readonly AppKind[] {
  if (name === 'all') return appKinds
  if (name === 'container') return containerKinds
  throw new Error(`--apps takes all or container, not '${name}'.`)
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

import { readFileSync } from 'node:fs'
import type { Finding } from './findings.js'
import { compiledOf, kindsOf, planted, sourceOf, type Plant } from './plants.js'
import { playSeeds } from './seed-pool.js'

// Looks for planted bugs: each has to be found by an invariant that it names.
//
// Rules kept here
// - Only the first finding of a seed counts, and only by an invariant that the plant names: whatever else a broken client does, a
//   crash above all, shows nothing of that invariant.
// - Seeds of one plant are played in order by one process, so the seed that finds it is the same each time; several plants are
//   looked for at once.

/** Within so many seeds a planted bug has to be found. */
const SEEDS = 2_000
/** A client whose process dies or hangs this often is broken outright. */
const MOST_UNPLAYED = 2

/** What is looked for, and with what; the defaults are the product. */
export interface PlantHunt {
  readonly plants: readonly Plant[]
  /** How many are looked for at once. */
  readonly jobs: number
  /** Told a line for each plant, in their order. */
  readonly tell: (line: string) => void
  readonly seeds?: number
  readonly play?: typeof playSeeds
  /** The texts that a plant has to occur in once each. */
  readonly codeOf?: (plant: Plant) => readonly string[]
}

/** How many of the plants no longer apply, or were not found. */
export async function huntPlants({
  plants,
  jobs,
  tell,
  seeds = SEEDS,
  play = playSeeds,
  codeOf = codeOfProduct,
}: PlantHunt): Promise<number> {
  const results: { readonly found: boolean; readonly line: string }[] = []
  let next = 0
  let toldTo = 0
  const hunter = async (): Promise<void> => {
    for (let at = next++; at < plants.length; at = next++) {
      const plant = plants[at]
      if (plant === undefined) return
      const fault = misfit(plant, codeOf)
      results[at] = fault === undefined ? await hunt(plant, seeds, play) : { found: false, line: fault }
      for (let result = results[toldTo]; result !== undefined; result = results[++toldTo]) tell(result.line)
    }
  }
  await Promise.all(Array.from({ length: jobs }, hunter))
  return results.filter(({ found }) => !found).length
}

function codeOfProduct(plant: Plant): readonly string[] {
  return [readFileSync(sourceOf(plant), 'utf8'), readFileSync(compiledOf(plant), 'utf8')]
}

/** Why a plant does not apply. */
function misfit(plant: Plant, codeOf: (plant: Plant) => readonly string[]): string | undefined {
  try {
    for (const code of codeOf(plant)) planted(plant, code)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function hunt(
  plant: Plant,
  seeds: number,
  play: typeof playSeeds,
): Promise<{ readonly found: boolean; readonly line: string }> {
  const { name, foundBy, breaks } = plant
  let found: { readonly seed: number; readonly finding: Finding } | undefined
  /** Findings that do not count, by invariant. */
  const others = new Map<string, number>()
  let played = 0
  await play({
    from: 1,
    seeds,
    jobs: 1,
    plant: name,
    kinds: kindsOf(plant),
    onResult: ({ seed, findings: [finding] }) => {
      played++
      if (finding === undefined) return false
      if (foundBy.includes(finding.invariant)) {
        found = { seed, finding }
        return true
      }
      others.set(finding.invariant, (others.get(finding.invariant) ?? 0) + 1)
      return (others.get('PLAYED') ?? 0) >= MOST_UNPLAYED
    },
  })
  const beside =
    others.size === 0 ? '' : `; not counted: ${[...others].map(([by, times]) => `${times} ${by}`).join(', ')}`
  const told = name.padEnd(36)
  if (found === undefined) {
    const line = `${told} NOT FOUND by ${foundBy.join(' or ')} in ${played} seeds (${breaks})${beside}`
    return { found: false, line }
  }
  const { seed, finding } = found
  const seen = `seed ${String(seed).padStart(4)}  ${finding.invariant.padEnd(8)}`
  return { found: true, line: `${told} ${seen} ${finding.what.slice(0, 110)}${beside}` }
}

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { appKinds, containerKinds, type AppKind } from './apps/app.js'
import { Invariant, type InvariantName } from './findings.js'

/** A bug that is put into the client's code when it is loaded, to see that the invariants find it. */
export interface Plant {
  readonly name: string
  /** The source file, from the root of the repository: `packages/client/src/…ts`. */
  readonly file: string
  /** Occurs exactly once in the source, and in what the compiler makes of it. */
  readonly text: string
  readonly replacement: string
  /** What it breaks, in one sentence. */
  readonly breaks: string
  /** The invariants one of which has to find it: a client that crashes or hangs shows no invariant biting. */
  readonly foundBy: readonly InvariantName[]
  /** It shows in containers: histories have no other applications. Bugs of the container itself need not say so. */
  readonly apps?: 'container'
}

const folder = new URL('../plants/', import.meta.url)
const root = new URL('../../../', import.meta.url)

/** All plants, by name. */
export function readPlants(): Plant[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .toSorted()
    .map((name) => {
      const plant = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Omit<Plant, 'name'>
      return checked({ ...plant, name: name.slice(0, -'.json'.length) })
    })
}

function checked(plant: Plant): Plant {
  const { name, foundBy } = plant
  if (foundBy.length > 0 && foundBy.every((each) => each in Invariant && each !== 'PLAYED')) return plant
  const possible = Object.keys(Invariant).filter((each) => each !== 'PLAYED')
  throw new Error(`The plant "${name}" has to name in "foundBy" which invariants find it, of ${possible.join(', ')}.`)
}

export function readPlant(name: string): Plant {
  const found = readPlants().find((plant) => plant.name === name)
  if (found === undefined) throw new Error(`There is no plant "${name}".`)
  return found
}

/** The applications of the histories in which it is looked for. */
export function kindsOf({ file, apps }: Plant): readonly AppKind[] {
  return apps === 'container' || file.startsWith('packages/container/') ? containerKinds : appKinds
}

/** Where the source of a plant lies. */
export function sourceOf({ file }: Plant): string {
  return fileURLToPath(new URL(file, root))
}

/** Where the compiler has put it. */
export function compiledOf({ file }: Plant): string {
  return fileURLToPath(new URL(file.replace('/src/', '/dist/').replace(/\.ts$/, '.js'), root))
}

/** The code with the plant in it. Throws where the text does not occur exactly once. */
export function planted({ name, file, text, replacement }: Plant, code: string): string {
  const times = code.split(text).length - 1
  if (times !== 1) {
    throw new Error(
      `The plant "${name}" no longer applies: its text occurs ${times} times in ${file}, and has to occur once.`,
    )
  }
  return code.replace(text, () => replacement)
}

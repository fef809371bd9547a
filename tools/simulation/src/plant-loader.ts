import type { InitializeHook, LoadHook } from 'node:module'
import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { compiledOf, planted, readPlant, type Plant } from './plants.js'

// Module hooks of Node, on the thread of its own that loads modules.

let plant: Plant | undefined
let target: string | undefined

export const initialize: InitializeHook<{ name: string }> = ({ name }) => {
  plant = readPlant(name)
  target = pathToFileURL(realpathSync(compiledOf(plant))).href
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  if (plant === undefined || url !== target) return loaded
  const { source } = loaded
  const code = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString()
  return { ...loaded, source: planted(plant, code) }
}

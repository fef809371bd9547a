import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root folder of this repository. */
export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url))

const generated = new Set(['node_modules', 'dist', 'target', 'golden', '.kafka', '.git', 'coverage'])

/** Every file under `folder` (a path from the root) that people write, as paths from the root, in order. */
export async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(join(repositoryRoot, folder), { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.isDirectory()) return generated.has(entry.name) ? [] : filesUnder(path)
      return entry.isFile() ? [path] : []
    }),
  )
  return found.flat().sort()
}

/** The text of a file, named by its path from the root. */
export function textOf(file: string): Promise<string> {
  return readFile(join(repositoryRoot, file), 'utf8')
}

/** A configuration file with comments, parsed. Only whole-line comments are understood, which is all that this repository uses. */
export async function configurationIn(file: string): Promise<unknown> {
  const text = await textOf(file)
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, ''))
}

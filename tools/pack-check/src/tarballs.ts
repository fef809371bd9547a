import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand, runPnpm } from './command.js'

/** The root folder of this repository. */
export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url))

/** What is read of a public package's package.json. */
interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, unknown>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** A public package, packed. */
export interface Tarball {
  readonly manifest: Manifest
  /** The absolute path of the .tgz file. */
  readonly path: string
  /** The paths inside it, without npm's leading `package/`. */
  readonly files: readonly string[]
  /** The names under which it can be imported, package.json left out. */
  readonly entries: readonly string[]
}

/** Packs every public package into `folder`, just as a release would. The packages have to be built already. */
export async function packPublicPackages(folder: string): Promise<Tarball[]> {
  await mkdir(folder, { recursive: true })
  await runPnpm(['--recursive', '--filter', './packages/*', 'pack', '--pack-destination', folder], repositoryRoot)
  const packed = await readdir(folder)
  const names = await readdir(join(repositoryRoot, 'packages'))
  const tarballs = await Promise.all(
    names.map(async (name): Promise<Tarball | undefined> => {
      const text = await readFile(join(repositoryRoot, 'packages', name, 'package.json'), 'utf8').catch(() => undefined)
      const manifest = text === undefined ? undefined : (JSON.parse(text) as Manifest)
      if (manifest === undefined || manifest.private === true) return undefined
      const file = `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`
      if (!packed.includes(file)) throw new Error(`pnpm pack made no ${file} of packages/${name}.`)
      const path = join(folder, file)
      const { stdout } = await runCommand('tar', ['-tzf', path], { cwd: folder })
      return {
        manifest,
        path,
        files: stdout.split('\n').flatMap((line) => (line.startsWith('package/') ? [line.slice(8)] : [])),
        entries: Object.keys(manifest.exports)
          .filter((entry) => entry !== './package.json')
          .map((entry) => manifest.name + entry.slice(1)),
      }
    }),
  )
  return tarballs.filter((tarball) => tarball !== undefined)
}

// `pnpm pack:check`: the packages, packed, are installed by plain npm in an empty folder; there example 01 is compiled and
// run on the embedded broker (and against the one that MILENA_BOOTSTRAP names), the command is asked for its help, and every
// entry point is loaded by import and by require().
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CheckList } from './check-list.js'
import { runCommand } from './command.js'
import { packPublicPackages, repositoryRoot } from './tarballs.js'
import type { Tarball } from './tarballs.js'

const example = join(repositoryRoot, 'examples/01-first-listener')

interface Dependencies {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

const dependenciesIn = async (file: string): Promise<Dependencies> =>
  JSON.parse(await readFile(file, 'utf8')) as Dependencies

/** What a stranger would type behind `npm install`: the tarballs, the peers they ask for, what the example adds, a compiler. */
async function whatToInstall(tarballs: readonly Tarball[]): Promise<string[]> {
  const root = await dependenciesIn(join(repositoryRoot, 'package.json'))
  const compiler = ['typescript', '@types/node'].map(
    (name) => [name, root.devDependencies?.[name] ?? 'latest'] as const,
  )
  const own = (await dependenciesIn(join(example, 'package.json'))).dependencies ?? {}
  const peers = tarballs.flatMap(({ manifest }) => Object.entries(manifest.peerDependencies ?? {}))
  const registry = new Map([...peers, ...Object.entries(own), ...compiler])
  const ours = new Set(tarballs.map(({ manifest }) => manifest.name))
  return [
    ...tarballs.map(({ path }) => path),
    ...[...registry].filter(([name]) => !ours.has(name)).map(([name, range]) => `${name}@${range}`),
  ]
}

async function compileAndRunExample(folder: string): Promise<string> {
  await cp(join(example, 'src'), join(folder, 'src'), { recursive: true })
  const compilerOptions = {
    target: 'ES2022',
    module: 'NodeNext',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    rootDir: 'src',
    outDir: 'dist',
    types: ['node'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }))
  await runCommand('npx', ['tsc', '-p', '.'], { cwd: folder })
  const { stdout } = await runCommand(process.execPath, ['dist/main.js'], {
    cwd: folder,
    env: { MILENA_BOOTSTRAP: '' },
  })
  console.log(stdout.trimEnd())
  const bootstrap = process.env['MILENA_BOOTSTRAP']
  if (bootstrap === undefined)
    return 'ran on the embedded broker; set MILENA_BOOTSTRAP=host:port for another one as well'
  const { stdout: other } = await runCommand(process.execPath, ['dist/main.js', '--bootstrap', bootstrap], {
    cwd: folder,
  })
  console.log(other.trimEnd())
  return `ran on the embedded broker and against ${bootstrap}`
}

async function askTheCommand(folder: string): Promise<void> {
  const { stdout } = await runCommand('npx', ['milena-broker', '--help'], { cwd: folder })
  if (!stdout.includes('Usage: milena-broker')) throw new Error(`It said:\n${stdout}`)
}

/** Loads every entry point both ways and compares: require() has to give the same names as import. */
async function loadEveryEntry(folder: string, tarballs: readonly Tarball[]): Promise<string> {
  const entries = tarballs.flatMap((tarball) => tarball.entries)
  const script = `
    const entries = ${JSON.stringify(entries)}
    const load = async () => {
      for (const entry of entries) {
        const required = Object.keys(require(entry)).filter((name) => name !== '__esModule')
        const imported = Object.keys(await import(entry))
        const missing = imported.filter((name) => !required.includes(name))
        if (imported.length === 0) throw new Error(entry + ' exports nothing.')
        if (missing.length > 0) throw new Error('require("' + entry + '") lacks ' + missing.join(', '))
      }
    }
    load().catch((error) => { console.error(error); process.exitCode = 1 })`
  await writeFile(join(folder, 'load.cjs'), script)
  const { stderr } = await runCommand(process.execPath, ['load.cjs'], { cwd: folder })
  if (stderr.trim() !== '') throw new Error(`Loading the packages wrote to stderr:\n${stderr}`)
  return entries.join(', ')
}

/** CommonJS TypeScript that imports every entry point type-checks too. */
async function compileCommonJs(folder: string, tarballs: readonly Tarball[]): Promise<void> {
  const entries = tarballs.flatMap((tarball) => tarball.entries)
  const lines = entries.map(
    (entry, i) => `import entry${i} = require('${entry}')\nexport const names${i} = Object.keys(entry${i})\n`,
  )
  await writeFile(join(folder, 'commonjs.cts'), lines.join(''))
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', strict: true, noEmit: true, types: ['node'] }
  await writeFile(join(folder, 'tsconfig.commonjs.json'), JSON.stringify({ compilerOptions, files: ['commonjs.cts'] }))
  await runCommand('npx', ['tsc', '-p', 'tsconfig.commonjs.json'], { cwd: folder })
}

async function main(): Promise<void> {
  const packages = await mkdtemp(join(tmpdir(), 'milena-packages-'))
  const folder = await mkdtemp(join(tmpdir(), 'milena-stranger-'))
  const checks = new CheckList()
  try {
    const tarballs = await packPublicPackages(packages)
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }))
    await checks.check('npm installs the packed packages in an empty folder', async () => {
      await runCommand('npm', ['install', '--no-audit', '--no-fund', ...(await whatToInstall(tarballs))], {
        cwd: folder,
      })
      return `${(await readdir(join(folder, 'node_modules'))).length} folders in node_modules`
    })
    await checks.check('every entry point loads by import and by require()', () => loadEveryEntry(folder, tarballs))
    await checks.check('CommonJS TypeScript compiles against them', () => compileCommonJs(folder, tarballs))
    await checks.check('milena-broker is a command there', () => askTheCommand(folder))
    await checks.check('example 01 compiles and runs on them', () => compileAndRunExample(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(packages, { recursive: true, force: true })
  }
  checks.close()
}

await main()

import { transform as swc } from '@swc/core'
import { transform as esbuild } from 'esbuild'
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const packages = join(here, '../../..')
/** Beside node_modules, so that what is compiled finds its imports. Nothing in it is kept. */
const output = join(here, '../../target/compilers')
const run = promisify(execFile)

/** Where the sources of the packages are, for compilers that know `paths`. */
const paths = {
  '@milena/protocol': [join(packages, 'protocol/src/index.ts')],
  '@milena/protocol/runtime': [join(packages, 'protocol/src/runtime/index.ts')],
  '@milena/client': [join(packages, 'client/src/index.ts')],
  '@milena/client/internal': [join(packages, 'client/src/internal.ts')],
  '@milena/container': [join(packages, 'container/src/index.ts')],
  '@milena/decorators': [join(packages, 'decorators/src/index.ts')],
}

/** Compiles the sample file and gives the path of what came out. */
export type Compiler = () => Promise<string>

const sample = join(here, 'sample-listeners.ts')

/** tsc, with the options that the README asks for. */
export const withTsc: Compiler = async () => {
  const folder = await emptied('tsc')
  const project = join(folder, 'tsconfig.json')
  await writeFile(
    project,
    JSON.stringify({
      extends: relative(folder, join(packages, '../tsconfig.base.json')),
      compilerOptions: {
        ...{ composite: false, declaration: false, declarationMap: false, sourceMap: false },
        ...{ experimentalDecorators: true, emitDecoratorMetadata: true },
        ...{ rootDir: here, outDir: folder, noCheck: true, paths: {} },
      },
      files: [sample],
    }),
  )
  await run(process.execPath, [join(dirname(resolved('typescript/package.json')), 'bin/tsc'), '-p', project])
  return join(folder, 'sample-listeners.js')
}

/** swc, with legacyDecorator and decoratorMetadata. */
export const withSwc: Compiler = async () => {
  const { code } = await swc(await readFile(sample, 'utf8'), {
    filename: sample,
    swcrc: false,
    module: { type: 'es6' },
    jsc: {
      target: 'es2022',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
  })
  return written('swc', code)
}

/** esbuild, which knows the decorators and never emits metadata. */
export const withEsbuild: Compiler = async () => {
  const { code } = await esbuild(await readFile(sample, 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  })
  return written('esbuild', code)
}

/** The sample as it is: vitest compiles it itself. */
export const withVitest: Compiler = () => Promise.resolve(sample)

/** Runs tsx-main.ts with tsx, in a process of its own, and gives what it printed. */
export async function runWithTsx(...args: readonly string[]): Promise<string> {
  const project = join(await emptied('tsx'), 'tsconfig.json')
  await writeFile(
    project,
    JSON.stringify({
      compilerOptions: { target: 'es2022', module: 'nodenext', experimentalDecorators: true, paths },
      include: [join(packages, '**/*')],
    }),
  )
  const { stdout } = await run(process.execPath, ['--import', resolved('tsx'), join(here, 'tsx-main.ts'), ...args], {
    env: { ...process.env, TSX_TSCONFIG_PATH: project },
    timeout: 60_000,
  })
  return stdout
}

function resolved(specifier: string): string {
  return createRequire(import.meta.url).resolve(specifier)
}

async function emptied(name: string): Promise<string> {
  const folder = join(output, name)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return folder
}

async function written(name: string, code: string): Promise<string> {
  const file = join(await emptied(name), 'sample-listeners.js')
  await writeFile(file, code)
  return file
}

import * as client from '@milena/client'
import * as container from '@milena/container'
import { transform as swc } from '@swc/core'
import { transform as esbuild } from 'esbuild'
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compileFunction } from 'node:vm'
import * as zod from 'zod'
import * as decorators from '../../src/index.js'

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

/** The files that are compiled, and what they export. */
export interface Samples {
  readonly 'sample-listeners': typeof import('./sample-listeners.js')
  readonly 'sample-type-imports': typeof import('./sample-type-imports.js')
}

const SAMPLES = ['sample-listeners', 'sample-type-imports'] as const satisfies readonly (keyof Samples)[]

/** Compiles a sample, and loads what came out. */
export type Compiler = <S extends keyof Samples>(sample: S) => Promise<Samples[S]>

/** The releases of tsc that are tried: the oldest that the README names, and the newest. */
export type TypeScriptPackage = 'typescript-5' | 'typescript'

/**
 * tsc, with the options that the README asks for, run once for all samples. It knows the packages as they were built, as it does for whoever
 * uses them.
 */
export function withTsc(typescript: TypeScriptPackage, type: 'module' | 'commonjs'): Compiler {
  let made: Promise<string> | undefined
  return async (sample) => {
    made ??= compiledByTsc(typescript, type)
    const compiled = join(await made, `${sample}.js`)
    return type === 'module' ? await import(compiled) : await required(compiled)
  }
}

async function compiledByTsc(typescript: TypeScriptPackage, type: 'module' | 'commonjs'): Promise<string> {
  const folder = await emptied(`${typescript}-${type}`)
  const files = SAMPLES.map((sample) => `${sample}.ts`)
  for (const file of files) await copyFile(join(here, file), join(folder, file))
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type }))
  const project = join(folder, 'tsconfig.json')
  await writeFile(
    project,
    JSON.stringify({
      extends: relative(folder, join(packages, '../tsconfig.base.json')),
      compilerOptions: {
        ...{ composite: false, declaration: false, declarationMap: false, sourceMap: false },
        ...{ experimentalDecorators: true, emitDecoratorMetadata: true, verbatimModuleSyntax: type === 'module' },
        ...{ rootDir: folder, paths: { '@milena/decorators': [join(packages, 'decorators/dist/index.d.ts')] } },
      },
      files,
    }),
  )
  const tsc = join(dirname(resolved(`${typescript}/package.json`)), 'bin/tsc')
  await run(process.execPath, [tsc, '-p', project]).catch((error: { readonly stdout: string }) => {
    throw new Error(`${typescript} refused the samples: ${error.stdout}`)
  })
  return folder
}

/** swc, with legacyDecorator and decoratorMetadata. */
export function withSwc(type: 'es6' | 'commonjs'): Compiler {
  return async (sample) => {
    const filename = sourceOf(sample)
    const { code } = await swc(await readFile(filename, 'utf8'), {
      filename,
      swcrc: false,
      module: { type },
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true },
      },
    })
    const compiled = await written(`swc-${type}-${sample}`, code)
    return type === 'es6' ? await import(compiled) : await required(compiled)
  }
}

/** esbuild, which knows the decorators and never emits metadata. */
export const withEsbuild: Compiler = async (sample) => {
  const { code } = await esbuild(await readFile(sourceOf(sample), 'utf8'), {
    loader: 'ts',
    format: 'esm',
    target: 'es2022',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
  })
  return await import(await written(`esbuild-${sample}`, code))
}

/** The sample as it is: vitest compiles it itself. */
export const withVitest: Compiler = async (sample) => await import(sourceOf(sample))

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

/** Runs a CommonJS file with the packages that the tests run with: Node's own require() would load them a second time. */
async function required<S extends keyof Samples>(file: string): Promise<Samples[S]> {
  const known = new Map<string, unknown>([
    ['@milena/client', client],
    ['@milena/container', container],
    ['@milena/decorators', decorators],
    ['zod', zod],
  ])
  const exports = {}
  const load = compileFunction(await readFile(file, 'utf8'), ['exports', 'require'], { filename: file })
  load(exports, (specifier: string) => {
    if (!known.has(specifier)) throw new Error(`${file} requires ${specifier}, which is not provided.`)
    return known.get(specifier)
  })
  return exports as Samples[S]
}

function sourceOf(sample: keyof Samples): string {
  return join(here, `${sample}.ts`)
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
  const file = join(await emptied(name), 'compiled.js')
  await writeFile(file, code)
  return file
}

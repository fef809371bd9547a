import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

// The settings of `pnpm api-docs` on a package of one file. That the packages themselves pass is a step of .ci/run.

const settings = fileURLToPath(new URL('../typedoc.json', import.meta.url))
const typedoc = join(createRequire(import.meta.url).resolve('typedoc/package.json'), '../bin/typedoc')
// typedoc reads all of TypeScript: seconds of processor time, and many more on a machine that has other things to do.
vi.setConfig({ testTimeout: 120_000 })

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'milena-api-docs-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

async function referenceOf(source: string): Promise<{ output: string; exitCode: number | null }> {
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'sample', type: 'module' }))
  await writeFile(join(folder, 'index.ts'), source)
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { module: 'nodenext', target: 'es2022', types: [] }, files: ['index.ts'] }),
  )
  const options = {
    extends: [settings],
    entryPoints: ['index.ts'],
    tsconfig: 'tsconfig.json',
    readme: 'none',
    out: 'html',
  }
  await writeFile(join(folder, 'typedoc.json'), JSON.stringify(options))
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [typedoc, '--options', join(folder, 'typedoc.json')], { cwd: folder })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ output, exitCode }))
  })
}

it('is made of declarations that are documented, and whose links lead somewhere', async () => {
  const { output, exitCode } = await referenceOf(
    '/** One. */\nexport const one = 1\n/** Like {@link one}. */\nexport const two = 2\n',
  )
  expect(exitCode, output).toBe(0)
})

it('fails on broken links, on what has no comment and on types that are not exported, and names each', async () => {
  const { output, exitCode } = await referenceOf(`
    interface Hidden { readonly a: 1 }
    /** Like {@link Nowhere}. */
    export function linking(given: Hidden): Hidden { return given }
    export function silent(): void {}
  `)
  for (const name of ['Hidden', 'Nowhere', 'silent']) expect(output).toContain(name)
  expect(exitCode, output).not.toBe(0)
})

it('fails on a decorator that would be taken for a tag', async () => {
  const { output, exitCode } = await referenceOf(
    '/** What @Header gives; in a comment that is `@Header`. */\nexport const one = 1\n',
  )
  expect(output).toContain('unknown block tag @Header')
  expect(exitCode, output).not.toBe(0)
})

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { anchorsIn, compilerOptionsIn, localLinksIn, snippetsIn } from '../src/documents.js'
import { filesUnder, repositoryRoot, textOf } from '../src/repository.js'

const documents = (await filesUnder('')).filter((file) => file.endsWith('.md') && !file.includes('/golden/'))
// The documents that users read. What stands in those of tools/ is for contributors, and has no import lines.
const forUsers = documents.filter((file) => !file.startsWith('tools/') && !file.startsWith('benchmarks/'))
const withCode = (
  await Promise.all(forUsers.map(async (file) => [file, snippetsIn(await textOf(file))] as const))
).filter(([, snippets]) => snippets.length > 0)
// Inside the repository, so that `@milena/...` and the libraries that documents mention resolve as they do for a user.
const workspace = join(repositoryRoot, 'tools/repo-checks/target/snippets')
const errors: string[] = []

const folderOf = (document: string): string => document.replaceAll('/', '-').replace(/\.md$/, '')

function node(...words: string[]): Promise<{ output: string; exitCode: number | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { cwd: workspace })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ output, exitCode }))
  })
}

/** Blocks that are tests for Node's own runner, as paths of their compiled files. */
const testsToRun = withCode.flatMap(([document, snippets]) =>
  snippets.flatMap(({ name, code }) =>
    name?.endsWith('.test.ts') === true && code.includes(`from 'node:test'`)
      ? [[`${document}: ${name}`, `dist/${folderOf(document)}/${name.replace(/ts$/, 'js')}`] as const]
      : [],
  ),
)

beforeAll(async () => {
  await rm(workspace, { recursive: true, force: true })
  for (const [document, snippets] of withCode) {
    const folder = join(workspace, folderOf(document))
    await mkdir(folder, { recursive: true })
    for (const { line, name, code } of snippets) {
      await writeFile(join(folder, name ?? `line-${line}.ts`), `${code}\nexport {}\n`)
    }
  }
  // As users compile, who have the DOM's names besides Node's, with what the strictest of them add.
  const compilerOptions = {
    ...compilerOptionsIn(await textOf('docs/guide/getting-started.md')),
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    rootDir: '.',
    outDir: 'dist',
  }
  await writeFile(
    join(workspace, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['.'], exclude: ['dist'] }),
  )
  await writeFile(join(workspace, 'package.json'), JSON.stringify({ type: 'module' }))
  const { output } = await node(join(repositoryRoot, 'node_modules/typescript/bin/tsc'), '-p', '.', '--pretty', 'false')
  errors.push(...output.split('\n').filter((line) => line.trim() !== ''))
}, 120_000)

afterAll(async () => {
  await rm(workspace, { recursive: true, force: true })
})

describe('the code in the documents', () => {
  it.each(withCode.map(([document]) => document))('of %s compiles', (document) => {
    const folder = folderOf(document)
    expect(errors.filter((line) => line.startsWith(`${folder}/`))).toEqual([])
  })

  it('is checked by a compiler that ran', () => {
    const folders = withCode.map(([document]) => `${folderOf(document)}/`)
    expect(
      errors.filter((line) => !folders.some((folder) => line.startsWith(folder)) && !line.startsWith(' ')),
    ).toEqual([])
  })
})

describe('the tests in the documents', () => {
  it.each(testsToRun)('%s passes', async (_name, file) => {
    const { output, exitCode } = await node('--test', file)
    expect(output).toMatch(/^# fail 0$|^ℹ fail 0$/m)
    expect(exitCode, output).toBe(0)
  })

  it('are found', () => {
    expect(testsToRun.length).toBeGreaterThan(5)
  })
})

describe('the links in the documents', () => {
  it.each(documents)('of %s lead somewhere', async (document) => {
    const broken: string[] = []
    for (const { target, anchor } of localLinksIn(document, await textOf(document))) {
      if (!existsSync(join(repositoryRoot, target))) broken.push(target)
      else if (anchor !== undefined && target.endsWith('.md') && !anchorsIn(await textOf(target)).has(anchor)) {
        broken.push(`${target}#${anchor}`)
      }
    }
    expect(broken).toEqual([])
  })
})

describe('snippetsIn', () => {
  it('finds TypeScript blocks, their lines and the files they name', () => {
    const markdown = 'Text\n\n```ts a.ts\nconst a = 1\n```\n\n```sh\nnpm test\n```\n\n```ts\nconst b = 2\n```\n'
    expect(snippetsIn(markdown)).toEqual([
      { line: 4, name: 'a.ts', code: 'const a = 1\n' },
      { line: 12, name: undefined, code: 'const b = 2\n' },
    ])
  })
})

describe('compilerOptionsIn', () => {
  it('takes them from the block that is a tsconfig.json', () => {
    const markdown = '```json\n{ "name": "a" }\n```\n\n```json\n{ "compilerOptions": { "strict": true } }\n```\n'
    expect(compilerOptionsIn(markdown)).toEqual({ strict: true })
  })

  it('does not go on without', () => {
    expect(() => compilerOptionsIn('No code.\n')).toThrow(/tsconfig/)
  })
})

describe('localLinksIn', () => {
  it('resolves links against their document and leaves the web alone', () => {
    const markdown = '[a](../README.md#why) [b](https://kafka.apache.org) [c](#here)'
    expect(localLinksIn('docs/guide.md', markdown)).toEqual([
      { target: 'README.md', anchor: 'why' },
      { target: 'docs/guide.md', anchor: 'here' },
    ])
  })
})

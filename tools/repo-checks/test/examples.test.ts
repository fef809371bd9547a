import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { configurationIn, filesUnder, repositoryRoot, textOf } from '../src/repository.js'

const files = await filesUnder('examples')
const folders = [...new Set(files.flatMap((file) => /^examples\/(\d\d-[a-z-]+)\//.exec(file)?.[1] ?? []))].sort()

describe('The examples', () => {
  it('are numbered without a gap', () => {
    expect(folders.map((folder) => Number(folder.slice(0, 2)))).toEqual(folders.map((_, index) => index + 1))
    expect(folders.length).toBeGreaterThanOrEqual(11)
  })

  it.each(folders)('%s: is listed, built, and says what it prints and what it shows', async (folder) => {
    expect(await textOf('examples/README.md')).toContain(`[${folder}](${folder})`)
    const { references } = (await configurationIn('tsconfig.json')) as { readonly references: { path: string }[] }
    expect(references.map(({ path }) => path)).toContain(`examples/${folder}`)
    expect(files).toContain(`examples/${folder}/expected-output.txt`)
    expect(JSON.parse(await textOf(`examples/${folder}/package.json`))).toMatchObject({
      name: `@milena/example-${folder}`,
      private: true,
      description: expect.stringMatching(/.{20}/),
    })
  })
})

// Two of them as they are built, by the commands that their README names; `pnpm examples` runs all.

async function run(...words: string[]): Promise<{ output: string; exitCode: number | null }> {
  const { MILENA_BOOTSTRAP: _, ...env } = process.env
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, words, { cwd: repositoryRoot, env })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (exitCode) => resolve({ output, exitCode }))
  })
}

describe('The examples run without a Kafka', () => {
  it('01-first-listener: every order ends as it should', async () => {
    const { output, exitCode } = await run(join('examples', '01-first-listener', 'dist', 'main.js'))
    expect(output).toMatch(/accepted +9,900/)
    expect(exitCode, output).toBe(0)
  })

  it('11-testing-a-listener: all its tests pass', async () => {
    const { output, exitCode } = await run(
      '--test',
      join('examples', '11-testing-a-listener', 'dist', 'payment-listener.test.js'),
    )
    expect(output).toMatch(/pass 5\n/)
    expect(exitCode, output).toBe(0)
  })
})

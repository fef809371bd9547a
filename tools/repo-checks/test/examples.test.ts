import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '../src/repository.js'

// The examples as they are built, by the commands that their README names.

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

  it('02-testing-a-listener: all its tests pass', async () => {
    const { output, exitCode } = await run(
      '--test',
      join('examples', '02-testing-a-listener', 'dist', 'payment-listener.test.js'),
    )
    expect(output).toMatch(/pass 5\n/)
    expect(exitCode, output).toBe(0)
  })
})

import { spawn } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../src/repository.js'

// .ci/run as it is, in a folder of its own, with an npx, an npm and a newer Node that only pretend.
let folder: string

/** What the pretended commands do: the first pattern that a command line contains decides. */
type Script = readonly (readonly [contains: string, output: string, exitCode: number])[]

const everythingPasses: Script = [
  ['process.execPath', '$NEWER', 0],
  ['pnpm@10 test', '40 passed, 0 failed', 0],
  ['run pack:check', '4 passed, 0 failed', 0],
  ['run examples --bootstrap', '10 passed, 0 failed', 0],
  ['run examples', '11 passed, 0 failed', 0],
  ['run kafka:up', 'Kafka runs on 127.0.0.1:29092. Stop it with: npx -y pnpm@10 kafka:down', 0],
]

async function program(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, ['#!/usr/bin/env bash', ...lines, ''].join('\n'))
  await chmod(path, 0o755)
}

async function ciRun(script: Script): Promise<{ output: string; lastLine: string; exitCode: number | null }> {
  const newer = join(folder, 'newer/node')
  await program(newer, ['if [ "$1" = --version ]; then echo v24.1.0; else echo "7 passed, 0 failed"; fi'])
  const cases = script.map(
    ([contains, output, exitCode]) =>
      `*${JSON.stringify(contains)}*) echo "${output.replace('$NEWER', newer)}"; exit ${exitCode};;`,
  )
  await program(join(folder, 'bin/npx'), [
    `echo "$*" >>${JSON.stringify(join(folder, 'commands'))}`,
    'case "$*" in',
    ...cases,
    'esac',
  ])
  await program(join(folder, 'bin/npm'), ['echo "no registry"; exit 1'])
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [join(folder, '.ci/run')], {
      env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`, CI: 'true' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.once('error', reject)
    child.once('close', (exitCode) =>
      resolve({ output, lastLine: output.trimEnd().split('\n').at(-1) ?? '', exitCode }),
    )
  })
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'milena-ci-'))
  await Promise.all(['.ci', 'bin', 'newer'].map((name) => mkdir(join(folder, name))))
  await cp(join(repositoryRoot, '.ci/run'), join(folder, '.ci/run'))
})

afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

describe('.ci/run', () => {
  it('adds up the tests and the other checks in its last line', async () => {
    const { lastLine, exitCode, output } = await ciRun(everythingPasses)
    // 40 tests, 21 runs of examples, 4 checks of the packed packages, 2 runs of 7 on the newer Node, and 10 steps that count as one.
    expect(lastLine, output).toBe('89 passed, 0 failed')
    expect(exitCode).toBe(0)
  })

  it('goes on after a check that fails, and fails in the end', async () => {
    const { output, lastLine, exitCode } = await ciRun([['run lint', 'a promise floats', 3], ...everythingPasses])
    expect(output).toContain('=== lint: FAILED with exit code 3')
    expect(lastLine).toBe('88 passed, 1 failed')
    expect(exitCode).toBe(1)
  })

  it('fails when tests failed, whatever the test command exits with', async () => {
    const { lastLine, exitCode } = await ciRun([['pnpm@10 test', '38 passed, 2 failed', 0], ...everythingPasses])
    expect(lastLine).toBe('87 passed, 2 failed')
    expect(exitCode).toBe(1)
  })

  it('fails when the test command dies after its count', async () => {
    const { lastLine, exitCode } = await ciRun([['pnpm@10 test', '40 passed, 0 failed', 139], ...everythingPasses])
    expect(lastLine).toBe('89 passed, 1 failed')
    expect(exitCode).toBe(1)
  })

  it('ends at once when nothing can be installed', async () => {
    const { output, lastLine, exitCode } = await ciRun([['install', 'no registry', 1]])
    expect(output).not.toContain('=== build')
    expect(lastLine).toBe('0 passed, 1 failed')
    expect(exitCode).toBe(1)
  })

  it('fails when a newer Node cannot be had', async () => {
    const { output, exitCode } = await ciRun([['process.execPath', '', 1], ...everythingPasses])
    expect(output).toContain('Node 24 could not be had from npm')
    expect(exitCode).toBe(1)
  })
})

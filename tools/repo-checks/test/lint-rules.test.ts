import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { honestFiles, plantedViolations } from '../src/planted-violations.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const findings = new Map<string, string[]>()
let workspace: string

/** What oxlint's JSON report is read for. */
interface LintReport {
  readonly diagnostics: readonly { readonly filename: string; readonly code: string }[]
}

function runLinter(): Promise<string> {
  return new Promise((resolve, reject) => {
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint')
    execFile(
      process.execPath,
      [oxlint, '--format', 'json'],
      { cwd: workspace, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        // With violations oxlint exits 1; anything it could not report is a failure of this test.
        if (error !== null && error.code !== 1) reject(new Error(`oxlint failed: ${stderr}${stdout}`, { cause: error }))
        else resolve(stdout)
      },
    )
  })
}

beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'milena-lint-'))
  await cp(join(root, '.oxlintrc.json'), join(workspace, '.oxlintrc.json'))
  await cp(join(root, 'tsconfig.base.json'), join(workspace, 'tsconfig.base.json'))
  await symlink(join(root, 'node_modules'), join(workspace, 'node_modules'), 'dir')
  const files = [...plantedViolations.map(({ file, code }) => [file, code] as const), ...Object.entries(honestFiles)]
  const projects = new Set<string>()
  for (const [file, code] of files) {
    const path = join(workspace, file)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, code)
    projects.add(file.split('/').slice(0, 2).join('/'))
  }
  for (const project of projects) {
    const config = { extends: '../../tsconfig.base.json', compilerOptions: { noEmit: true }, include: ['.'] }
    await writeFile(join(workspace, project, 'tsconfig.json'), JSON.stringify(config))
  }
  const report = JSON.parse(await runLinter()) as LintReport
  for (const { filename, code } of report.diagnostics) {
    const path = filename.replaceAll('\\', '/')
    findings.set(path, [...(findings.get(path) ?? []), code])
  }
}, 60_000)

afterAll(async () => {
  await rm(workspace, { recursive: true, force: true })
})

describe('the linter', () => {
  it.each(plantedViolations)('refuses it when $mistake', ({ file, rule }) => {
    expect(findings.get(file) ?? []).toContain(rule)
  })

  it.each(Object.keys(honestFiles))('has nothing against %s, which keeps the rules', (file) => {
    expect(findings.get(file) ?? []).toEqual([])
  })
})

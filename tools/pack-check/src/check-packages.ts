// `pnpm check:packages`: what would be published is complete, and its types resolve for those who import it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CheckList } from './check-list.js'
import { runCommand } from './command.js'
import { packPublicPackages } from './tarballs.js'

const bin = (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url))

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'milena-packages-'))
  const checks = new CheckList()
  try {
    for (const { manifest, path, files } of await packPublicPackages(folder)) {
      await checks.check(`${manifest.name} holds what it should, and nothing else`, async () => {
        const missing = ['README.md', 'LICENSE', 'package.json', 'dist/index.js', 'dist/index.d.ts'].filter(
          (file) => !files.includes(file),
        )
        const stray = files.filter((file) => !/^(dist\/|src\/|README\.md$|LICENSE$|package\.json$)/.test(file))
        if (missing.length > 0) throw new Error(`Missing: ${missing.join(', ')}`)
        if (stray.length > 0) throw new Error(`Not meant to be published: ${stray.join(', ')}`)
        return `${files.length} files`
      })
      await checks.check(`${manifest.name} passes publint`, async () => {
        await runCommand(bin('publint'), ['run', path, '--strict'], { cwd: folder })
      })
      // The packages are ES modules only. CommonJS code loads them with require(), which Node does from 20.19 on, and
      // TypeScript allows it in `module: nodenext`: so "resolves to ESM" is what we mean, and the one rule left out.
      // node10 (TypeScript's resolution without `exports`) is not supported: no Node that we run on works like that.
      await checks.check(`${manifest.name} has types that resolve (attw)`, async () => {
        await runCommand(bin('attw'), [path, '--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'], {
          cwd: folder,
        })
      })
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  checks.close()
}

await main()

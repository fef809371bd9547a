#!/usr/bin/env node
import { existsSync } from 'node:fs'

const built = new URL('./dist/cli.js', import.meta.url)
if (existsSync(built)) {
  await import(built.href)
} else {
  console.error('This tool is not built: run `pnpm build` first.')
  process.exitCode = 1
}

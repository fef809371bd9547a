import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const packageFolder = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url))

/** Other processes run the compiled form, so it must be that of the sources under test. */
export async function compileKafkaTools(): Promise<void> {
  await promisify(execFile)(process.execPath, [tsc, '-b', packageFolder])
}

/** A file of the compiled form. */
export function compiled(file: string): string {
  return fileURLToPath(new URL(`../dist/${file}`, import.meta.url))
}

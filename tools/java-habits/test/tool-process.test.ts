import { spawn } from 'node:child_process'
import { expect, it } from 'vitest'

const built = new URL('../dist/index.js', import.meta.url).href

/** Complains, and goes on with what it does; its standard error comes from outside. */
const tool = `
import { runAsProcess } from '${built}'
runAsProcess(async (_, host) => {
  await new Promise((resolve) => process.stdin.once('data', resolve))
  host.complain('something is wrong')
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  host.print('done')
  return 3
})`

it('A tool goes on when nobody reads its complaints any more', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', tool])
  child.stderr.destroy()
  child.stdin.write('go')
  let output = ''
  child.stdout.on('data', (data) => (output += String(data)))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect([code, output]).toEqual([3, 'done\n'])
})

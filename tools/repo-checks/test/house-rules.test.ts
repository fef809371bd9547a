import { describe, expect, it } from 'vitest'
import { brokenHouseRules } from '../src/house-rules.js'
import { filesUnder, textOf } from '../src/repository.js'

describe('the house rules', () => {
  it.each([
    ['a suppressed lint rule', 'packages/client/src/a.ts', '// oxlint-' + 'disable-next-line no-console'],
    ['a suppressed type error', 'packages/client/test/a.test.ts', '// @ts-' + 'ignore'],
    ['a line hidden from coverage', 'packages/client/src/a.ts', '/* v8 ' + 'ignore next */'],
    ['an enum', 'packages/client/src/a.ts', 'export const ' + 'enum Side { Left }'],
    ['a clock read through new Date()', 'packages/container/src/a.ts', 'const at = new ' + 'Date()'],
    ['a file that is named after nothing', 'packages/client/src/utils.ts', ''],
    ['a folder that is named after nothing', 'packages/client/src/helpers/buffer.ts', ''],
  ])('refuse %s', (_what, file, text) => {
    expect(brokenHouseRules(file, text)).toHaveLength(1)
  })

  it('let plain code pass', () => {
    expect(brokenHouseRules('packages/client/src/config.ts', 'const at = new Date(5)\n// an enumeration\n')).toEqual([])
  })

  it('are kept by every source file of the repository', async () => {
    const folders = await Promise.all(['packages', 'tools', 'examples', 'benchmarks'].map(filesUnder))
    const sources = folders.flat().filter((file) => /\.[cm]?[jt]s$/.test(file))
    const broken = await Promise.all(sources.map(async (file) => brokenHouseRules(file, await textOf(file))))
    expect(sources.length).toBeGreaterThan(0)
    expect(broken.flat()).toEqual([])
  })
})

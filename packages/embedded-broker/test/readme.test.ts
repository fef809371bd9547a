import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { EmbeddedBroker } from '@milena/embedded-broker'
import { apiRange } from '../src/api-versions-by-release.js'
import { allHandlers } from '../src/handlers/all-handlers.js'
import { kafkaVersions, versionProfile } from '../src/version-profile.js'

// The README tells users what is served and which options there are: neither may go stale.

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

/** The rows of the table behind a line of the README, without the spaces that only align it. */
function tableBehind(line: string): string[] {
  const [, rest = ''] = readme.split(line)
  const [table = ''] = rest.trimStart().split('\n\n')
  return table
    .split('\n')
    .slice(2)
    .map((row) => row.replaceAll(/\s+/g, ' '))
}

/** As `3-13`, or `0` for a single one. */
function versions(minVersion: number, maxVersion: number): string {
  return minVersion === maxVersion ? String(minVersion) : `${minVersion}-${maxVersion}`
}

describe('The README', () => {
  it('lists every API that is served, with its versions in each release', () => {
    const rows = allHandlers
      .map(({ api }) => api)
      .toSorted((a, b) => a.key - b.key)
      .map((api) => {
        const highest = kafkaVersions.map((version) => apiRange(versionProfile(version), api)?.maxVersion ?? -1)
        const earlier = kafkaVersions.flatMap((version, i) =>
          highest[i] !== highest.at(-1) && highest[i] !== highest[i + 1] ? [`${highest[i]} up to ${version}`] : [],
        )
        return `| ${api.key} | ${api.name} | ${versions(api.minVersion, api.maxVersion)} | ${earlier.join(', ')} |`.replace(
          '|  |',
          '| |',
        )
      })
    expect(tableBehind('<!-- Held against the code by test/readme.test.ts. -->')).toEqual(rows)
  })

  it('names every option', async () => {
    const refused = await EmbeddedBroker.start({ nonsense: true } as object).catch((error: unknown) => error as Error)
    const [, names = ''] = /It has: ([^.]+)\./.exec((refused as Error).message) ?? []
    expect(names.split(', ').length).toBeGreaterThan(10)
    const [, section = ''] = readme.split('\n## Options\n')
    const [options = ''] = section.split('\n## ')
    expect(names.split(', ').filter((name) => !options.includes(`\`${name}\``))).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { configurationIn, filesUnder, textOf } from '../src/repository.js'

interface SolutionConfig {
  readonly references: readonly { readonly path: string }[]
}
interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly license?: string
  readonly type?: string
  readonly engines?: { readonly node?: string }
  readonly files?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const allFiles = await filesUnder('')
const referencesOf = async (config: string): Promise<string[]> =>
  ((await configurationIn(config)) as SolutionConfig).references.map(({ path }) => path.replace(/^\.\//, ''))
const manifests = await Promise.all(
  allFiles
    .filter((file) => /^packages\/[^/]+\/package\.json$/.test(file))
    .map(async (file) => ({
      folder: file.replace(/\/package\.json$/, ''),
      ...(JSON.parse(await textOf(file)) as Manifest),
    })),
)

describe('the type check', () => {
  it('covers every folder that has TypeScript in it', async () => {
    const covered = [...(await referencesOf('tsconfig.json')), ...(await referencesOf('tsconfig.check.json'))]
    const projects = allFiles
      .filter((file) => file.endsWith('/tsconfig.json'))
      .map((file) => file.replace(/\/tsconfig\.json$/, ''))
    expect(projects.filter((project) => !covered.includes(project))).toEqual([])

    const sources = allFiles.filter((file) => /^(packages|tools|examples|benchmarks)\/.*\.[cm]?ts$/.test(file))
    const folderOf = (file: string): string => /^(.*?)\/(src|test|micro)\//.exec(file)?.[1] ?? file
    const isCovered = (file: string): boolean =>
      covered.includes(file.includes('/test/') ? `${folderOf(file)}/test` : folderOf(file)) ||
      (file.includes('/test/') && covered.includes(folderOf(file)))
    expect(sources.filter((file) => !isCovered(file))).toEqual([])
  })
})

describe('every public package', () => {
  it.each(manifests.map((manifest) => [manifest.name, manifest] as const))(
    '%s says what it is, to whom it is licensed and on which Node it runs',
    (_name, manifest) => {
      expect(manifest).toMatchObject({ license: 'Apache-2.0', type: 'module', engines: { node: '>=20.19' } })
      expect(manifest.files).toEqual(expect.arrayContaining(['dist', 'README.md', 'LICENSE']))
      expect(allFiles).toContain(`${manifest.folder}/README.md`)
    },
  )

  it('takes what the user chooses (inversify, reflect-metadata) as a peer', () => {
    for (const { dependencies = {} } of manifests) {
      expect(Object.keys(dependencies)).not.toContain('inversify')
      expect(Object.keys(dependencies)).not.toContain('reflect-metadata')
    }
  })
})

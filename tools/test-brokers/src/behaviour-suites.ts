import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The packages' test files with a suite for brokers of every kind, as paths from the repository's root. What tools/ compares
 * with Kafka, byte for byte, is compared with the newest release; and the suites of the embedded broker run other people's
 * clients on Kafka, which says nothing of Milena.
 */
export function behaviourSuites(repository: string): string[] {
  return readdirSync(join(repository, 'packages'))
    .filter((name) => name !== 'embedded-broker')
    .flatMap((name) => testFilesUnder(repository, `packages/${name}/test`))
    .filter((file) => runsOnBrokers(join(repository, file)))
}

/** The file, or a file of its folder that it imports, describes a suite for brokers. */
function runsOnBrokers(file: string): boolean {
  const describes = /\bdescribeOn(Brokers|Clusters)\(/
  const text = readFileSync(file, 'utf8')
  if (describes.test(text)) return true
  return [...text.matchAll(/from '\.\/([\w-]+)\.js'/g)].some(([, name = '']) =>
    describes.test(readFileSync(join(dirname(file), `${name}.ts`), 'utf8')),
  )
}

function testFilesUnder(repository: string, folder: string): string[] {
  try {
    return readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name}`)
      .sort()
  } catch {
    // A package without tests.
    return []
  }
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as protocol from '@milena/protocol'
import type { AnyApi } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { oldestVersion } from '../src/network/oldest-versions.js'

// docs/protocol.md says what the code does.

const page = readFileSync(fileURLToPath(new URL('../../../docs/protocol.md', import.meta.url)), 'utf8')
const source = fileURLToPath(new URL('../src', import.meta.url))
const texts = (folders: readonly string[]): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(source, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('oldest-versions.ts'))
      .map((file) => readFileSync(join(source, folder, file), 'utf8')),
  )

function isApi(value: unknown): value is AnyApi {
  return typeof value === 'object' && value !== null && 'key' in value && 'minVersion' in value && 'maxVersion' in value
}

/** The APIs whose name stands in an import from the protocol package. */
function spoken(): AnyApi[] {
  const imported = new Set(
    texts(['.']).flatMap((text) =>
      [...text.matchAll(/import \{([^}]*)\} from '@milena\/protocol'/g)].flatMap(([, names = '']) =>
        names.split(',').map((name) => name.trim()),
      ),
    ),
  )
  return Object.values(protocol as Record<string, unknown>)
    .filter(isApi)
    .filter(({ name }) => imported.has(name))
}

const cells = page.split('\n').map((line) => line.split('|').map((cell) => cell.trim()))

describe('the page on the protocol', () => {
  it('names every API that the client speaks, with its key and versions', () => {
    const rows = cells.flatMap(([, name = '', key = '', versions = '']) =>
      /^`[A-Z]\w+`$/.test(name) && /^\d+$/.test(key) ? [`${name} ${key} ${versions}`] : [],
    )
    const expected = spoken().map((api) => `\`${api.name}\` ${api.key} ${oldestVersion(api)}–${api.maxVersion}`)
    expect(expected.length).toBeGreaterThan(10)
    expect(rows.toSorted()).toEqual(expected.toSorted())
  })

  it('says of every error that the client treats in its own way what is done about it', () => {
    const treated = new Set(
      texts(['share', 'cluster']).flatMap((text) =>
        [...text.matchAll(/ErrorCode\.([A-Z_]+)/g)].map(([, code = '']) => code),
      ),
    )
    treated.delete('NONE')
    expect([...treated].filter((code) => !page.includes(`\`${code}\``))).toEqual([])
  })

  it('names no error that there is not', () => {
    const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = '']) => code)
    expect(named.filter((code) => !(code in protocol.ErrorCode))).toEqual([])
  })
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { metricDescriptions } from '../src/index.js'

// docs/guide/metrics.md says what the code does.

const page = readFileSync(fileURLToPath(new URL('../../../docs/guide/metrics.md', import.meta.url)), 'utf8')
const section = (heading: string): string => page.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').trim()),
    )

describe('The page on metrics', () => {
  it('lists every metric with its group, unit and sentence, in the order of the code', () => {
    const described = Object.entries(metricDescriptions).map(([name, { group, unit, description }]) => [
      name,
      group === 'share-consumer-counters' ? '–' : group,
      unit,
      description,
    ])
    expect(rows(section('All metrics'))).toEqual(described)
  })

  it('calls nothing absent that exists', () => {
    const absent = rows(section("Java's metrics")).flatMap(([names = '']) => names.split(', '))
    expect(absent.length).toBeGreaterThan(10)
    for (const name of Object.keys(metricDescriptions)) {
      const named = absent.filter((pattern) =>
        pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
      )
      expect([name, named]).toEqual([name, []])
    }
  })

  it('advises to watch what exists', () => {
    const names = [...section('What to watch').matchAll(/`([a-zA-Z-]+)`/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(8)
    for (const name of names) expect(Object.keys(metricDescriptions)).toContain(name)
  })
})

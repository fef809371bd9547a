import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { silentLogger } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { clientOptions } from '../../src/config/client-config.js'
import { ineffectiveForShareConsumers, refusedByShareConsumers } from '../../src/config/foreign-options.js'
import type { Option, OptionTable } from '../../src/config/option-table.js'
import { resolveShareConsumerConfig, shareConsumerOptions } from '../../src/config/share-consumer-config.js'

// docs/guide/options.md says what the code does.

const guide = readFileSync(fileURLToPath(new URL('../../../../docs/guide/options.md', import.meta.url)), 'utf8')

interface Row {
  readonly name: string
  readonly property: string
  readonly fallback: string
}

/** The options in one section of the guide. */
function rowsOf(section: string): Row[] {
  const text = guide.split(/^## /m).find((part) => part.startsWith(section)) ?? ''
  return text
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')))
    .flatMap(([, name = '', property = '', fallback = '']) =>
      /^[a-z]\w+$/i.test(name) && name !== 'option'
        ? [{ name, property: property === '–' ? '' : property, fallback }]
        : [],
    )
}

function shown(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en-US')
  return typeof value === 'string' ? `'${value}'` : String(value)
}

const resolved = resolveShareConsumerConfig({ bootstrapServers: 'localhost:9092', groupId: 'g', logger: silentLogger })

/** What the guide should give as the default; undefined where only words can say it. */
function defaultOf(name: string, option: Option<unknown> | undefined): string | undefined {
  const value = option?.fallback ?? Reflect.get(resolved, name)
  return value === undefined || typeof value === 'object' ? undefined : shown(value)
}

const everyClient: OptionTable = clientOptions
const consumer: OptionTable = shareConsumerOptions
const own = Object.keys(consumer).filter((name) => name === 'clientId' || everyClient[name] === undefined)

describe('the guide to options', () => {
  it('lists all options of a share consumer, and of every client', () => {
    expect(
      rowsOf('Of a share consumer')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(own.toSorted())
    expect(
      rowsOf('Of every client')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(
      Object.keys(everyClient)
        .filter((name) => name !== 'clientId')
        .toSorted(),
    )
  })

  it.each([...rowsOf('Of a share consumer'), ...rowsOf('Of every client')])(
    "gives $name with its default and Kafka's name",
    ({ name, property, fallback }) => {
      const option = consumer[name]
      expect(property).toBe(option?.property ?? '')
      const told = name === 'groupId' ? 'required' : defaultOf(name, option)
      if (told === undefined) expect(fallback).toMatch(/^[a-z' ]+$/)
      else expect(fallback).toBe(told)
    },
  )

  it.each([...refusedByShareConsumers.keys(), ...ineffectiveForShareConsumers.keys()])('mentions %s', (name) => {
    expect(guide).toContain(`\`${name}\``)
  })
})

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ErrorCode, KafkaBrokerError, KafkaError, type ErrorName } from '@milena/protocol'
import { describe, expect, it } from 'vitest'
import { resolveContainerProperties } from '../src/container-property-layers.js'
import * as container from '../src/index.js'
import { noListenerCounters } from '../src/member-surroundings.js'
import { sortPollError } from '../src/poll-errors.js'

// docs/guide/containers.md says what the code does, and docs/guide/events.md which events there are.

const guide = (page: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../docs/guide/${page}.md`, import.meta.url)), 'utf8')
const section = (page: string, heading: string): string =>
  guide(page)
    .split(/^## /m)
    .find((part) => part.startsWith(heading)) ?? ''

/** The rows of the tables in a section, as cells without backticks. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => /^\| `?[a-z]/i.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').trim()),
    )

const isErrorName = (code: string): code is ErrorName => Object.hasOwn(ErrorCode, code)

/** The message that a mistake in the properties ends in. */
function refusalOf(properties: object): string {
  try {
    resolveContainerProperties({ topics: 'orders', ...properties })
    return 'none'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const properties = rowsOf(section('containers', 'All properties')).filter(([name]) => name !== 'property')
const known = (/Known are: (.*)\.$/.exec(refusalOf({ nonsense: 1 }))?.[1] ?? '').split(', ')
const resolved = resolveContainerProperties({ topics: 'orders' })

/** Defaults that are no plain value: what the guide says instead. */
const inWords: Readonly<Record<string, string>> = {
  topics: 'required',
  groupId: "the consumer factory's",
  clientId: 'clientIdPrefix',
  clientIdPrefix: 'id',
  maxInFlight: 'one after another',
  maxLockExtensionMs: '300,000',
  shareConsumerRecordRecoverer: 'REJECTING',
}

function shown(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en-US')
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'boolean' ? String(value) : 'none'
}

describe('the guide to containers', () => {
  it('lists every property', () => {
    expect(known.length).toBeGreaterThan(20)
    expect(properties.map(([name]) => name).toSorted()).toEqual(known.toSorted())
  })

  it.each(properties)('gives %s with its default, %s', (name = '', fallback = '') => {
    expect(fallback).toBe(inWords[name] ?? shown(Reflect.get(resolved, name)))
  })

  it('tells of every property with a time that it is in milliseconds, by its name', () => {
    const durations = properties.filter(([, , what = '']) => /^(How long|After how long|For how long)/.test(what))
    expect(durations.length).toBeGreaterThan(4)
    for (const [name] of durations) expect(name).toMatch(/Ms$/)
  })

  it('calls nothing impossible that can be set', () => {
    const refused = [...section('containers', 'What cannot be set').matchAll(/^\| (.*?) +\|/gm)].flatMap(
      ([, cell = '']) => [...cell.matchAll(/`([a-z]\w+)`/g)].map(([, name = '']) => name),
    )
    expect(refused.length).toBeGreaterThan(8)
    for (const name of refused) expect(refusalOf({ [name]: 'x' })).toContain(`'${name}' cannot be set: `)
    expect(refusalOf({ topics: /orders.*/ })).toContain('topics cannot be a pattern')
  })
})

describe('the guide to the lifecycle', () => {
  it('lists every count of a member', () => {
    const told = rowsOf(section('lifecycle', 'Counts')).map(([name]) => name)
    expect(told).toEqual(['count', ...Object.keys(noListenerCounters()), 'broker'])
  })

  it('shows every state', () => {
    const told = rowsOf(section('lifecycle', 'States')).map(([name]) => name)
    expect(told).toEqual(['state', ...Object.values(container.ContainerState)])
    const picture = readFileSync(
      fileURLToPath(new URL('../../../docs/images/container-states.svg', import.meta.url)),
      'utf8',
    )
    for (const state of Object.values(container.ContainerState)) expect(picture).toContain(`>${state}</text>`)
  })
})

describe('the guide to settings of the group', () => {
  it('lists every setting, with the release of Kafka that brought it', () => {
    const source = readFileSync(fileURLToPath(new URL('../src/group-configs.ts', import.meta.url)), 'utf8')
    const declared = [...source.matchAll(/\/\*\* (.*?) \*\/\n +readonly '([a-z.]+)'/g)].map(
      ([, comment = '', name = '']) => [name, /Kafka (4\.\d)\.$/.exec(comment)?.[1] ?? '4.1'],
    )
    expect(declared.length).toBeGreaterThan(8)
    const told = rowsOf(section('group-settings', 'All settings'))
      .filter(([name]) => name !== 'setting')
      .map(([name, , , from]) => [name, from])
    expect(told.toSorted()).toEqual(declared.toSorted())
  })
})

describe('the guide to errors', () => {
  const rows = section('errors-and-recoverers', 'What a member survives')
    .split('\n')
    .filter((line) => /^\| .*\*\*(retries|survives|replaced|fatal)\*\*/.test(line))
    .map((line) => line.split(' | '))
  const sorted = rows.flatMap(([verdict = '', errors = '']) =>
    [...errors.matchAll(/`([A-Z_]{6,})`/g)].map(
      ([, code = '']) => [code, /\*\*(\w+)\*\*/.exec(verdict)?.[1] ?? ''] as const,
    ),
  )

  it.each(sorted)('sorts %s as the container does: %s', (code, told) => {
    const verdict = sortPollError(
      isErrorName(code) ? KafkaBrokerError.of(ErrorCode[code]) : new KafkaError('thrown by the container', { code }),
    )
    expect({ survived: ['retries', 'survives'], replaced: ['replaced'], fatal: ['fatal'] }[verdict]).toContain(told)
  })

  it('names all that is fatal', () => {
    const source = readFileSync(fileURLToPath(new URL('../src/poll-errors.ts', import.meta.url)), 'utf8')
    const fatal = /const fatal[^[]*\[([^\]]*)\]/.exec(source)?.[1] ?? ''
    const codes = [...fatal.matchAll(/'([A-Z_]+)'/g)].map(([, code = '']) => code)
    expect(codes.length).toBeGreaterThan(5)
    expect(
      sorted
        .filter(([, told]) => told === 'fatal')
        .map(([code]) => code)
        .toSorted(),
    ).toEqual(codes.toSorted())
  })
})

describe('the guide to events', () => {
  it('lists every event, by its class and by its type', () => {
    const classes = Object.keys(container).filter((name) => name.endsWith('Event'))
    const told = rowsOf(section('events', 'All events')).filter(([name]) => name !== 'event')
    expect(told.map(([name]) => name).toSorted()).toEqual(classes.toSorted())
    const typeOf = (name: string): string => `${name.slice(0, 1).toLowerCase()}${name.slice(1).replace(/Event$/, '')}`
    for (const [name = '', type] of told) expect(type).toBe(typeOf(name))
  })

  it('tells what each event carries', () => {
    const source = readFileSync(fileURLToPath(new URL('../src/events.ts', import.meta.url)), 'utf8')
    const own = ['container', 'containerId', 'clientId', 'type']
    for (const [name = '', , , carries = ''] of rowsOf(section('events', 'All events')).slice(1)) {
      const declared = source.split(`export class ${name} `)[1]?.split(/^export /m)[0] ?? ''
      const fields = [...declared.matchAll(/readonly (\w+):/g)].map(([, field = '']) => field)
      const told = carries === '' ? [] : carries.split(', ')
      expect([name, told.toSorted()]).toEqual([
        name,
        [...new Set(fields)].filter((field) => !own.includes(field)).toSorted(),
      ])
    }
  })
})

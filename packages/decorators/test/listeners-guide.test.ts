import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as decorators from '../src/index.js'

// docs/guide/listeners.md and docs/guide/dependency-injection.md say what the code does.

const textOf = (path: string): string => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const page = (name: string): string => textOf(`../../../docs/guide/${name}.md`)
const section = (name: string, heading: string): string =>
  page(name)
    .split(/^##+ /m)
    .find((part) => part.startsWith(heading)) ?? ''

/** What stands in backticks in the first cells of a table, or in those of its second column. */
const namesIn = (table: string, column = 1): string[] =>
  table
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => [...(line.split(' | ')[column - 1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))

const unique = (names: readonly string[]): string[] => [...new Set(names)].toSorted()

describe('the guide to listeners', () => {
  it('lists every option of @KafkaListener', () => {
    const options = textOf('../src/kafka-listener-options.ts').split('interface KafkaListenerOptions')[1] ?? ''
    const declared = [...options.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name)
    expect(declared.length).toBeGreaterThan(15)
    const told = namesIn(section('listeners', 'A method that listens')).filter((name) => !name.startsWith('@'))
    expect(unique(told)).toEqual(unique(declared))
  })

  it('lists every decorator of parameters', () => {
    const ofMethods = ['KafkaListener', 'KafkaHandler', 'EventListener']
    const exported = Object.entries(decorators)
      .filter(([name, value]) => /^[A-Z]/.test(name) && typeof value === 'function' && !name.endsWith('Error'))
      .map(([name]) => name)
      .filter((name) => !ofMethods.includes(name))
    const told = namesIn(section('listeners', 'Parameters')).flatMap((name) => /^@(\w+)\(/.exec(name)?.[1] ?? [])
    expect(unique(told)).toEqual(unique(exported))
  })
})

describe('the guide to dependency injection', () => {
  it('lists every token', () => {
    const told = [
      ...namesIn(section('dependency-injection', 'What the module binds'), 2),
      ...namesIn(section('dependency-injection', 'What you may bind')),
    ].flatMap((name) => /^KafkaTokens\.(\w+)/.exec(name)?.[1] ?? [])
    expect(unique(told)).toEqual(unique(Object.keys(decorators.KafkaTokens)))
  })

  it('lists every option of kafkaModule', () => {
    const options = textOf('../src/kafka-module.ts').split('interface KafkaModuleOptions')[1]?.split('\n}\n')[0] ?? ''
    const declared = [...options.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name = '']) => name)
    const told = section('dependency-injection', 'What the module binds').length > 0 ? page('dependency-injection') : ''
    const table = told.slice(told.indexOf('| option of `kafkaModule`')).split('\n\n')[0] ?? ''
    expect(unique(namesIn(table).filter((name) => name !== 'kafkaModule'))).toEqual(unique(declared))
  })
})

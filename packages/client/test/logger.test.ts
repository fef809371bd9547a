import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { consoleLogger } from '../src/logger.js'

const lines: string[] = []

beforeEach(() => {
  lines.length = 0
  vi.spyOn(console, 'error').mockImplementation((line: string) => {
    lines.push(line)
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

it('the default logger writes warnings and errors with their facts, and drops the rest', () => {
  const logger = consoleLogger()
  logger.info({}, 'dropped')
  logger.warn({ topic: 'orders', skipped: undefined }, 'missing')
  logger.error({ err: new Error('cause') }, 'broken')
  expect(lines).toEqual(['milena warn: missing (topic=orders)', 'milena error: broken (err=cause)'])
  expect(logger.isLevelEnabled?.('info')).toBe(false)
  expect(logger.isLevelEnabled?.('error')).toBe(true)
})

it('a child adds its facts to each line, whatever they are', () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  consoleLogger({ level: 'info' }).child({ group: 'g' }).info({ n: 1, circular }, 'said')
  expect(lines).toEqual(['milena info: said (group=g, n=1, circular=[object Object])'])
})

it('a fact that throws when it is read is passed over, and the line is written', () => {
  const untouchable = (): never => {
    throw new Error('it cannot be touched')
  }
  const err: unknown = new Proxy({}, { get: untouchable, getPrototypeOf: untouchable, ownKeys: untouchable })
  consoleLogger().error({ err, n: 1 }, 'broken')
  expect(lines).toEqual(['milena error: broken (err=something that cannot be shown, n=1)'])
})

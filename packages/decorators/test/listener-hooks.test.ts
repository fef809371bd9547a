import { describe, expect, it } from 'vitest'
import { Problems } from '../src/errors.js'
import type { ListenerInstance } from '../src/instance-resolver.js'
import { resolveHooks, servicesOf, type DescribedHooks } from '../src/listener-hooks.js'

const record = { topic: 'orders' } as never
const context = {} as never

async function resolve(hooks: DescribedHooks, instanceOf: (service: unknown) => ListenerInstance = never) {
  const problems = new Problems()
  const resolved = await resolveHooks(hooks, 'Orders.on()', instanceOf, problems)
  problems.throwIfAny()
  return resolved
}
const never = (): ListenerInstance => {
  throw new Error('nothing is bound')
}
const singleton = (instance: object) => (): ListenerInstance => ({ scope: 'singleton', instance })

describe('the error handler and the filter of a listener', () => {
  it('are the functions themselves', async () => {
    const errorHandler = () => undefined
    const filter = () => true
    expect(await resolve({ errorHandler, filter })).toEqual({ errorHandler, filter })
    expect(servicesOf({ errorHandler, filter })).toEqual([])
  })

  it('are left to the factory where they are not given', async () => {
    expect(await resolve({})).toEqual({})
  })

  it('may be functions that the DI container has', async () => {
    const filter = () => false
    const { filter: resolved } = await resolve({ filter: 'paidOnly' }, singleton(filter))
    expect(resolved?.(record)).toBe(false)
    expect(servicesOf({ filter: 'paidOnly' })).toEqual(['paidOnly'])
  })

  it('may be objects that the DI container has, which keep their this', async () => {
    class Handler {
      readonly answer = 'RELEASE' as const
      handleError(given: unknown, error: unknown, more: unknown) {
        return given === record && error === 'no' && more === context ? this.answer : undefined
      }
    }
    const { errorHandler } = await resolve({ errorHandler: Handler }, singleton(new Handler()))
    expect(errorHandler?.(record, 'no', context)).toBe('RELEASE')
  })

  it.each(['at once', 'later'])('that are made for each record are asked for with it: %s', async (when) => {
    const subjects: unknown[] = []
    const instanceOf = (): ListenerInstance => ({
      scope: 'perCall',
      create: (subject) => {
        subjects.push(subject)
        const made = { filter: (given: unknown) => given === subject }
        return when === 'later' ? Promise.resolve(made) : made
      },
    })
    const { filter } = await resolve({ filter: Symbol('filter') }, instanceOf)
    subjects.length = 0
    expect(await filter?.(record)).toBe(true)
    expect(subjects).toEqual([record])
  })

  it('that cannot be had are explained by listener, option and remedy', async () => {
    class Handler {}
    await expect(resolve({ errorHandler: Handler, filter: 'f' })).rejects.toThrow(
      /for 2 reasons:\n {2}- Orders\.on\(\): Its errorHandler Handler cannot be had from the DI container: nothing is bound Bind it.*\n {2}- Orders\.on\(\): Its filter 'f' cannot be had/,
    )
  })

  it('that are none are found before anything starts', async () => {
    await expect(resolve({ errorHandler: 'h' }, singleton({ filter: () => true }))).rejects.toThrow(
      "Orders.on(): Its errorHandler 'h' is neither a function nor an object with handleError(). Bind one of these under that name.",
    )
    const perCall = (): ListenerInstance => ({ scope: 'perCall', create: () => new Map() })
    await expect(resolve({ filter: 'f' }, perCall)).rejects.toThrow(
      /Its filter 'f' is neither a function nor an object/,
    )
  })
})

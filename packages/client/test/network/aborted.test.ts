import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { underEither } from '../../src/network/aborted.js'

describe('work under two signals', () => {
  it.each([0, 1])('ends when number %i of them fires, with its reason', async (which) => {
    const controllers = [new AbortController(), new AbortController()] as const
    const [first, second] = controllers
    const reasons: unknown[] = []
    const work = underEither(first.signal, second.signal, (signal) => {
      return new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          resolve()
        })
      })
    })
    controllers[which]?.abort(`reason ${which}`)
    await work
    expect(reasons).toEqual([`reason ${which}`])
  })

  it('begins aborted when one of them has fired already', async () => {
    const fired = AbortSignal.abort('before')
    const seen = await underEither(fired, new AbortController().signal, (signal) => Promise.resolve(signal))
    expect([seen.aborted, seen.reason]).toEqual([true, 'before'])
  })

  it('leaves nothing behind in a signal that lives for long, however the work ends', async () => {
    const first = new AbortController()
    const second = new AbortController()
    for (let i = 0; i < 100; i++) {
      await underEither(first.signal, second.signal, () => Promise.resolve())
      await underEither(first.signal, second.signal, () => Promise.reject(new Error('no'))).catch(() => undefined)
    }
    for (const { signal } of [first, second]) {
      expect(getEventListeners(signal, 'abort')).toEqual([])
      // What AbortSignal.any() would leave there.
      const sizes = Object.getOwnPropertySymbols(signal).map((symbol) => {
        const value: unknown = Reflect.get(signal, symbol)
        return value instanceof Set ? value.size : 0
      })
      expect(sizes.every((size) => size === 0)).toBe(true)
    }
  })
})

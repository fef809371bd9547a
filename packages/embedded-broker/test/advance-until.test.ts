import { KafkaTimeoutError, KafkaUsageError } from '@milena/protocol'
import { systemClock, VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { advanceUntil, type AdvanceOptions, type Expected } from '../src/advance-until.js'

const clock = new VirtualClock()
const advance = <T>(expected: Expected<T>, options: AdvanceOptions = {}): Promise<T> =>
  advanceUntil(clock, expected, options, () => 'as it was')
const inVirtual = (ms: number): Promise<string> => new Promise((resolve) => clock.setTimer(() => resolve('come'), ms))

describe('advanceUntil()', () => {
  it('moves virtual time on until the predicate is truthy, and gives its value', async () => {
    const began = clock.now()
    expect(await advance(() => (clock.now() - began >= 200 ? 'there' : ''))).toBe('there')
    expect(clock.now() - began).toBe(200)
  })

  it('moves no time when things are there already', async () => {
    const began = clock.now()
    expect(await advance(() => 7)).toBe(7)
    expect(await advance(Promise.resolve('settled'))).toBe('settled')
    expect(clock.now()).toBe(began)
  })

  it('goes on in the steps that it is told', async () => {
    const began = clock.now()
    await advance(inVirtual(1_500), { stepMs: 1_000 })
    expect(clock.now() - began).toBe(2_000)
  })

  it('gives what a promise resolves with, be it nothing, and rejects with what it rejects with', async () => {
    expect(await advance(inVirtual(30_000))).toBe('come')
    expect(await advance(inVirtual(5).then(() => undefined))).toBeUndefined()
    const failing = inVirtual(50).then(() => {
      throw new Error('gone')
    })
    await expect(advance(failing)).rejects.toThrow('gone')
    await expect(
      advance(() => {
        throw new Error('asked wrongly')
      }),
    ).rejects.toThrow('asked wrongly')
  })

  it('gives up after so much virtual time, and says what it waited for and how things stand', async () => {
    const began = clock.now()
    const failure = await advance(() => false, { maxMs: 5_000 }).catch((error: unknown) => error)
    expect(failure).toSatisfy(KafkaTimeoutError.is)
    expect(String(failure)).toMatch(/within 5000 ms of virtual time: \(\) => false\nThe broker now: as it was/)
    expect(clock.now() - began).toBe(5_000)
  })

  it('is refused on a real clock, and for steps that lead nowhere', async () => {
    const onRealTime = advanceUntil(
      systemClock,
      () => true,
      {},
      () => '',
    )
    await expect(onRealTime).rejects.toSatisfy(KafkaUsageError.is)
    await expect(advance(() => true, { stepMs: 0 })).rejects.toThrow(/stepMs is 0/)
  })
})

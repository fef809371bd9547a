import { describe, expect, it } from 'vitest'
import { Conditions } from '../src/until.js'

describe('A condition', () => {
  it('that holds already is met at once, with what the predicate returned', async () => {
    await expect(
      new Conditions().until(
        () => 'yes',
        1000,
        () => '',
      ),
    ).resolves.toBe('yes')
  })

  it('is looked at after a change, once for several changes in a row', async () => {
    const conditions = new Conditions()
    let looks = 0
    const box: { value?: string } = {}
    const met = conditions.until(
      () => (looks++, box.value),
      1000,
      () => '',
    )
    box.value = 'there'
    conditions.changed()
    conditions.changed()
    await expect(met).resolves.toBe('there')
    expect(looks).toBe(2)
  })

  it('that is asynchronous is refused: its promise would always count as yes', async () => {
    const met = new Conditions().until(
      () => Promise.resolve(false),
      1000,
      () => '',
    )
    await expect(met).rejects.toThrow(/returns a promise/)
  })

  it('about things of the test itself is met without a change of the broker', async () => {
    let value = false
    const met = new Conditions().until(
      () => value,
      1000,
      () => '',
    )
    value = true
    await expect(met).resolves.toBe(true)
  })

  it('that does not come in time is a timeout that says how things stand', async () => {
    await expect(
      new Conditions().until(
        () => false,
        5,
        () => 'three records',
      ),
    ).rejects.toThrow(/did not come within 5 ms: \(\) => false\nThe broker now: three records/)
  })

  it('whose predicate throws fails with that', async () => {
    const conditions = new Conditions()
    let broken = false
    const met = conditions.until(
      () => {
        if (broken) throw new Error('no such group')
        return false
      },
      1000,
      () => '',
    )
    broken = true
    conditions.changed()
    await expect(met).rejects.toThrow('no such group')
  })
})

describe('A condition when the broker stops', () => {
  it('is met if it holds by then, and else rejects at once', async () => {
    const conditions = new Conditions()
    let isOver = false
    const met = conditions.until(
      () => isOver,
      60_000,
      () => '',
    )
    const vain = expect(
      conditions.until(
        () => false,
        60_000,
        () => '',
      ),
    ).rejects.toThrow(/stopped before what until\(\) waits for/)
    isOver = true
    conditions.close()
    await expect(met).resolves.toBe(true)
    await vain
    await expect(
      conditions.until(
        () => false,
        60_000,
        () => '',
      ),
    ).rejects.toThrow(/was stopped/)
  })
})

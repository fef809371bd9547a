import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FetchSizer } from '../../src/share/fetch-sizer.js'

const MOST = 10_000

describe('the size of a fetch', () => {
  it('starts small and grows for an application that keeps up, up to a bound', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    const sizes = [sizer.fetchRecords]
    for (let i = 0; i < 12; i++) {
      sizer.worked(1 / sizer.fetchRecords, 30_000)
      sizes.push(sizer.fetchRecords)
    }
    expect(sizes[0]).toBeLessThanOrEqual(100)
    expect(sizes[1]).toBe(2 * (sizes[0] ?? 0))
    const last = sizes.at(-1) ?? 0
    expect(last).toBeGreaterThanOrEqual(2_000)
    expect(last).toBeLessThanOrEqual(MOST)
  })

  it('falls to what can be started within half the lock when the application gets slow', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    for (let i = 0; i < 12; i++) sizer.worked(1 / sizer.fetchRecords, 30_000)
    for (let i = 0; i < 30; i++) sizer.worked(100, 1_000)
    expect(sizer.fetchRecords).toBeLessThanOrEqual(5)
    expect(sizer.fetchRecords).toBeGreaterThanOrEqual(1)
  })

  it('is what can be started within half the lock also where that is shorter than what is read ahead', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    for (let i = 0; i < 30; i++) sizer.worked(10, 200)
    expect(sizer.fetchRecords).toBe(10)
    const unhurried = new FetchSizer({ prefetch: 'auto' })
    for (let i = 0; i < 30; i++) unhurried.worked(10, 30_000)
    expect(unhurried.fetchRecords).toBe(25)
  })

  it('is what was set, when that was', () => {
    const sizer = new FetchSizer({ fixedRecords: 500, prefetch: 'auto' })
    sizer.worked(0.002, 30_000)
    expect(sizer.fetchRecords).toBe(500)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true })).toBe(500)
  })

  it('is never nothing for an application that waits, however slow it was', () => {
    const sizer = new FetchSizer({ prefetch: 0 })
    for (let i = 0; i < 10; i++) sizer.worked(60_000, 1_000)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true })).toBeGreaterThanOrEqual(1)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: false })).toBe(0)
  })

  it('fetches nothing ahead for a slow application, and does for a quick one', () => {
    const slow = new FetchSizer({ fixedRecords: 500, prefetch: 'auto' })
    for (let i = 0; i < 10; i++) slow.worked(100, 30_000)
    expect(slow.recordsToFetch({ buffered: 0, waiting: false })).toBe(0)
    const quick = new FetchSizer({ fixedRecords: 500, prefetch: 'auto' })
    for (let i = 0; i < 10; i++) quick.worked(0.01, 30_000)
    expect(quick.recordsToFetch({ buffered: 0, waiting: false })).toBe(500)
    expect(quick.recordsToFetch({ buffered: 500, waiting: false })).toBe(0)
  })

  it('fetches ahead as far as it was told to', () => {
    const sizer = new FetchSizer({ fixedRecords: 100, prefetch: 250 })
    expect(
      [0, 200, 249, 250, 900].map((buffered) => sizer.recordsToFetch({ buffered: buffered, waiting: false })),
    ).toEqual([100, 50, 1, 0, 0])
  })

  it('is nothing that the lock keeper would give back, by whom the records that are out come first', () => {
    const sizer = new FetchSizer({ prefetch: 100 })
    sizer.careful = true
    for (let i = 0; i < 12; i++) sizer.worked(1, 2_000)
    const slow = { buffered: 0, waiting: false, slowestMs: 1_000 }
    expect(sizer.recordsToFetch(slow)).toBe(30)
    expect(sizer.recordsToFetch({ ...slow, ahead: 10 })).toBe(20)
    expect(sizer.recordsToFetch({ ...slow, ahead: 48 })).toBe(0)
  })

  it('stays within its bounds, whatever the application does', () => {
    const work = fc.record({
      perRecordMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      lockMs: fc.integer({ min: 1, max: 3_600_000 }),
    })
    fc.assert(
      fc.property(fc.array(work, { maxLength: 50 }), fc.nat(20_000), fc.boolean(), (history, buffered, waiting) => {
        const sizer = new FetchSizer({ prefetch: 'auto' })
        for (const { perRecordMs, lockMs } of history) {
          sizer.worked(perRecordMs, lockMs)
          expect(sizer.fetchRecords).toBeGreaterThanOrEqual(1)
          expect(sizer.fetchRecords).toBeLessThanOrEqual(MOST)
          expect(Number.isInteger(sizer.fetchRecords)).toBe(true)
        }
        const asked = sizer.recordsToFetch({ buffered, waiting })
        expect(Number.isInteger(asked)).toBe(true)
        expect(asked).toBeGreaterThanOrEqual(0)
        expect(asked).toBeLessThanOrEqual(sizer.fetchRecords)
      }),
    )
  })

  it('is what there is room for, where that can be started at once', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    // Nothing is known yet: not a record more.
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true, free: 10 })).toBe(10)
    sizer.worked(100, 30_000)
    expect(sizer.fetchRecords).toBe(2)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true, free: 200 })).toBe(200)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true, free: 1 })).toBe(2)
    const fixed = new FetchSizer({ fixedRecords: 50, prefetch: 'auto' })
    expect(fixed.recordsToFetch({ buffered: 0, waiting: true, free: 10 })).toBe(50)
    expect(fixed.recordsToFetch({ buffered: 0, waiting: true, free: 200 })).toBe(50)
  })

  it('fetches nothing ahead for an application that is stuck, however quick it was', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    for (let i = 0; i < 12; i++) sizer.worked(0.01, 30_000)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: false, slowestMs: 0.01 })).toBe(2_000)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: false, slowestMs: 5_000 })).toBe(0)
  })
})

describe('where locks are looked after', () => {
  function careful(fixedRecords?: number): FetchSizer {
    const sizer = new FetchSizer({ fixedRecords, prefetch: 'auto' })
    sizer.careful = true
    return sizer
  }

  it('an unknown application is handed one record, a slow one what it starts soon, a quick one whole ranges', () => {
    const sizer = careful()
    expect(sizer.handOutRecords).toBe(1)
    sizer.worked(100, 30_000)
    expect(sizer.handOutRecords).toBe(2)
    sizer.worked(60_000, 30_000)
    expect(sizer.handOutRecords).toBe(1)
    for (let i = 0; i < 12; i++) sizer.worked(0.01, 30_000)
    expect(sizer.handOutRecords).toBeUndefined()
    expect(new FetchSizer({ prefetch: 'auto' }).handOutRecords).toBeUndefined()
  })

  it('a number that was set is asked for as far as it is started while it would be kept, and then exactly so', () => {
    const sizer = careful(500)
    expect([sizer.fetchRecords, sizer.exact]).toEqual([500, false])
    sizer.worked(1_000, 15_000)
    expect([sizer.fetchRecords, sizer.exact]).toEqual([30, true])
    sizer.worked(1_000, 60_000)
    expect(sizer.fetchRecords).toBe(60)
    sizer.worked(100_000, 30_000)
    expect(sizer.fetchRecords).toBe(1)
    sizer.worked(1, 30_000)
    expect([sizer.fetchRecords, sizer.exact]).toEqual([500, false])
  })
})

describe('for an application that stood still', () => {
  for (const fixedRecords of [undefined, 500]) {
    it(`fetches begin with one record, exactly, and double; set: ${fixedRecords}`, () => {
      const sizer = new FetchSizer({ fixedRecords, prefetch: 'auto' })
      sizer.careful = true
      for (let i = 0; i < 12; i++) sizer.worked(0.01, 30_000)
      const before = sizer.fetchRecords
      sizer.stood()
      expect([sizer.fetchRecords, sizer.exact, sizer.regaining]).toEqual([1, true, true])
      expect(sizer.recordsToFetch({ buffered: 0, waiting: true })).toBe(1)
      const sizes = Array.from({ length: 12 }, () => {
        sizer.worked(0.01, 30_000)
        return sizer.fetchRecords
      })
      expect(sizes.slice(0, 4)).toEqual([2, 4, 8, 16])
      expect([sizes.at(-1), sizer.regaining]).toEqual([before, false])
    })
  }

  it('they are as many as are begun at once, where they are', () => {
    const sizer = new FetchSizer({ fixedRecords: 500, prefetch: 'auto' })
    sizer.stood()
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true, free: 8 })).toBe(8)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: true, free: 8, inBatches: true })).toBe(1)
  })

  it('they do not grow while what comes was delivered three times and more', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    sizer.stood()
    for (const deliveries of [3, 5, 4]) {
      sizer.received(deliveries)
      sizer.worked(0.01, 30_000)
      expect(sizer.fetchRecords).toBe(1)
      expect(sizer.recordsToFetch({ buffered: 0, waiting: false })).toBe(0)
    }
    sizer.received(2)
    // What came before that may still be there.
    expect(sizer.recordsToFetch({ buffered: 0, waiting: false })).toBe(0)
    sizer.received(2)
    sizer.worked(0.01, 30_000)
    expect(sizer.fetchRecords).toBe(2)
    expect(sizer.recordsToFetch({ buffered: 0, waiting: false })).toBe(2)
  })

  it('they do not grow either when another broker brings something new meanwhile', () => {
    const sizer = new FetchSizer({ prefetch: 'auto' })
    sizer.stood()
    for (let i = 0; i < 5; i++) {
      for (const deliveries of [4, 1]) sizer.received(deliveries)
      sizer.worked(0.01, 30_000)
      expect(sizer.fetchRecords).toBe(1)
    }
  })

  it.each([
    ['slow', 100],
    ['very slow', 10_000],
    ['quick', 0.01],
  ])('they come back to what they were, and to whole batches, also where it is %s', (_, perRecordMs) => {
    for (const fixedRecords of [undefined, 1, 500]) {
      const made = (): FetchSizer => {
        const sizer = new FetchSizer({ fixedRecords, prefetch: 'auto' })
        sizer.careful = true
        for (let i = 0; i < 12; i++) sizer.worked(perRecordMs, 30_000)
        return sizer
      }
      const [never, once] = [made(), made()]
      once.stood()
      expect(once.fetchRecords).toBe(1)
      const sizes = Array.from({ length: 12 }, () => {
        const before = once.fetchRecords
        once.worked(perRecordMs, 30_000)
        expect(once.fetchRecords).toBeLessThanOrEqual(2 * before)
        return once.fetchRecords
      })
      expect([sizes.at(-1), once.exact, once.regaining]).toEqual([never.fetchRecords, never.exact, false])
    }
  })
})

import { describe, expect, it } from 'vitest'
import { WorkPace } from '../../src/share/work-pace.js'

describe('the pace of an application', () => {
  it('is the time for each record that it has answered', () => {
    const pace = new WorkPace()
    expect(pace.perRecordMs).toBeUndefined()
    pace.handedOut(0, 10, 10)
    expect(pace.measure(100, 0)).toBe(10)
    expect(pace.perRecordMs).toBe(10)
  })

  it('follows what it does lately', () => {
    const pace = new WorkPace()
    let now = 0
    for (let i = 0; i < 5; i++) {
      pace.handedOut(now, 10, 10)
      pace.measure((now += 10), 0)
    }
    expect(pace.perRecordMs).toBe(1)
    for (let i = 0; i < 15; i++) {
      pace.handedOut(now, 1, 1)
      pace.measure((now += 1_000), 0)
    }
    expect(pace.perRecordMs).toBeGreaterThan(990)
  })

  it('is that of all it works on at once, while that is as much as may be', () => {
    const pace = new WorkPace()
    pace.handedOut(0, 100, 100)
    // Five were answered in 20 ms, and five new ones given.
    expect(pace.measure(20, 95)).toBe(5)
    expect(pace.perRecordMs).toBe(4)
    pace.handedOut(20, 5, 100)
    expect(pace.measure(40, 95)).toBe(5)
    expect(pace.perRecordMs).toBe(4)
  })

  it('is not told by the time in which it waits for records, nor by what is lost', () => {
    const pace = new WorkPace()
    pace.handedOut(0, 10, 10)
    pace.measure(10, 0)
    pace.idle()
    pace.handedOut(60_000, 10, 10)
    pace.measure(60_010, 0)
    expect(pace.perRecordMs).toBe(1)
    pace.handedOut(60_010, 10, 10)
    pace.idle()
    expect(pace.measure(70_000, 0)).toBe(0)
    expect(pace.perRecordMs).toBe(1)
  })

  it('counts on over several hand-outs of which nothing is answered', () => {
    const pace = new WorkPace()
    pace.handedOut(0, 1, 1)
    expect(pace.measure(10, 1)).toBe(0)
    pace.handedOut(10, 1, 2)
    expect(pace.measure(40, 0)).toBe(2)
    expect(pace.perRecordMs).toBe(20)
  })

  it('is no faster than what it has not answered tells', () => {
    const pace = new WorkPace()
    expect(pace.slowestMs(0, 0)).toBe(0)
    pace.handedOut(0, 10, 10)
    pace.measure(10, 0)
    pace.handedOut(10, 4, 4)
    expect(pace.slowestMs(10, 4)).toBe(1)
    expect(pace.slowestMs(5_010, 4)).toBe(5_000)
    expect(pace.slowestMs(5_010, 3)).toBe(2_500)
  })

  it('is no faster than the time since anything was answered, whatever was answered before', () => {
    const pace = new WorkPace()
    pace.handedOut(0, 500, 500)
    expect(pace.standsMs(100, 1)).toBe(0)
    expect(pace.slowestMs(100, 1)).toBeLessThan(1)
    expect(pace.slowestMs(10_100, 1)).toBe(10_000)
    expect(pace.standsMs(10_100, 1)).toBe(10_000)
  })

  it('is not told by lost records, which are not answered: who had them stands still', () => {
    const pace = new WorkPace()
    pace.handedOut(0, 10, 10)
    pace.measure(10, 0)
    pace.handedOut(10, 10, 10)
    pace.lost(0)
    expect(pace.standsMs(60_010, 0)).toBe(60_000)
    expect(pace.slowestMs(60_010, 0)).toBe(60_000)
    expect(pace.measure(60_010, 0)).toBe(0)
    expect(pace.perRecordMs).toBe(1)
    pace.handedOut(60_010, 10, 10)
    expect(pace.measure(60_020, 0)).toBe(10)
    expect(pace.perRecordMs).toBe(1)
  })

  it('stands nowhere while it waits', () => {
    const pace = new WorkPace()
    expect(pace.standsMs(1_000, 0)).toBe(0)
    pace.handedOut(1_000, 1, 1)
    pace.measure(1_001, 0)
    pace.idle()
    expect(pace.standsMs(90_000, 0)).toBe(0)
  })
})

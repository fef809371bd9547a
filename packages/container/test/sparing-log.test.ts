import { VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, test } from 'vitest'
import { SparingLog } from '../src/sparing-log.js'
import { ContainerHarness, KeptLog } from './container-harness.js'

let clock: VirtualClock
let kept: KeptLog
let log: SparingLog

beforeEach(() => {
  clock = new VirtualClock()
  kept = new KeptLog()
  log = new SparingLog(kept.logger(), clock)
})

const errors = (count: number): void => {
  for (let i = 1; i <= count; i++) log.logger.error({ i }, `line ${i}`)
}

describe('lines about single records', () => {
  test('are written as they are while there are few', async () => {
    for (let second = 0; second < 3; second++) {
      errors(5)
      await clock.advance(1_000)
    }
    expect(kept.at('error')).toHaveLength(15)
    expect(kept.at('error')[1]).toEqual({ level: 'error', message: 'line 2', facts: { i: 2 } })
  })

  test('are left out beyond five a second, and counted in one line when the second is over', async () => {
    errors(5_000)
    expect(kept.lines).toHaveLength(5)
    await clock.advance(1_000)
    expect(kept.lines).toHaveLength(6)
    expect(kept.lines[5]).toMatchObject({ level: 'error', facts: { leftOut: 4_995 } })
    expect(kept.lines[5]?.message).toMatch(
      /^4995 more lines .* left out here; events and metrics.*The last: line 5000$/,
    )
    expect(clock.pendingTimers).toBe(0)
  })

  test('are counted by level: many warnings keep no error from being seen', () => {
    for (let i = 0; i < 100; i++) log.logger.warn({}, 'warned')
    errors(1)
    expect(kept.at('error')).toHaveLength(1)
    expect(kept.at('warn')).toHaveLength(5)
  })

  test('become rarer while there are too many, and are all written again after a calm while', async () => {
    for (let ms = 0; ms < 120_000; ms += 10) {
      errors(10)
      await clock.advance(10)
    }
    expect(kept.lines.length).toBeLessThan(60)
    await clock.advance(120_000)
    errors(1)
    await clock.advance(40_000)
    const before = kept.lines.length
    errors(3)
    await clock.advance(1_000)
    errors(3)
    expect(kept.lines.length).toBe(before + 6)
  })

  test('that were left out are counted at once by flush()', () => {
    errors(7)
    log.flush()
    expect(kept.lines.at(-1)?.facts).toEqual({ leftOut: 2 })
    log.flush()
    expect(kept.lines).toHaveLength(6)
    expect(clock.pendingTimers).toBe(0)
  })
})

test('a listener that fails on every record does not flood the log, and what was left out is told by stop()', async () => {
  const harness = new ContainerHarness({
    listener: () => {
      throw new Error('bad order')
    },
  })
  await harness.run(1_000)
  expect(harness.engine().answers).toHaveLength(1_000)
  expect(harness.log.at('error')).toHaveLength(5)
  await harness.container.stop()
  expect(harness.log.at('error').at(-1)?.facts).toMatchObject({ leftOut: 995, clientId: 'orders-0' })
})

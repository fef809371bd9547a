import { SeededRandom, VirtualClock } from '@milena/protocol/runtime'
import { beforeEach, describe, expect, it } from 'vitest'
import { Reconnects } from '../../src/network/reconnects.js'

let clock: VirtualClock
let reconnects: Reconnects

beforeEach(() => {
  clock = new VirtualClock()
  reconnects = new Reconnects({
    clock,
    random: new SeededRandom(3),
    reconnectBackoffMs: 50,
    reconnectBackoffMaxMs: 1_000,
    socketConnectionSetupTimeoutMs: 10_000,
    socketConnectionSetupTimeoutMaxMs: 30_000,
  })
})

/** One attempt that fails at once, after the pause that it has to make; returns that pause. */
async function fail(address: string): Promise<number> {
  const waited = reconnects.waitMs(address)
  await clock.advance(waited + 1)
  reconnects.failed(address, clock.now())
  return waited
}

describe('an address that cannot be connected to', () => {
  it('is left alone for 50 ms, twice as long each time, up to a second, with 20 % of jitter', async () => {
    const pauses: number[] = []
    for (let i = 0; i < 9; i++) pauses.push(await fail('a:1'))
    expect(pauses[0]).toBe(0)
    for (const [i, pause] of pauses.slice(1).entries()) {
      const plain = Math.min(1_000, 50 * 2 ** i)
      expect(pause).toBeGreaterThanOrEqual(plain * 0.8 - 1)
      expect(pause).toBeLessThanOrEqual(Math.min(1_000, plain * 1.2))
    }
    expect(reconnects.waitMs('b:1')).toBe(0)
  })

  it('gets more time with each attempt, up to its bound', async () => {
    expect(reconnects.setupTimeoutMs('a:1')).toBe(10_000)
    await fail('a:1')
    expect(reconnects.setupTimeoutMs('a:1')).toBeGreaterThanOrEqual(16_000)
    expect(reconnects.setupTimeoutMs('a:1')).toBeLessThanOrEqual(24_000)
    for (let i = 0; i < 5; i++) await fail('a:1')
    expect(reconnects.setupTimeoutMs('a:1')).toBeGreaterThanOrEqual(24_000)
    expect(reconnects.setupTimeoutMs('a:1')).toBeLessThanOrEqual(30_000)
  })

  it('counts attempts that ran at the same time as one', async () => {
    const startedAt = clock.now()
    await clock.advance(100)
    for (let i = 0; i < 20; i++) reconnects.failed('a:1', startedAt)
    expect(reconnects.waitMs('a:1')).toBeLessThanOrEqual(60)
  })

  it('begins anew once it served', async () => {
    for (let i = 0; i < 5; i++) await fail('a:1')
    reconnects.succeeded('a:1')
    expect(reconnects.waitMs('a:1')).toBe(0)
    expect(reconnects.setupTimeoutMs('a:1')).toBe(10_000)
  })
})

it('no more than 1,000 addresses are remembered, the latest', () => {
  for (let i = 0; i < 3_000; i++) reconnects.failed(`host-${i}:1`, 0)
  expect(reconnects.waitMs('host-0:1')).toBe(0)
  expect(reconnects.waitMs('host-2999:1')).toBeGreaterThan(0)
  expect(reconnects.waitMs('host-2000:1')).toBeGreaterThan(0)
  expect(reconnects.waitMs('host-1999:1')).toBe(0)
})

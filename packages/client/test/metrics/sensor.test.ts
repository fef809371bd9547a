import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { NetworkMetrics } from '../../src/metrics/network-metrics.js'
import { Sensor } from '../../src/metrics/sensor.js'

async function sensorAt(startMs: number) {
  const clock = new VirtualClock()
  await clock.advance(startMs)
  return { clock, sensor: new Sensor(clock) }
}

describe('A sensor', () => {
  it('has neither mean nor maximum before its first value, and rates of 0', async () => {
    const { sensor } = await sensorAt(1_234)
    expect([sensor.avg(), sensor.max()]).toEqual([NaN, NaN])
    expect([sensor.rate(), sensor.countRate(), sensor.total, sensor.count]).toEqual([0, 0, 0, 0])
  })

  it('tells mean, maximum and rates of what came recently', async () => {
    const { clock, sensor } = await sensorAt(1_234)
    for (const value of [10, 50, 30]) {
      sensor.record(value)
      await clock.advance(1_000)
    }
    expect([sensor.avg(), sensor.max()]).toEqual([30, 50])
    // There are only 3 s to look back on, and they count as 30.
    expect([sensor.rate(), sensor.countRate()]).toEqual([3, 0.1])
    await clock.advance(27_000 + 15_000)
    expect([sensor.rate(), sensor.countRate()]).toEqual([2, 3 / 45])
  })

  it('forgets what is older than 60 s, and nothing that is younger than 30 s', async () => {
    const { clock, sensor } = await sensorAt(0)
    sensor.record(100)
    await clock.advance(29_999)
    sensor.record(2)
    await clock.advance(29_999)
    expect([sensor.max(), sensor.avg()]).toEqual([100, 51])
    sensor.record(4)
    await clock.advance(2)
    expect([sensor.max(), sensor.avg()]).toEqual([4, 4])
    await clock.advance(60_000)
    expect([sensor.max(), sensor.avg(), sensor.rate()]).toEqual([NaN, NaN, 0])
    expect([sensor.total, sensor.count]).toEqual([106, 3])
  })

  it('tells negative and zero values as they are', async () => {
    const { sensor } = await sensorAt(0)
    sensor.record(-3)
    expect([sensor.max(), sensor.avg()]).toEqual([-3, -3])
    sensor.record(0)
    expect(sensor.max()).toBe(0)
  })

  it('tells of a steady stream the same at all times', async () => {
    const { clock, sensor } = await sensorAt(77)
    for (let second = 0; second < 300; second++) {
      sensor.record(20)
      await clock.advance(1_000)
      if (second < 30) continue
      expect(sensor.rate()).toBeCloseTo(20, 5)
      expect(sensor.countRate()).toBeCloseTo(1, 5)
    }
  })
})

describe('The metrics of a network', () => {
  it('count the connections that are open', () => {
    const metrics = new NetworkMetrics(new VirtualClock())
    metrics.created.record(1)
    metrics.created.record(1)
    metrics.closed.record(1)
    expect(metrics.connections).toBe(1)
  })
})

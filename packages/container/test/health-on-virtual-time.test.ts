import { beforeAll, describe, expect } from 'vitest'
import { calmly, warmUp, type Bench } from './virtual-bench.js'

beforeAll(warmUp)

type Status = 'up' | 'degraded' | 'down'

/** The health of a container, each second. */
async function watch(bench: Bench, seconds: number, statusNow: () => Status): Promise<Status[]> {
  const seen: Status[] = []
  for (let second = 0; second < seconds; second++) {
    await bench.broker.clock.advance(1_000)
    seen.push(statusNow())
  }
  return seen
}

describe('The health of a container whose brokers are all gone', () => {
  calmly('is degraded within a minute, names the trouble, and is up when they are back', async (bench) => {
    const { broker } = bench
    bench.append(1)
    const container = await bench.container(() => undefined, { concurrency: 2 })
    await bench.untilFinished(1)
    expect(container.health().status).toBe('up')

    for (const id of broker.brokerIds) await broker.kill(id)
    const outage = await watch(bench, 180, () => container.health().status)
    const noticed = outage.indexOf('degraded')
    expect(noticed).toBeLessThan(60)
    expect(new Set(outage.slice(noticed))).toEqual(new Set(['degraded']))
    expect(container.state).toBe('running')
    for (const { status, lastError } of container.health().members) {
      expect([status, lastError]).toEqual(['up', expect.stringMatching(/No Kafka broker could be reached/)])
    }

    for (const id of broker.brokerIds) await broker.restart(id)
    const after = await watch(bench, 60, () => container.health().status)
    const healed = after.indexOf('up')
    expect(healed).toBeGreaterThan(-1)
    expect(new Set(after.slice(healed))).toEqual(new Set(['up']))
  })

  calmly('is up with the first records after that', async (bench) => {
    const { broker } = bench
    bench.append(1)
    const container = await bench.container(() => undefined)
    await bench.untilFinished(1)
    for (const id of broker.brokerIds) await broker.kill(id)
    await broker.clock.advance(120_000)
    expect(container.health().status).toBe('degraded')
    for (const id of broker.brokerIds) await broker.restart(id)
    bench.append(1)
    await bench.untilFinished(2)
    expect(container.health().status).toBe('up')
  })
})

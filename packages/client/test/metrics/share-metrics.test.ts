import { VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { metricDescriptions } from '../../src/metrics/metric-descriptions.js'
import { NetworkMetrics } from '../../src/metrics/network-metrics.js'
import { shareConsumerMetrics } from '../../src/metrics/share-consumer-metrics.js'
import { ShareMetrics } from '../../src/metrics/share-metrics.js'

function make() {
  const clock = new VirtualClock()
  const metrics = new ShareMetrics(clock)
  const network = new NetworkMetrics(clock)
  return { clock, metrics, network, read: () => shareConsumerMetrics(metrics, network) }
}

const topic = (topicId: string, ...partitions: number[]) => ({ topicId, partitions })

describe('The metrics of a share consumer', () => {
  it('are described, all of them and no others', () => {
    expect(Object.keys(make().read()).sort()).toEqual(Object.keys(metricDescriptions).sort())
  })

  it('begin with counts and rates of 0, and NaN for what has no value', () => {
    for (const [name, value] of Object.entries(make().read()))
      expect([name, value]).toEqual([name, /-(avg|max|ago)$/.test(name) ? NaN : 0])
  })

  it('tell of fetches: each answer its time and throttling, those that brought something their size', () => {
    const { metrics, read } = make()
    metrics.fetchAnswered(500, 0)
    metrics.fetched(0, 0)
    metrics.fetchAnswered(20, 40)
    metrics.fetched(3_000, 30)
    expect(read()).toMatchObject({
      'fetch-total': 2,
      'fetch-latency-avg': 260,
      'fetch-latency-max': 500,
      'fetch-throttle-time-avg': 20,
      'fetch-throttle-time-max': 40,
      'fetch-size-avg': 3_000,
      'bytes-consumed-rate': 100,
      'bytes-consumed-total': 3_000,
      'records-per-request-avg': 30,
      'records-consumed-rate': 1,
      'records-consumed-total': 30,
    })
  })

  it('tell how the time between polls was spent', async () => {
    const { clock, metrics, read } = make()
    for (let poll = 0; poll < 3; poll++) {
      metrics.pollBegins()
      await clock.advance(100)
      metrics.pollEnds()
      await clock.advance(300)
    }
    expect(read()).toMatchObject({
      'time-between-poll-avg': 400,
      'time-between-poll-max': 400,
      'last-poll-seconds-ago': 0.4,
      // 3 polls of 100 ms, with 300 ms of work after the first two of them.
      'poll-idle-ratio-avg': 300 / 900,
    })
  })

  it('call a consumer idle that is always inside of a poll', async () => {
    const { clock, metrics, read } = make()
    for (let poll = 0; poll < 5; poll++) {
      metrics.pollBegins()
      await clock.advance(1_000)
      metrics.pollEnds()
    }
    expect(read()['poll-idle-ratio-avg']).toBe(1)
  })

  it('count an assignment as a rebalance when it is another than before', () => {
    const { metrics, read } = make()
    const rebalances = () => read()['rebalance-total']
    metrics.assigned([])
    expect(rebalances()).toBe(0)
    metrics.assigned([topic('a', 0, 1), topic('b', 0)])
    metrics.assigned([topic('b', 0), topic('a', 1, 0)])
    expect(rebalances()).toBe(1)
    metrics.assigned([topic('a', 0)])
    expect(rebalances()).toBe(2)
    metrics.assigned(null)
    metrics.assigned([topic('a', 0)])
    expect([rebalances(), read()['rebalance-rate-per-hour']]).toEqual([3, 360])
  })

  it('tell of heartbeats when they were sent, and how long their answers took', async () => {
    const { clock, metrics, read } = make()
    metrics.heartbeat()
    await clock.advance(70)
    metrics.heartbeatAnswered()
    await clock.advance(2_930)
    metrics.heartbeat()
    await clock.advance(1_000)
    expect(read()).toMatchObject({
      'heartbeat-total': 2,
      'heartbeat-response-time-max': 70,
      'last-heartbeat-seconds-ago': 1,
    })
  })
})

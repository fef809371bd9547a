import type { MetricName } from './metric-descriptions.js'
import type { NetworkMetrics } from './network-metrics.js'
import type { Sensor } from './sensor.js'
import type { ShareMetrics } from './share-metrics.js'

const SECONDS_PER_HOUR = 3600

/** All metrics of one share consumer by name: what they are is in metricDescriptions. */
export type ShareConsumerMetrics = Readonly<Record<MetricName, number>>

/** The figures as they stand. */
export function shareConsumerMetrics(share: ShareMetrics, network: NetworkMetrics): ShareConsumerMetrics {
  const { fetchLatency, fetchThrottle, fetchedBytes, fetchedRecords, timeBetweenPolls } = share
  const { acknowledgementsSent, acknowledgementsFailed, heartbeats, heartbeatLatency, rebalances } = share
  const { created, closed, sent, received, latency } = network
  return {
    ...share.counters.snapshot(),
    'fetch-latency-avg': fetchLatency.avg(),
    'fetch-latency-max': fetchLatency.max(),
    'fetch-rate': fetchLatency.countRate(),
    'fetch-total': fetchLatency.count,
    'fetch-throttle-time-avg': fetchThrottle.avg(),
    'fetch-throttle-time-max': fetchThrottle.max(),
    'fetch-size-avg': fetchedBytes.avg(),
    'fetch-size-max': fetchedBytes.max(),
    'bytes-consumed-rate': fetchedBytes.rate(),
    'bytes-consumed-total': fetchedBytes.total,
    'records-per-request-avg': fetchedRecords.avg(),
    'records-per-request-max': fetchedRecords.max(),
    'records-consumed-rate': fetchedRecords.rate(),
    'records-consumed-total': fetchedRecords.total,
    'acknowledgements-send-rate': acknowledgementsSent.rate(),
    'acknowledgements-send-total': acknowledgementsSent.total,
    'acknowledgements-error-rate': acknowledgementsFailed.rate(),
    'acknowledgements-error-total': acknowledgementsFailed.total,
    'last-poll-seconds-ago': share.secondsSincePoll(),
    'time-between-poll-avg': timeBetweenPolls.avg(),
    'time-between-poll-max': timeBetweenPolls.max(),
    'poll-idle-ratio-avg': share.pollIdleRatio(),
    'heartbeat-rate': heartbeats.countRate(),
    'heartbeat-total': heartbeats.count,
    'heartbeat-response-time-max': heartbeatLatency.max(),
    'last-heartbeat-seconds-ago': share.secondsSinceHeartbeat(),
    'rebalance-total': rebalances.count,
    'rebalance-rate-per-hour': rebalances.countRate() * SECONDS_PER_HOUR,
    'connection-count': network.connections,
    ...rateAndTotal('connection-creation', created),
    ...rateAndTotal('connection-close', closed),
    'network-io-rate': sent.countRate() + received.countRate(),
    'network-io-total': sent.count + received.count,
    'outgoing-byte-rate': sent.rate(),
    'outgoing-byte-total': sent.total,
    'incoming-byte-rate': received.rate(),
    'incoming-byte-total': received.total,
    ...rateAndTotal('request', sent),
    'request-size-avg': sent.avg(),
    'request-size-max': sent.max(),
    ...rateAndTotal('response', latency),
    'request-latency-avg': latency.avg(),
    'request-latency-max': latency.max(),
  }
}

/** How often something happened. */
function rateAndTotal<N extends string>(name: N, sensor: Sensor): Record<`${N}-rate` | `${N}-total`, number> {
  return { [`${name}-rate`]: sensor.countRate(), [`${name}-total`]: sensor.count } as Record<
    `${N}-rate` | `${N}-total`,
    number
  >
}

/** What a metric is. */
export interface MetricDescription {
  /** Java's name for the group that the metric is in there; `share-consumer-counters`: Java has no such metric. */
  readonly group: string
  /** What is counted or measured: records, bytes, ms, s, a ratio; `x/s` and `x/h` are rates. */
  readonly unit: string
  /** One sentence. */
  readonly description: string
}

/**
 * Every metric of a share consumer: our own counts, and those of Java's client that mean something here, under Java's names. Totals
 * count from when the consumer was made. A rate, mean or maximum is about the last 30 to 60 s; a rate begins at 0, a mean or
 * maximum without a value is NaN, as in Java. For exporters; the values are ShareConsumer.metrics().
 */
export const metricDescriptions = {
  acquired: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Records acquired by fetches, gaps between them included.',
  },
  redelivered: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Records acquired that had been delivered before.',
  },
  accepted: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Records whose ACCEPT a broker has stored.',
  },
  released: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Records whose RELEASE a broker has stored.',
  },
  rejected: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Records whose REJECT a broker has stored.',
  },
  renewed: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Renewals by the application that a broker has stored.',
  },
  lockRenewals: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Renewals by the client itself, which looks after locks, that a broker has stored.',
  },
  gaps: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Acquired offsets that held no record, as answered to the broker.',
  },
  failed: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Acknowledgements that a broker refused, or that were lost with their session.',
  },
  stale: {
    group: 'share-consumer-counters',
    unit: 'records',
    description:
      'Acknowledgements given when the lock or the session of the record was gone already; they are not sent.',
  },
  lost: {
    group: 'share-consumer-counters',
    unit: 'records',
    description: 'Records whose lock ran out, or was lost with its session, before they were acknowledged.',
  },
  'fetch-latency-avg': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'ms',
    description: 'Mean time from a ShareFetch to its answer, the wait at the broker included.',
  },
  'fetch-latency-max': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'ms',
    description: 'Longest time from a ShareFetch to its answer.',
  },
  'fetch-rate': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'requests/s',
    description: 'ShareFetches answered per second.',
  },
  'fetch-total': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'requests',
    description: 'ShareFetches answered.',
  },
  'fetch-throttle-time-avg': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'ms',
    description: 'Mean pause that brokers asked for with a fetch, as a quota was exceeded.',
  },
  'fetch-throttle-time-max': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'ms',
    description: 'Longest pause that brokers asked for with a fetch.',
  },
  'fetch-size-avg': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'bytes',
    description: 'Mean size of the record batches of a fetch that brought any.',
  },
  'fetch-size-max': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'bytes',
    description: 'Largest size of the record batches of a fetch.',
  },
  'bytes-consumed-rate': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'bytes/s',
    description: 'Bytes of record batches fetched per second.',
  },
  'bytes-consumed-total': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'bytes',
    description: 'Bytes of record batches fetched, as they came: compressed, and with records that were not acquired.',
  },
  'records-per-request-avg': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records',
    description: 'Mean number of records of a fetch that brought any.',
  },
  'records-per-request-max': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records',
    description: 'Largest number of records of a fetch.',
  },
  'records-consumed-rate': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records/s',
    description: 'Records fetched per second.',
  },
  'records-consumed-total': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records',
    description: 'Records acquired and read; gaps and unreadable ones are not among them.',
  },
  'acknowledgements-send-rate': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records/s',
    description: 'Acknowledgements sent per second.',
  },
  'acknowledgements-send-total': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records',
    description: 'Acknowledgements sent, with those of gaps, renewals, and those sent again.',
  },
  'acknowledgements-error-rate': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records/s',
    description: 'Acknowledgements that failed per second.',
  },
  'acknowledgements-error-total': {
    group: 'consumer-share-fetch-manager-metrics',
    unit: 'records',
    description: 'Acknowledgements sent that a broker refused, or that were lost with their session.',
  },
  'last-poll-seconds-ago': {
    group: 'consumer-share-metrics',
    unit: 's',
    description: 'Time since the last poll() began.',
  },
  'time-between-poll-avg': {
    group: 'consumer-share-metrics',
    unit: 'ms',
    description: 'Mean time from the beginning of a poll() to that of the next.',
  },
  'time-between-poll-max': {
    group: 'consumer-share-metrics',
    unit: 'ms',
    description: 'Longest time from the beginning of a poll() to that of the next.',
  },
  'poll-idle-ratio-avg': {
    group: 'consumer-share-metrics',
    unit: 'ratio',
    description:
      'Share of the time that was spent inside of poll(): near 1 the application waits for records, near 0 records wait for it.',
  },
  'heartbeat-rate': {
    group: 'consumer-share-coordinator-metrics',
    unit: 'requests/s',
    description: 'Heartbeats sent per second.',
  },
  'heartbeat-total': { group: 'consumer-share-coordinator-metrics', unit: 'requests', description: 'Heartbeats sent.' },
  'heartbeat-response-time-max': {
    group: 'consumer-share-coordinator-metrics',
    unit: 'ms',
    description: 'Longest time from a heartbeat to its answer.',
  },
  'last-heartbeat-seconds-ago': {
    group: 'consumer-share-coordinator-metrics',
    unit: 's',
    description: 'Time since the last heartbeat was sent.',
  },
  'rebalance-total': {
    group: 'consumer-share-coordinator-metrics',
    unit: 'events',
    description: 'Assignments by the coordinator that were other than the one before.',
  },
  'rebalance-rate-per-hour': {
    group: 'consumer-share-coordinator-metrics',
    unit: 'events/h',
    description: 'Assignments per hour that were other than the one before.',
  },
  'connection-count': { group: 'consumer-metrics', unit: 'connections', description: 'Connections that are open.' },
  'connection-creation-rate': {
    group: 'consumer-metrics',
    unit: 'connections/s',
    description: 'Connections opened per second.',
  },
  'connection-creation-total': { group: 'consumer-metrics', unit: 'connections', description: 'Connections opened.' },
  'connection-close-rate': {
    group: 'consumer-metrics',
    unit: 'connections/s',
    description: 'Connections closed per second, by whichever side.',
  },
  'connection-close-total': {
    group: 'consumer-metrics',
    unit: 'connections',
    description: 'Connections closed, by whichever side.',
  },
  'network-io-rate': { group: 'consumer-metrics', unit: 'operations/s', description: 'Reads and writes per second.' },
  'network-io-total': { group: 'consumer-metrics', unit: 'operations', description: 'Reads and writes.' },
  'outgoing-byte-rate': { group: 'consumer-metrics', unit: 'bytes/s', description: 'Bytes sent per second.' },
  'outgoing-byte-total': { group: 'consumer-metrics', unit: 'bytes', description: 'Bytes sent.' },
  'incoming-byte-rate': { group: 'consumer-metrics', unit: 'bytes/s', description: 'Bytes read per second.' },
  'incoming-byte-total': { group: 'consumer-metrics', unit: 'bytes', description: 'Bytes read.' },
  'request-rate': {
    group: 'consumer-metrics',
    unit: 'requests/s',
    description: 'Requests sent per second, of every kind.',
  },
  'request-total': { group: 'consumer-metrics', unit: 'requests', description: 'Requests sent, of every kind.' },
  'request-size-avg': { group: 'consumer-metrics', unit: 'bytes', description: 'Mean size of a request.' },
  'request-size-max': { group: 'consumer-metrics', unit: 'bytes', description: 'Largest size of a request.' },
  'response-rate': {
    group: 'consumer-metrics',
    unit: 'responses/s',
    description: 'Answers received per second, as far as they were still waited for.',
  },
  'response-total': {
    group: 'consumer-metrics',
    unit: 'responses',
    description: 'Answers received, as far as they were still waited for.',
  },
  'request-latency-avg': {
    group: 'consumer-node-metrics',
    unit: 'ms',
    description: 'Mean time from a request to its answer; fetches, which wait at the broker, are among them.',
  },
  'request-latency-max': {
    group: 'consumer-node-metrics',
    unit: 'ms',
    description: 'Longest time from a request to its answer.',
  },
} as const satisfies Readonly<Record<string, MetricDescription>>

/** The name of a metric of a share consumer. */
export type MetricName = keyof typeof metricDescriptions

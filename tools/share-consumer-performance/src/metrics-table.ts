import { metricDescriptions, type MetricName, type ShareConsumerMetrics } from '@milena/client'

/** The table of --print-metrics: an empty line, the heading, then the metrics of one consumer by group and name. */
export function metricsTable(metrics: Partial<ShareConsumerMetrics>, clientId: string): string[] {
  const rows = Object.entries(metricDescriptions)
    .flatMap(([name, { group }]): [string, string][] => {
      const value = metrics[name as MetricName]
      return value === undefined ? [] : [[`${group}:${dashed(name)}:{client-id=${clientId}}`, value.toFixed(3)]]
    })
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  const width = Math.max('Metric Name'.length, ...rows.map(([name]) => name.length))
  return [
    '',
    `${'Metric Name'.padEnd(width)}   Value`,
    ...rows.map(([name, value]) => `${name.padEnd(width)} : ${value}`),
  ]
}

/** recordsAccepted -> records-accepted */
function dashed(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

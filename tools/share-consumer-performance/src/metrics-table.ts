/** The table of --print-metrics: an empty line, the heading, then the metrics of one consumer by name. */
export function metricsTable(metrics: Readonly<Record<string, number>>, clientId: string): string[] {
  const rows = Object.entries(metrics)
    .map(([name, value]): [string, string] => [
      `share-consumer-counters:${dashed(name)}:{client-id=${clientId}}`,
      value.toFixed(3),
    ])
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

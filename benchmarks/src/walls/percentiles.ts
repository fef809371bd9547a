/** The value below which a share of all lies; the list must not be empty. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  if (found === undefined) throw new RangeError('There are no values to take a percentile of.')
  return found
}

/** `p50 3.1, p99 7.9 ms of 200`. */
export function describeTimes(values: readonly number[]): string {
  const shown = (share: number): string => percentile(values, share).toFixed(1)
  return `p50 ${shown(0.5)}, p99 ${shown(0.99)} ms of ${values.length}`
}

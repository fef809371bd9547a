const UNIT_MS = [86_400_000, 3_600_000, 60_000, 1000] as const

const pattern =
  /^([-+]?)P(?:([-+]?\d{1,15})D)?(?:T(?=[-+\d])(?:([-+]?\d{1,15})H)?(?:([-+]?\d{1,15})M)?(?:([-+]?\d{1,15}(?:[.,]\d{0,9})?)S)?)?$/i

/**
 * Reads a duration of ISO-8601 as Java does: days, hours, minutes and seconds (`P1DT2H`, `PT0.5S`), each with its own sign,
 * upper or lower case; no weeks, months or years.
 *
 * @returns milliseconds, fractions cut off; undefined for anything else
 */
export function parseIsoDurationMs(value: string): number | undefined {
  const match = pattern.exec(value)
  if (match === null) return undefined
  const [, sign, ...amounts] = match
  if (amounts.every((amount) => amount === undefined)) return undefined
  let total = 0
  for (const [i, unit] of UNIT_MS.entries()) total += Number((amounts[i] ?? '0').replace(',', '.')) * unit
  const ms = Math.trunc(sign === '-' ? -total : total)
  return Number.isSafeInteger(ms) ? ms : undefined
}

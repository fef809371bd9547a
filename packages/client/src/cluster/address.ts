import { KafkaUsageError } from '@milena/protocol'

/** Where a broker listens. An IPv6 address is written without brackets here. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `host:port`, an IPv6 host in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * Reads `bootstrapServers`: one string with commas, or an array; each entry `host:port` or `[ipv6]:port`.
 * Throws KafkaUsageError for an entry that is not of this form; its message goes on from "bootstrapServers is …, but". Duplicates are dropped.
 */
export function parseBootstrapServers(given: string | readonly string[]): Address[] {
  const entries = (typeof given === 'string' ? [given] : given).flatMap((entry) => entry.split(','))
  const addresses = new Map<string, Address>()
  for (const entry of entries) {
    const trimmed = entry.trim()
    if (trimmed === '') continue
    const address = parseAddress(trimmed, entries.length === 1)
    addresses.set(formatAddress(address), address)
  }
  return [...addresses.values()]
}

function parseAddress(entry: string, alone: boolean): Address {
  // Someone may have put credentials into it; an error message must not repeat them.
  const shown = entry.includes('@') ? `…@${entry.slice(entry.lastIndexOf('@') + 1)}` : entry
  const wrong = (why: string) =>
    new KafkaUsageError(
      `${alone && shown === entry ? 'it' : `it holds '${shown}', which`} ${why}. Write host:port, for IPv6 [address]:port, several with commas between.`,
    )
  const scheme = /^([a-z_]+):\/\//i.exec(entry)
  if (scheme) throw wrong(`starts with '${scheme[0]}': listener names and URL schemes do not belong here`)
  const match = /^(?:\[([0-9a-f:.%\w]+)\]|([^:[\]\s/@]+)):(\d{1,5})$/i.exec(entry)
  const host = match?.[1] ?? match?.[2]
  if (match === null || host === undefined) {
    if (/^[^:\s]+$/.test(entry)) throw wrong('has no port')
    throw wrong('is not an address')
  }
  const port = Number(match[3])
  if (port < 1 || port > 65_535) throw wrong('has a port that is not between 1 and 65535')
  return { host, port }
}

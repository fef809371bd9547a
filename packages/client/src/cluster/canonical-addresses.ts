import { isIP } from 'node:net'
import type { Clock } from '@milena/protocol/runtime'
import type { HostResolver } from '../network/host-resolver.js'
import { within } from '../network/within.js'
import { formatAddress, type Address } from './address.js'

/** How host names are asked for. */
export interface CanonicalAddressesOptions {
  readonly resolver: HostResolver
  readonly clock: Clock
  /** Bound of each question, in milliseconds. */
  readonly timeoutMs: number
}

/**
 * The given addresses by the canonical names of all hosts behind them (KIP-235). One whose name cannot be resolved stays as it
 * is: connecting to it then says what is wrong.
 */
export async function canonicalAddresses(
  given: readonly Address[],
  options: CanonicalAddressesOptions,
): Promise<Address[]> {
  const found = await Promise.all(given.map((address) => canonical(address, options)))
  return [...new Map(found.flat().map((address) => [formatAddress(address), address])).values()]
}

async function canonical(
  address: Address,
  { resolver, clock, timeoutMs }: CanonicalAddressesOptions,
): Promise<readonly Address[]> {
  try {
    const hosts =
      isIP(address.host) === 0 ? await within(resolver.addresses(address.host), { clock, timeoutMs }) : [address.host]
    const names = await within(Promise.all(hosts.map((host) => resolver.nameOf(host))), { clock, timeoutMs })
    return names.length === 0 ? [address] : names.map((host) => ({ host, port: address.port }))
  } catch {
    return [address]
  }
}

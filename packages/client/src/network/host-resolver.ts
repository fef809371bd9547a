import { lookup, lookupService } from 'node:dns/promises'

/** What turns host names into addresses and back: the system's resolver, or a test's. */
export interface HostResolver {
  /** All addresses of a host, in the order in which to try them. Rejects when it has none. */
  addresses(host: string): Promise<readonly string[]>
  /** The canonical name of the host behind an address; the address itself where it has none. */
  nameOf(address: string): Promise<string>
}

/** Asks as the system is set up to: its hosts file and its name servers. */
export const systemResolver: HostResolver = {
  async addresses(host) {
    return (await lookup(host, { all: true })).map((answer) => answer.address)
  },
  async nameOf(address) {
    try {
      return (await lookupService(address, 0)).hostname
    } catch {
      return address
    }
  },
}

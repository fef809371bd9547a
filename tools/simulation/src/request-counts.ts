import type { WireTap } from './wire-tap.js'

/** More requests of one process within one second of its time are a busy loop. */
const BUSY_LOOP = 1_500

/** How many requests are sent, by process and second, and by connection and kind. */
export class RequestCounts {
  readonly #second = new Map<string, { second: number; requests: number }>()
  #byConnection = new Map<WireTap, Map<number, number>>()

  /** A request goes out. What is wrong with that many, once for each second in which it is. */
  counted(tap: WireTap, apiKey: number, now: number): string | undefined {
    const kinds = this.#byConnection.get(tap) ?? new Map<number, number>()
    this.#byConnection.set(tap, kinds.set(apiKey, (kinds.get(apiKey) ?? 0) + 1))
    const { name } = tap.process
    const second = Math.floor(now / 1_000)
    const seen = this.#second.get(name)
    if (seen === undefined || seen.second !== second) {
      this.#second.set(name, { second, requests: 1 })
      return undefined
    }
    return ++seen.requests === BUSY_LOOP ? `${name} sent ${BUSY_LOOP} requests within a second: a busy loop` : undefined
  }

  /** The busiest connection and kind since the last call. */
  busiest(): { readonly requests: number; readonly of: string } {
    let busiest = { requests: 0, of: '' }
    for (const [{ process, nodeId }, kinds] of this.#byConnection) {
      for (const [apiKey, requests] of kinds) {
        if (requests > busiest.requests) busiest = { requests, of: `${process.name} > ${nodeId}, API ${apiKey}` }
      }
    }
    this.#byConnection = new Map()
    return busiest
  }
}

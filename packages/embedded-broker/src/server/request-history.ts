/** A request that the broker got, as tests look back at it. */
export interface SeenRequest {
  /** Kafka's name, e.g. `ShareAcknowledge`. */
  readonly api: string
  readonly version: number
  readonly clientId: string | null
  readonly nodeId: number
  readonly connectionId: string
  readonly principal: string
  /** By the broker's clock, milliseconds since the epoch. */
  readonly at: number
  /** As it was read; but of a SaslAuthenticate not the token, which may hold a password. */
  readonly body: unknown
}

const SECRET = 'SaslAuthenticate'

/** Requests hold on to the bytes they came in. */
const MAX_BYTES = 16 * 1024 * 1024

/** The latest requests: so many, and no more bytes than a limit. */
export class RequestHistory {
  readonly #maxRequests: number
  /** Undefined below #first: let go. */
  readonly #seen: ({ readonly request: SeenRequest; readonly bytes: number } | undefined)[] = []
  #first = 0
  #bytes = 0

  constructor(maxRequests: number) {
    this.#maxRequests = maxRequests
  }

  get isOff(): boolean {
    return this.#maxRequests === 0
  }

  add(request: SeenRequest, bytes: number): void {
    const shown = request.api === SECRET ? { ...request, body: { authBytes: Buffer.alloc(0) } } : request
    this.#seen.push({ request: shown, bytes })
    this.#bytes += bytes
    while (
      this.#seen.length - this.#first > this.#maxRequests ||
      (this.#bytes > MAX_BYTES && this.#first < this.#seen.length)
    ) {
      this.#bytes -= this.#seen[this.#first]?.bytes ?? 0
      this.#seen[this.#first++] = undefined
    }
    // Taken away in runs: shifting an array one by one moves all of it each time.
    if (this.#first > 1000 && this.#first * 2 > this.#seen.length) {
      this.#seen.splice(0, this.#first)
      this.#first = 0
    }
  }

  /** Oldest first. */
  list(): SeenRequest[] {
    return this.#seen.flatMap((seen) => (seen === undefined ? [] : [seen.request]))
  }

  clear(): void {
    this.#seen.length = 0
    this.#first = 0
    this.#bytes = 0
  }
}

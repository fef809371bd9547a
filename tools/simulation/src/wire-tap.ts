import {
  correlationIdOf,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  encodeResponse,
  FrameSplitter,
  ShareAcknowledge,
  ShareFetch,
  ShareGroupHeartbeat,
  type RequestOf,
  type ResponseOf,
} from '@milena/protocol'
import type { SimProcess } from './sim-process.js'

export type FetchRequest = RequestOf<typeof ShareFetch>
export type FetchResponse = ResponseOf<typeof ShareFetch>
export type AcknowledgeRequest = RequestOf<typeof ShareAcknowledge>
export type AcknowledgeResponse = ResponseOf<typeof ShareAcknowledge>

/** A request of a share session on its way, and what is known of its end. */
export type Exchange = {
  readonly tap: WireTap
  readonly version: number
  readonly correlationId: number
  readonly sentAtMs: number
} & (
  | { readonly api: 'ShareFetch'; readonly request: FetchRequest; response?: FetchResponse }
  | { readonly api: 'ShareAcknowledge'; readonly request: AcknowledgeRequest; response?: AcknowledgeResponse }
)

/** Told what goes over a connection, in the order in which it does. */
export interface WireObserver {
  /** Any request, share or not. */
  counted(tap: WireTap, apiKey: number): void
  heartbeat(tap: WireTap, request: RequestOf<typeof ShareGroupHeartbeat>): void
  /** The client wrote it. */
  sent(exchange: Exchange): void
  /** The broker has handled it. May change what the client gets: returns whether it did. */
  answered(exchange: Exchange): boolean
  /** The client got the answer. */
  delivered(exchange: Exchange): void
  /** The broker's side of the connection is gone: of those without an answer nobody knows what became. */
  closedAtBroker(tap: WireTap, unanswered: readonly Exchange[]): void
  closedAtClient(tap: WireTap): void
}

const MAX_FRAME_BYTES = 64 * 1024 * 1024

/** Reads along on one connection. */
export class WireTap {
  /** Which share session of this connection; a fetch of epoch 0 begins the next. */
  session = 0
  /** When the fetch that began it was sent, and for which member. */
  sessionSentMs = 0
  memberId: string | undefined
  /** When the client knew that the connection was gone. */
  closedAtClientMs: number | undefined
  readonly #observer: WireObserver
  readonly #requests = new FrameSplitter({ maxFrameBytes: MAX_FRAME_BYTES })
  readonly #answers = new FrameSplitter({ maxFrameBytes: MAX_FRAME_BYTES })
  readonly #arrivals = new FrameSplitter({ maxFrameBytes: MAX_FRAME_BYTES })
  readonly #outstanding = new Map<number, Exchange>()
  readonly #answered = new Map<number, Exchange>()
  #isClosed = false

  constructor(
    observer: WireObserver,
    readonly process: SimProcess,
    readonly nodeId: number,
  ) {
    this.#observer = observer
  }

  requested(bytes: Buffer): void {
    this.#requests.push(bytes, (frame) => {
      const { apiKey, apiVersion: version, correlationId } = decodeRequestHeader(frame)
      this.#observer.counted(this, apiKey)
      let exchange: Exchange
      const common = { tap: this, version, correlationId, sentAtMs: this.process.clock.now() }
      if (apiKey === ShareFetch.key) {
        exchange = { ...common, api: 'ShareFetch', request: decodeRequest(ShareFetch, version, frame) }
      } else if (apiKey === ShareAcknowledge.key) {
        exchange = { ...common, api: 'ShareAcknowledge', request: decodeRequest(ShareAcknowledge, version, frame) }
      } else {
        if (apiKey === ShareGroupHeartbeat.key)
          this.#observer.heartbeat(this, decodeRequest(ShareGroupHeartbeat, version, frame))
        return
      }
      this.#outstanding.set(correlationId, exchange)
      this.#observer.sent(exchange)
    })
  }

  /** What the client is to get for what the broker wrote, which is one answer at a time. */
  answered(bytes: Buffer): readonly Buffer[] {
    let changed: Buffer[] | undefined
    this.#answers.push(bytes, (frame) => {
      const exchange = this.#outstanding.get(correlationIdOf(frame))
      if (exchange === undefined) return
      this.#outstanding.delete(exchange.correlationId)
      this.#answered.set(exchange.correlationId, exchange)
      const { version, correlationId } = exchange
      if (exchange.api === 'ShareFetch') {
        exchange.response = decodeResponse(ShareFetch, version, frame)
        if (!this.#observer.answered(exchange)) return
        changed ??= []
        changed.push(encodeResponse(ShareFetch, { version, correlationId, body: exchange.response }))
      } else {
        exchange.response = decodeResponse(ShareAcknowledge, version, frame)
        this.#observer.answered(exchange)
      }
    })
    return changed ?? [bytes]
  }

  delivered(bytes: Buffer): void {
    this.#arrivals.push(bytes, (frame) => {
      const exchange = this.#answered.get(correlationIdOf(frame))
      if (exchange === undefined) return
      this.#answered.delete(exchange.correlationId)
      this.#observer.delivered(exchange)
    })
  }

  closedAtBroker(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#observer.closedAtBroker(this, [...this.#outstanding.values()])
    this.#outstanding.clear()
  }

  closedAtClient(): void {
    this.#observer.closedAtClient(this)
  }
}

import { FAULTS_OF_CLIENTS } from './refusals.js'
import { injectionKey } from './wire-acknowledgements.js'
import type { Exchange, WireTap } from './wire-tap.js'

// Whose fault it is that a broker refuses a request of a share session.
//
// Rules kept here
// - An error that was put in is nobody's, and neither is what comes of it on that connection: the two disagree from there on.
// - Bytes that the network has kept may reach a broker when the client has given up their connection and begun a session on
//   another one. They end that session, and the client cannot know.

type Request = Parameters<typeof injectionKey>[0]

export class SessionRefusals {
  /** Errors that were put in, by member, broker, API and epoch. */
  readonly #injected = new Set<string>()
  readonly #desynced = new WeakSet<WireTap>()
  /** Of each member and broker: the latest connection on which the broker had something to do when the client had closed it. */
  readonly #strays = new Map<string, { readonly tap: WireTap; readonly atMs: number }>()

  /** The answer to this request is an error that was put in. */
  inject(request: Request, nodeId: number, api: string): void {
    this.#injected.add(injectionKey(request, nodeId, api))
  }

  /** Those that were not met are forgotten. */
  forgetInjected(): void {
    this.#injected.clear()
  }

  takeInjected({ request, tap, api }: Exchange): boolean {
    return this.#injected.delete(injectionKey(request, tap.nodeId, api))
  }

  /** The broker hears only now of what was written to a connection, or of its end, that the client has done with. */
  strayed(tap: WireTap, now: number): void {
    if (tap.closedAtClientMs === undefined || tap.memberId === undefined) return
    this.#strays.set(`${tap.memberId} ${tap.nodeId}`, { tap, atMs: now })
  }

  /** A broker has refused a request of this connection: whether its client is to blame. */
  isFaultOfClient(tap: WireTap, errorCode: number, isInjected: boolean): boolean {
    if (isInjected) this.#desynced.add(tap)
    return FAULTS_OF_CLIENTS.has(errorCode) && !this.#desynced.has(tap) && !this.#isSpoilt(tap)
  }

  #isSpoilt({ memberId, nodeId, sessionSentMs }: WireTap): boolean {
    const stray = this.#strays.get(`${memberId} ${nodeId}`)
    return (
      stray !== undefined && stray.atMs >= sessionSentMs && (stray.tap.closedAtClientMs ?? Infinity) <= sessionSentMs
    )
  }
}

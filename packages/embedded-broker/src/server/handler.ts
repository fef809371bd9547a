import type { AnyApi, RequestOf, ResponseInput } from '@milena/protocol'
import type { RequestContext } from './request-context.js'

/** What a handler gives back: the answer, or undefined where the protocol has none (Produce with acks 0). */
export type Answer<A extends AnyApi> = ResponseInput<A> | undefined

/** How the broker serves one API. */
export interface Handler {
  readonly api: AnyApi
  readonly handle: (request: never, context: RequestContext) => unknown
}

/**
 * Says how an API is served. The handler gets a request of any version the broker offers (a field that the version does not
 * have reads as its default) and answers at once or in a promise. It throws only for defects: the connection is then closed.
 */
export function defineHandler<A extends AnyApi>(
  api: A,
  handle: (request: RequestOf<A>, context: RequestContext) => Answer<A> | Promise<Answer<A>>,
): Handler {
  return { api, handle }
}

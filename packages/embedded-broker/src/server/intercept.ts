import { KafkaUsageError, type AnyApi, type RequestOf, type ResponseInput } from '@milena/protocol'
import type { ServedApis } from './served-apis.js'

/** A request as the interception hook sees it, before it is handled. */
export interface InterceptedRequest<A extends AnyApi = AnyApi> {
  /** Kafka's name, e.g. `ShareFetch`. */
  readonly api: string
  readonly version: number
  readonly clientId: string | null
  /** The broker that was asked. */
  readonly nodeId: number
  readonly connectionId: string
  readonly principal: string
  readonly body: RequestOf<A>
}

/** Which partitions `fail` is about. */
export interface FailedPartition {
  readonly topic: string
  /** Default: all of the topic. */
  readonly partition?: number
}

/**
 * What shall become of a request. Nothing (undefined): it is handled as ever.
 *
 * - `answer`: this is the answer; nothing is done.
 * - `fail`: the answer says this error (for the whole request, or for each of its parts where the API has no other place), and
 *   nothing is done. With `partitions` the request is handled, but those answer with the error and nothing happens in them:
 *   of Produce, Fetch, ListOffsets, DeleteRecords, OffsetForLeaderEpoch, ShareFetch (also those of its session that it does
 *   not name; acknowledgements in it fail, too) and ShareAcknowledge.
 * - `delay`: it is handled `ms` later; the connection serves nothing else meanwhile, as in Kafka. It is so, as there, also where
 *   the connection has closed by then: a request that was read is in the queue, and only its answer is dropped. What the
 *   connection brought behind it is not handled.
 * - `drop`: `request`: it is not handled and never answered; `answer` (default): it is handled, but its answer gets lost. The
 *   connection stays open and serves what comes after it.
 * - `cut`: the connection is closed `before` (default) or `after` the request is handled; it gets no answer.
 * - `change`: it is handled, and this function may change the answer.
 */
export type InterceptAction<A extends AnyApi = AnyApi> =
  | undefined
  | { readonly do: 'answer'; readonly body: ResponseInput<A> }
  | { readonly do: 'fail'; readonly errorCode: number; readonly errorMessage?: string }
  | { readonly do: 'fail'; readonly errorCode: number; readonly partitions: readonly FailedPartition[] }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'drop'; readonly what?: 'request' | 'answer' }
  | { readonly do: 'cut'; readonly when?: 'before' | 'after' }
  | { readonly do: 'change'; readonly answer: (body: ResponseInput<A>) => ResponseInput<A> }

export interface InterceptOptions<A extends AnyApi = AnyApi> {
  /** Only requests that this says yes to are intercepted (and count). */
  readonly when?: (request: InterceptedRequest<A>) => boolean
  /** The hook ends after so many requests. Default: never. */
  readonly times?: number
}

/** Returned by `broker.intercept()`; with `using` it ends with its block. */
export interface Interception extends Disposable {
  /** How many requests the hook has seen. */
  readonly count: number
  /** Ends the hook. Idempotent. */
  stop(): void
}

/** The names by which requests are intercepted; `*` is every API. */
export type InterceptedApi = keyof ServedApis | '*'

export type ApiNamed<Name extends InterceptedApi> = Name extends keyof ServedApis ? ServedApis[Name] : AnyApi

/** A hook threw, or asked for what cannot be done: a mistake of the test, not of the broker. */
export class HookFailure extends Error {
  constructor(api: string, cause: unknown) {
    super(
      `The hook of broker.intercept() on ${api} failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    )
    this.name = 'HookFailure'
  }
}

interface Hook {
  readonly api: string
  readonly when: ((request: InterceptedRequest) => boolean) | undefined
  readonly act: (request: InterceptedRequest) => InterceptAction | Promise<InterceptAction>
  left: number
  count: number
}

/** All hooks of a broker. The newest that fits a request decides alone. */
export class Interceptors {
  readonly #hooks: Hook[] = []

  get isEmpty(): boolean {
    return this.#hooks.length === 0
  }

  add(
    api: string,
    act: (request: never) => unknown,
    options: { readonly when?: (request: never) => boolean; readonly times?: number },
  ): Interception {
    if (options.times !== undefined && !(options.times >= 1)) {
      throw new KafkaUsageError(`An interception needs to see at least one request: times is ${options.times}.`)
    }
    const hook: Hook = {
      api,
      when: options.when as Hook['when'],
      act: act as Hook['act'],
      left: options.times ?? Infinity,
      count: 0,
    }
    this.#hooks.push(hook)
    const stop = (): void => {
      const at = this.#hooks.indexOf(hook)
      if (at >= 0) this.#hooks.splice(at, 1)
    }
    return {
      get count() {
        return hook.count
      },
      stop,
      [Symbol.dispose]: stop,
    }
  }

  /** What is to become of this request. Throws, or rejects with, a HookFailure. */
  decide(request: InterceptedRequest): InterceptAction | Promise<InterceptAction> {
    for (let i = this.#hooks.length - 1; i >= 0; i--) {
      const hook = this.#hooks[i]
      if (hook === undefined || (hook.api !== '*' && hook.api !== request.api)) continue
      try {
        if (hook.when !== undefined && !hook.when(request)) continue
        hook.count++
        if (--hook.left <= 0) this.#hooks.splice(i, 1)
        const action = hook.act(request)
        if (!(action instanceof Promise)) return action
        return action.catch((error: unknown) => {
          throw new HookFailure(request.api, error)
        })
      } catch (error) {
        throw new HookFailure(request.api, error)
      }
    }
    return undefined
  }
}

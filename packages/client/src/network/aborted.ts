import { setMaxListeners } from 'node:events'
import { KafkaConnectionError, KafkaError, KafkaTimeoutError } from '@milena/protocol'

/** What a promise is rejected with when the caller's AbortSignal fired: a KafkaError with code ABORTED. */
export function abortedError(signal: AbortSignal | undefined): KafkaError {
  return new KafkaError('The operation was aborted by its signal.', {
    code: 'ABORTED',
    retriable: false,
    cause: signal?.reason,
  })
}

/** True for the error of {@link abortedError}. */
export function isAborted(error: unknown): boolean {
  return KafkaError.is(error) && error.code === 'ABORTED'
}

/** Nobody knows whether the broker got the request: the connection failed, or no answer came in time. */
export function isConnectionLoss(error: unknown): boolean {
  return KafkaConnectionError.is(error) || KafkaTimeoutError.is(error)
}

/** An AbortController for many listeners. Node warns of a leak at the eleventh, which here is a busy client and no leak. */
export function sharedAbortController(): AbortController {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/**
 * Does some work under a signal that fires when either of two does. AbortSignal.any() would leave something in a long-lived
 * signal with each call, for as long as that lives (Node 20).
 */
export async function underEither<T>(
  first: AbortSignal | undefined,
  second: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (first === undefined) return work(second)
  const either = sharedAbortController()
  const sources = [first, second]
  const fire = (): void => either.abort(sources.find(({ aborted }) => aborted)?.reason)
  for (const source of sources) {
    if (source.aborted) fire()
    else source.addEventListener('abort', fire, { once: true })
  }
  try {
    return await work(either.signal)
  } finally {
    for (const source of sources) source.removeEventListener('abort', fire)
  }
}

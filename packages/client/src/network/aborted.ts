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

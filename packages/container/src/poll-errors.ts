import { KafkaError, KafkaUnsupportedVersionError, KafkaUsageError } from '@milena/protocol'
import type { ConsumerStopReason } from './events.js'

/**
 * What an error means to the member that it came to.
 *
 * - `survived`: the member goes on and asks again after a pause; the fault heals, or somebody mends it meanwhile.
 * - `replaced`: the member is closed, and a new one takes its place after a pause.
 * - `fatal`: no member could do better; the container fails.
 */
export type PollErrorVerdict = 'survived' | 'replaced' | 'fatal'

/** An access rule of a topic can be mended while the member waits; leaving and joining again would change nothing. */
const survived: ReadonlySet<string> = new Set(['TOPIC_AUTHORIZATION_FAILED'])

const fatal: ReadonlySet<string> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
  'UNSUPPORTED_VERSION',
  'INVALID_REQUEST',
  'INVALID_CONFIG',
  'INVALID_GROUP_ID',
  'INVALID_TOPIC_EXCEPTION',
  'BROKEN_INVARIANT',
])

/** The one table of poll errors. */
export function sortPollError(error: unknown): PollErrorVerdict {
  if (!KafkaError.is(error)) return isProcessFault(error) ? 'fatal' : 'replaced'
  const { code, retriable } = error
  if (KafkaUsageError.is(error) || KafkaUnsupportedVersionError.is(error) || fatal.has(code)) return 'fatal'
  return retriable || survived.has(code) ? 'survived' : 'replaced'
}

/** The reason that ConsumerStoppedEvent gives for a member which this error ended. */
export function stopReasonOf(error: unknown): ConsumerStopReason {
  if (KafkaError.is(error)) return error.code === 'BROKEN_INVARIANT' ? 'ERROR' : 'ABNORMAL'
  return isProcessFault(error) ? 'ERROR' : 'ABNORMAL'
}

/** A fault of the process or of Milena itself: what the language or the runtime throws, which nobody threw on purpose. */
function isProcessFault(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return true
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined
  return (
    code === 'ERR_ASSERTION' ||
    code === 'ERR_INTERNAL_ASSERTION' ||
    code === 'ERR_OUT_OF_RANGE' ||
    code === 'ERR_WORKER_OUT_OF_MEMORY'
  )
}

import { setMaxListeners } from 'node:events'
import { KafkaError, KafkaTimeoutError } from '@milena/protocol'
import type { Clock, Timer } from '@milena/protocol/runtime'
import type { ResolvedContainerProperties } from './container-properties.js'

/** What a start that is bounded belongs to. */
export interface BoundedStart {
  readonly clock: Clock
  readonly properties: ResolvedContainerProperties
  /** The addresses to name where the brokers do not answer. */
  readonly consumerFactory: { readonly bootstrapServers?: readonly string[] | undefined }
}

/**
 * Calls `start` with a signal that fires when `given` does, or when consumerStartTimeoutMs is over. Rejects then at once, with
 * code ABORTED or START_TIMED_OUT, also when `start` does not heed its signal.
 */
export async function withinStartTimeout<T>(
  { clock, properties, consumerFactory }: BoundedStart,
  given: AbortSignal,
  start: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { id, topics, consumerStartTimeoutMs: timeoutMs } = properties
  const addresses = (consumerFactory.bootstrapServers ?? []).join(', ')
  const limit = new AbortController()
  // Every member listens to it: more than ten are no leak, which Node would warn of.
  setMaxListeners(0, limit.signal)
  let timer: Timer | undefined
  let aborted = (): void => undefined
  const cut = new Promise<never>((_resolve, reject) => {
    // Rejected before the signal fires: the reason that counts is this one, not what `start` makes of its signal.
    aborted = () => {
      reject(new KafkaError(`The start of container '${id}' was given up.`, { code: 'ABORTED', cause: given.reason }))
      limit.abort()
    }
    timer = clock.setTimer(() => {
      reject(
        new KafkaTimeoutError(
          `Container '${id}' did not start within ${timeoutMs} ms: not all of its members have joined their group. Check that ` +
            `the brokers${addresses === '' ? '' : ` (${addresses})`} can be reached and let them join, or raise ` +
            `consumerStartTimeoutMs (topics: ${topics.join(', ')}).`,
          { code: 'START_TIMED_OUT' },
        ),
      )
      limit.abort()
    }, timeoutMs)
    if (given.aborted) aborted()
    else given.addEventListener('abort', aborted, { once: true })
  })
  try {
    return await Promise.race([start(limit.signal), cut])
  } finally {
    timer?.cancel()
    given.removeEventListener('abort', aborted)
  }
}

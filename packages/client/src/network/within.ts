import { KafkaTimeoutError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { abortedError } from './aborted.js'

/**
 * `work`, unless it takes longer than `timeoutMs`: then a KafkaTimeoutError; or the signal fires: code ABORTED. The work itself
 * is not ended.
 */
export async function within<T>(
  work: Promise<T>,
  {
    clock,
    timeoutMs,
    signal,
  }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<T> {
  let timer: { cancel(): void } | undefined
  let aborted = (): void => undefined
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimer(
      () => reject(new KafkaTimeoutError(`Nothing came within ${Math.round(timeoutMs)} ms.`)),
      timeoutMs,
    )
    aborted = () => reject(abortedError(signal))
    signal?.addEventListener('abort', aborted, { once: true })
    if (signal?.aborted) aborted()
  })
  try {
    return await Promise.race([work, late])
  } finally {
    timer?.cancel()
    signal?.removeEventListener('abort', aborted)
  }
}

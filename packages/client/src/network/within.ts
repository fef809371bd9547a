import { KafkaTimeoutError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'

/** `work`, unless it takes longer than `timeoutMs`: then a KafkaTimeoutError. The work itself is not ended. */
export async function within<T>(
  work: Promise<T>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<T> {
  let timer: { cancel(): void } | undefined
  const late = new Promise<never>((_, reject) => {
    timer = clock.setTimer(
      () => reject(new KafkaTimeoutError(`Nothing came within ${Math.round(timeoutMs)} ms.`)),
      timeoutMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    timer?.cancel()
  }
}

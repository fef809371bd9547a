import type { KafkaError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { BoundedWait } from './bounded-wait.js'
import type { ClosingTime } from './closing-time.js'

/** A broker that is well has ended a share session long before. */
const SESSIONS_FIRST_MS = 1_000
/** Of the time that there is; the rest is for the leave, whatever the sessions wait for. */
const SESSIONS_FIRST_SHARE = 0.5

/**
 * The order of a close: the share sessions end, then the group is left. Where a broker has fallen silent the leave does not wait
 * for it, so that what either may have to wait for does not add up. Resolves to what became of the leave.
 */
export async function farewell(
  clock: Clock,
  time: ClosingTime,
  sessions: Promise<void>,
  leave: () => Promise<KafkaError | undefined>,
): Promise<KafkaError | undefined> {
  const firstMs = Math.min(SESSIONS_FIRST_MS, time.leftMs * SESSIONS_FIRST_SHARE)
  // Where there is hardly any time the leave is at least sent.
  if (firstMs >= 1) {
    const wait = new BoundedWait(clock, firstMs, time.signal)
    await wait.until(sessions)
    wait.stop()
  }
  const [left] = await Promise.all([leave(), sessions])
  return left
}

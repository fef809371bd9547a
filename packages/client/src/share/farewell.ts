import type { KafkaError } from '@milena/protocol'
import type { Clock } from '@milena/protocol/runtime'
import { BoundedWait } from './bounded-wait.js'

/** A broker that is well has ended a share session long before. */
const SESSIONS_FIRST_MS = 1_000

/**
 * The order of a close: the share sessions end, then the group is left. Where a broker has fallen silent the leave does not wait
 * for it, so that what either may have to wait for does not add up. Resolves to what became of the leave.
 */
export async function farewell(
  clock: Clock,
  sessions: Promise<void>,
  leave: () => Promise<KafkaError | undefined>,
): Promise<KafkaError | undefined> {
  const wait = new BoundedWait(clock, SESSIONS_FIRST_MS, undefined)
  await wait.until(sessions)
  wait.stop()
  const [left] = await Promise.all([leave(), sessions])
  return left
}

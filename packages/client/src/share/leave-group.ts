import {
  ErrorCode,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaError,
  KafkaTimeoutError,
  ShareGroupHeartbeat,
} from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'

const LEAVE_EPOCH = -1
/** Answers to a leave after which the coordinator has no such member. */
const GONE: ReadonlySet<number> = new Set([ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.UNKNOWN_MEMBER_ID])
/** The coordinator has moved, or moves. */
const ELSEWHERE: ReadonlySet<number> = new Set([
  ErrorCode.NOT_COORDINATOR,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
])

/** Who leaves what. */
export interface LeaveGroupOptions {
  readonly groupId: string
  readonly memberId: string
  readonly clientId: string
  /** Bound of the whole, the search for a lost coordinator included, in milliseconds. */
  readonly timeoutMs: number
  /** Fires when there is no time left at all. */
  readonly signal: AbortSignal
}

/**
 * Tells the coordinator that a member leaves: the one that it has moved to, if it has; and once more where the connection was lost
 * by that. Never rejects: resolves with what went wrong. That the coordinator knows neither group nor member any more is as good
 * as a leave.
 */
export async function leaveGroup(
  context: KafkaClientContext,
  { groupId, memberId, clientId, timeoutMs, signal }: LeaveGroupOptions,
): Promise<KafkaError | undefined> {
  const body = { groupId, memberId, memberEpoch: LEAVE_EPOCH, rackId: null, subscribedTopicNames: null }
  const late = new AbortController()
  const giveUp = (): void => late.abort()
  const { clock } = context
  const startedAt = clock.now()
  const timer = clock.setTimer(giveUp, timeoutMs)
  signal.addEventListener('abort', giveUp, { once: true })
  if (signal.aborted) giveUp()
  const backoff = context.backoff()
  let lost = false
  let before: KafkaError | undefined
  try {
    for (;;) {
      try {
        const options = { to: { group: groupId }, timeoutMs, signal: late.signal, clientId }
        const { errorCode, errorMessage } = await context.send(ShareGroupHeartbeat, body, options)
        if (GONE.has(errorCode)) return undefined
        before = KafkaBrokerError.of(errorCode, { api: 'ShareGroupHeartbeat', detail: errorMessage })
        if (!ELSEWHERE.has(errorCode))
          return notLeft(groupId, `refused to let this member leave: ${before.message}`, before)
      } catch (error) {
        if (lost || late.signal.aborted || !KafkaConnectionError.is(error)) throw error
        lost = true
        before = error
      }
      context.coordinators.forget(groupId)
      await backoff.wait(late.signal)
    }
  } catch (error) {
    if (late.signal.aborted || KafkaTimeoutError.is(error)) {
      const tookMs = Math.round(clock.now() - startedAt)
      const why = before === undefined ? '' : ` (${before.message})`
      return notLeft(groupId, `could not be told within ${tookMs} ms that this member leaves${why}`, before ?? error)
    }
    const reason = error instanceof Error ? error.message : String(error)
    return notLeft(groupId, `could not be told that this member leaves: ${reason}`, error)
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', giveUp)
  }
}

function notLeft(groupId: string, what: string, cause: unknown): KafkaError {
  return new KafkaError(
    `Group '${groupId}' ${what.replace(/\.$/, '')}; its coordinator notices after the session timeout.`,
    { code: KafkaError.is(cause) ? cause.code : 'LEAVE_FAILED', retriable: true, cause },
  )
}

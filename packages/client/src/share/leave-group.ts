import { ErrorCode, KafkaBrokerError, KafkaError, KafkaTimeoutError, ShareGroupHeartbeat } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'

const LEAVE_EPOCH = -1
/** Answers to a leave after which the coordinator has no such member. */
const GONE: ReadonlySet<number> = new Set([ErrorCode.NONE, ErrorCode.GROUP_ID_NOT_FOUND, ErrorCode.UNKNOWN_MEMBER_ID])

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
 * Tells the coordinator once that a member leaves. Never rejects: resolves with what went wrong. That the coordinator knows
 * neither group nor member any more is as good as a leave.
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
  try {
    const options = { to: { group: groupId }, timeoutMs, signal: late.signal, clientId }
    const { errorCode, errorMessage } = await context.send(ShareGroupHeartbeat, body, options)
    if (GONE.has(errorCode)) return undefined
    const refusal = KafkaBrokerError.of(errorCode, { api: 'ShareGroupHeartbeat', detail: errorMessage })
    return notLeft(groupId, `refused to let this member leave: ${refusal.message}`, refusal)
  } catch (error) {
    if (late.signal.aborted || KafkaTimeoutError.is(error))
      return notLeft(
        groupId,
        `could not be told within ${Math.round(clock.now() - startedAt)} ms that this member leaves`,
        error,
      )
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

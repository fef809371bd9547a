import {
  ErrorCode,
  isRetriable,
  KafkaBrokerError,
  KafkaConnectionError,
  KafkaProtocolError,
  KafkaTimeoutError,
} from '@milena/protocol'
import type { Verdict } from './acquired-range.js'
import { forbidsRenewals, renewalsForbidden } from './forbidden-renewals.js'
import type { TopicIdPartition } from './share-partition.js'

// From a broker's error code to what becomes of the answers that were sent. No I/O, no clock.
//
// Rules kept here
// - An error after which the same answers may still be stored lets them be sent again, until `retryForMs` are over.
// - Everything else is final: reported, and never sent again.

export class AcknowledgementVerdicts {
  readonly #retryForMs: number
  readonly #retryUntil = new Map<TopicIdPartition, number>()

  constructor(retryForMs: number) {
    this.#retryForMs = retryForMs
  }

  /** The verdict on one partition's answers. `lockDeadline` is that of renewed ones. */
  of(
    partition: TopicIdPartition,
    errorCode: number,
    detail: string | null,
    { now, lockDeadline }: VerdictTimes,
  ): Verdict {
    if (errorCode === ErrorCode.NONE) {
      this.#retryUntil.delete(partition)
      return { outcome: 'done', lockDeadline }
    }
    if (forbidsRenewals(errorCode, detail)) return { outcome: 'unrenewed', error: renewalsForbidden(partition, detail) }
    const error = KafkaBrokerError.of(errorCode, { api: acknowledgementsOf(partition), detail })
    if (!isPassing(errorCode)) {
      this.#retryUntil.delete(partition)
      return { outcome: 'failed', error, together: errorCode === ErrorCode.INVALID_RECORD_STATE }
    }
    const until = this.#retryUntil.get(partition)
    if (until === undefined) this.#retryUntil.set(partition, now + this.#retryForMs)
    else if (now >= until) {
      this.#retryUntil.delete(partition)
      const timedOut = new KafkaTimeoutError(
        `The ${acknowledgementsOf(partition)} could not be stored within ${this.#retryForMs} ms; the records will be delivered again. (${error.message})`,
        { cause: error },
      )
      return { outcome: 'failed', error: timedOut, together: false }
    }
    return { outcome: 'again' }
  }

  /** The answer did not mention a partition that the request had named. */
  missing(partition: TopicIdPartition): Verdict {
    this.#retryUntil.delete(partition)
    const detail = 'The response is invalid: it does not mention the partition.'
    const error = KafkaBrokerError.of(ErrorCode.INVALID_RECORD_STATE, { api: acknowledgementsOf(partition), detail })
    return { outcome: 'failed', error, together: false }
  }

  /** A new session begins: nothing of the old one is sent again. */
  reset(): void {
    this.#retryUntil.clear()
  }
}

export interface VerdictTimes {
  readonly now: number
  readonly lockDeadline: number
}

/** The error of everything that was on its way in a session that ended. Bytes that cannot be read stay what they are. */
export function sessionLost(nodeId: number, error: unknown): KafkaConnectionError | KafkaProtocolError {
  if (KafkaConnectionError.is(error) || KafkaProtocolError.is(error)) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new KafkaConnectionError(
    `The share session with broker ${nodeId} was lost, and the locks of its records with it; they will be delivered again. (${reason})`,
    { cause: error },
  )
}

function acknowledgementsOf({ topic, partition }: TopicIdPartition): string {
  return `acknowledgements for ${topic}-${partition}`
}

/** Acknowledgement errors after which the same answers may be sent again (KIP-932; specification, section 10.6). */
function isPassing(errorCode: number): boolean {
  switch (errorCode) {
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.FENCED_LEADER_EPOCH:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.UNKNOWN_TOPIC_ID:
      return false
    default:
      return isRetriable(errorCode)
  }
}

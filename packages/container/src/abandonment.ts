import type { ConsumerRecord } from '@milena/client'
import type { LockLossCause } from '@milena/client/internal'
import { KafkaError } from '@milena/protocol'
import { placeOf } from './recoverers.js'

// Why nobody waits for a listener any more: the reasons with which its AbortSignal fires.

type Place = Pick<ConsumerRecord<unknown, unknown>, 'topic' | 'partition' | 'offset'>

/** A listener had its record for longer than processingDeadlineMs. Code PROCESSING_DEADLINE; the recoverer gets it, too. */
export class ProcessingDeadlineError extends KafkaError {
  declare readonly name: 'ProcessingDeadlineError'

  constructor(
    record: Place,
    readonly deadlineMs: number,
  ) {
    super(
      `The listener did not finish ${placeOf(record)} within ${deadlineMs} ms (processingDeadlineMs). See what it waits for, or give it more time.`,
      { code: 'PROCESSING_DEADLINE' },
    )
  }

  static {
    Object.defineProperty(this.prototype, 'name', {
      value: 'ProcessingDeadlineError',
      configurable: true,
      writable: true,
    })
  }
}

/** Whether this is one. It may be whatever a listener threw, and reading that may throw. */
export function isProcessingDeadline(error: unknown): error is ProcessingDeadlineError {
  try {
    return error instanceof ProcessingDeadlineError
  } catch {
    return false
  }
}

/** The record's lock was lost while its listener worked: the group delivers it again. Code RECORD_LOCK_LOST. */
export class RecordLockLostError extends KafkaError {
  declare readonly name: 'RecordLockLostError'

  constructor(
    record: Place,
    readonly lossCause: LockLossCause,
    cause?: unknown,
  ) {
    super(`${placeOf(record)} lost its lock (${lossCause}) while its listener worked; the group delivers it again.`, {
      code: 'RECORD_LOCK_LOST',
      cause,
    })
  }

  static {
    Object.defineProperty(this.prototype, 'name', { value: 'RecordLockLostError', configurable: true, writable: true })
  }
}

/** The container gave its records back, and this one was not finished. Code STOPPED. */
export function stoppedError(record: Place, containerId: string): KafkaError {
  return new KafkaError(
    `Container '${containerId}' has given ${placeOf(record)} back to the group, because its time to stop was over.`,
    { code: 'STOPPED' },
  )
}

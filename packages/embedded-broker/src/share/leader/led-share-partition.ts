import { ErrorCode } from '@milena/protocol'
import type { ShareGroupSettings } from '../../configs/cluster-configs.js'
import type { PartitionLog } from '../../log/partition-log.js'
import { logDefect } from '../../guarded-clock.js'
import type { Surroundings } from '../../surroundings.js'
import type { PartitionEntry } from '../../topics/topic-catalog.js'
import type { DeadLetterQueue } from '../dead-letters/dead-letter-queue.js'
import { SharePartition } from '../records/share-partition.js'
import { resetPosition } from './share-reset-position.js'
import type { PersistedSharePartition, SharePartitionKey, ShareStateStore } from '../state/share-state-store.js'

/** The key under which fetches wait for a share partition (see DelayedOperations). */
function shareKey({ groupId, topicId, partition }: SharePartitionKey): string {
  return `share:${topicId}:${partition}:${groupId}`
}

export interface LedSharePartitionGiven {
  readonly key: SharePartitionKey
  readonly entry: PartitionEntry
  readonly settings: () => ShareGroupSettings
  readonly states: ShareStateStore
  readonly deadLetters: DeadLetterQueue
}

/**
 * A share partition in the memory of the broker that leads it, from its first fetch until the leader moves, the topic goes or
 * the broker dies: reads its persisted state, finds its position, and ties the state machine to store, log and waiting
 * fetches. One that failed to begin serves nobody; the next fetch begins anew.
 */
export class LedSharePartition {
  readonly key: SharePartitionKey
  readonly topic: string
  readonly log: PartitionLog
  readonly settings: () => ShareGroupSettings
  /** Fetches wait under it. */
  readonly waitKey: string
  /** Where the last fetch that looked here would have read: Kafka remembers what it found there. */
  lookedAt = -1
  readonly #surroundings: Surroundings
  readonly #given: LedSharePartitionGiven
  readonly #leaderEpoch: number
  #share: SharePartition | undefined
  #fault: number | undefined
  #isDropped = false
  #wakeUps = 0

  constructor(surroundings: Surroundings, given: LedSharePartitionGiven) {
    const { key, entry, settings } = given
    this.#surroundings = surroundings
    this.#given = given
    this.key = key
    this.topic = entry.topic.name
    this.log = entry.log
    this.settings = settings
    this.waitKey = shareKey(this.key)
    this.#leaderEpoch = entry.leaderEpoch
    this.#begin()
  }

  /** Undefined while it has no position, and when it is gone. */
  get share(): SharePartition | undefined {
    return this.#isDropped ? undefined : this.#share
  }

  /** Why it could not begin: an error code. */
  get fault(): number | undefined {
    return this.#fault
  }

  /** How often waiting fetches were told to look again by the records' states (not by the log). */
  get wakeUps(): number {
    return this.#wakeUps
  }

  /** Another broker leads it, or it is gone: nothing is written any more. */
  drop(): void {
    if (this.#isDropped) return
    this.#isDropped = true
    this.#share?.close()
    this.#surroundings.delayed.touch(this.waitKey)
    this.#surroundings.changed()
  }

  #begin(): void {
    const persisted = this.#given.states.read(this.key, this.#leaderEpoch)
    if (persisted === undefined) {
      this.#fail(ErrorCode.UNKNOWN_SERVER_ERROR, 'which none of its members has subscribed to yet')
      return
    }
    if (persisted.startOffset !== -1) {
      this.#open(persisted, persisted.startOffset)
      return
    }
    const position = resetPosition(this.log, this.settings(), this.#surroundings.clock.wallTime())
    if (typeof position === 'number') {
      this.#open(persisted, position)
      return
    }
    position
      .then(
        (found) => this.#positioned(persisted, found),
        () => this.#fail(ErrorCode.UNKNOWN_SERVER_ERROR, 'whose records cannot be read'),
      )
      .catch((error: unknown) =>
        logDefect(this.#surroundings.logger, error, 'looking for the position of a share group'),
      )
  }

  #positioned(persisted: PersistedSharePartition, found: number | undefined): void {
    if (this.#isDropped) return
    if (found === undefined) {
      this.#fail(ErrorCode.OFFSET_NOT_AVAILABLE, 'and no record is as young as share.auto.offset.reset asks for')
      return
    }
    this.#open(persisted, found)
    this.#surroundings.delayed.touch(this.waitKey)
  }

  #fail(errorCode: number, why: string): void {
    this.#fault = errorCode
    const { groupId, partition } = this.key
    this.#surroundings.logger.debug(
      { groupId, topic: this.topic, partition, errorCode },
      `Share group ${groupId} fetches from ${this.topic}-${partition}, ${why}`,
    )
  }

  #open(persisted: PersistedSharePartition, startOffset: number): void {
    const { states, deadLetters, entry } = this.#given
    const { delayed, clock, profile, changed, logger } = this.#surroundings
    const share = new SharePartition(
      {
        clock,
        profile,
        settings: this.settings,
        write: (write) =>
          states.write(this.key, { ...write, stateEpoch: persisted.stateEpoch, leaderEpoch: this.#leaderEpoch }),
        onAcquirable: () => {
          this.#wakeUps++
          delayed.touch(this.waitKey)
        },
        onChange: changed,
        onDeadLetters: (letters) => {
          const { groupId } = this.key
          const source = { topic: this.topic, partition: this.key.partition, log: this.log }
          deadLetters
            .write({ groupId, source, settings: this.settings(), letters })
            .then(() => this.share?.deadLettersWritten(letters))
            .catch((error: unknown) => logDefect(logger, error, 'writing to a dead-letter queue'))
        },
        onLockExpired: ({ memberId, firstOffset, lastOffset }) => {
          const what = this.#offsets(firstOffset, lastOffset)
          logger.info(
            {
              groupId: this.key.groupId,
              memberId,
              topic: this.topic,
              partition: this.key.partition,
              firstOffset,
              lastOffset,
            },
            `The lock of member ${memberId} of share group ${this.key.groupId} on ${what} ran out`,
          )
        },
        onGivenUp: (records) => {
          for (const { firstOffset, lastOffset, deliveryCount, cause } of records) {
            const why = cause === 'rejected' ? 'rejected' : `the delivery limit, ${deliveryCount}, is reached`
            logger.info(
              {
                groupId: this.key.groupId,
                topic: this.topic,
                partition: this.key.partition,
                firstOffset,
                lastOffset,
                cause,
              },
              `Share group ${this.key.groupId} gives up on ${this.#offsets(firstOffset, lastOffset)}: ${why}`,
            )
          }
        },
      },
      { persisted, startOffset },
    )
    this.#share = share
    share.resumeDeadLetters()
    logger.debug(
      { groupId: this.key.groupId, topic: this.topic, partition: this.key.partition, startOffset: share.startOffset },
      `Share group ${this.key.groupId} begins ${this.topic}-${entry.index} at offset ${share.startOffset}`,
    )
    changed()
  }

  #offsets(first: number, last: number): string {
    const of = first === last ? `offset ${first}` : `offsets ${first} to ${last}`
    return `${of} of ${this.topic}-${this.key.partition}`
  }
}

import { setMaxListeners } from 'node:events'
import { ErrorCode, type Uuid } from '@milena/protocol'
import type { ClusterConfigs, ShareGroupSettings } from '../../configs/cluster-configs.js'
import type { Surroundings } from '../../surroundings.js'
import type { PartitionEntry, TopicCatalog, TopicChange } from '../../topics/topic-catalog.js'
import { DeadLetterQueue } from '../dead-letters/dead-letter-queue.js'
import { LedSharePartition } from './led-share-partition.js'
import type { AcknowledgementBatch } from '../records/record-acknowledgement.js'
import type { BegunAcknowledgement } from '../records/share-partition.js'
import { ShareFetch, type ShareFetchGiven } from './share-fetch.js'
import type { ShareRecordsView } from '../records/share-records-view.js'
import { partitionKey, type ShareSession } from './share-session.js'
import { ShareSessions } from './share-sessions.js'
import type { ShareStateStore } from '../state/share-state-store.js'

/*
 * What one broker keeps as leader of share partitions, all of it in memory. The rules:
 * 1. A share partition is made at the first fetch, and dropped without a write when its leader moves, its topic goes, the
 *    store has fenced it, or the last session of its group ends with its connection.
 * 2. The end of a session releases what its member holds in the partitions that are in the session then; that wakes nobody.
 * 3. Group membership is never looked at: a member id is a name.
 */

export type { ShareRecordsView }

export interface SharePartitionView {
  readonly groupId: string
  readonly topic: string
  readonly partition: number
  readonly nodeId: number
  /** The first offset that is not finished (SPSO). */
  readonly startOffset: number
  /** The last offset that was acquired so far (SPEO); startOffset - 1 when nothing was. */
  readonly endOffset: number
  readonly deliveryCompleteCount: number
  /** From startOffset on; records above endOffset are not listed. */
  readonly records: readonly ShareRecordsView[]
}

export interface ShareSessionView {
  readonly nodeId: number
  readonly groupId: string
  readonly memberId: string
  /** The epoch that the next request has to carry. */
  readonly nextEpoch: number
  /** E.g. `orders-0`. */
  readonly partitions: readonly string[]
  readonly connectionId: string
}

export interface ShareLeaderGiven {
  readonly nodeId: number
  readonly topics: TopicCatalog
  readonly configs: ClusterConfigs
  readonly states: ShareStateStore
  /** shareVersion 0: share groups are off; 2: dead-letter queues are on. */
  readonly features: { readonly shareVersion: number }
}

/** What one broker keeps as leader of share partitions: their in-memory state, and the share sessions of its members. */
export class ShareLeader {
  readonly nodeId: number
  readonly sessions: ShareSessions
  readonly #surroundings: Surroundings
  readonly #given: ShareLeaderGiven
  readonly #deadLetters: DeadLetterQueue
  /** By group, then by topic id and partition. */
  readonly #groups = new Map<string, Map<string, LedSharePartition>>()
  #life = newLife()

  constructor(surroundings: Surroundings, given: ShareLeaderGiven) {
    this.nodeId = given.nodeId
    this.#surroundings = surroundings
    this.#given = given
    const { topics, configs } = given
    this.#deadLetters = new DeadLetterQueue(surroundings, { topics, configs })
    this.sessions = new ShareSessions({
      limit: () => configs.brokerNumber('group.share.max.share.sessions'),
      onLost: (session) => this.#sessionLost(session),
      onGroupGone: (groupId) => this.#dropGroup(groupId),
    })
    topics.onChange((change) => this.#topicsChanged(change))
  }

  /** Whether the cluster's features allow share groups at all. */
  get isEnabled(): boolean {
    return this.#given.features.shareVersion > 0
  }

  /** Aborted when the broker is killed. */
  get life(): AbortSignal {
    return this.#life.signal
  }

  /** The group's settings as they count here: without a dead-letter queue while the feature is off. */
  settings(groupId: string): ShareGroupSettings {
    const settings = this.#given.configs.shareGroup(groupId)
    if (settings.deadLetterTopic === undefined || this.#given.features.shareVersion >= 2) return settings
    return { ...settings, deadLetterTopic: undefined }
  }

  partition(groupId: string, topicId: Uuid, partition: number): LedSharePartition | undefined {
    return this.#groups.get(groupId)?.get(partitionKey(topicId, partition))
  }

  /**
   * The share partition for a fetch; this broker leads the partition. The topic id is that of the session: where the topic was
   * made anew, it finds no state.
   */
  lead(groupId: string, topicId: Uuid, entry: PartitionEntry): LedSharePartition {
    const key = partitionKey(topicId, entry.index)
    const known = this.#groups.get(groupId)?.get(key)
    if (known !== undefined && known.fault === undefined) return known
    const led = new LedSharePartition(this.#surroundings, {
      key: { groupId, topicId, partition: entry.index },
      entry,
      settings: () => this.settings(groupId),
      states: this.#given.states,
      deadLetters: this.#deadLetters,
    })
    // One that cannot begin is not kept: only positions still to be looked for are shared by the fetches that come meanwhile.
    if (led.fault !== undefined) return led
    const partitions = this.#groups.get(groupId)
    if (partitions === undefined) this.#groups.set(groupId, new Map([[key, led]]))
    else partitions.set(key, led)
    return led
  }

  fetch(given: Omit<ShareFetchGiven, 'settings'>): ShareFetch {
    return new ShareFetch(this.#surroundings, { ...given, settings: this.settings(given.groupId) })
  }

  /** Has the records judge acknowledgements whose form was checked. */
  beginAcknowledge(
    led: LedSharePartition | undefined,
    memberId: string,
    batches: readonly AcknowledgementBatch[],
  ): BegunAcknowledgement {
    const share = led?.share
    if (led === undefined || share === undefined) {
      const outcome = { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage: null }
      return { outcome, complete: () => outcome }
    }
    const begun = share.beginAcknowledge(memberId, batches)
    return {
      outcome: begun.outcome,
      complete: () => {
        const result = begun.complete()
        if (share.isFenced) this.#drop(led)
        return result
      },
    }
  }

  /** The member ended its session: what it holds in the session's partitions is released. */
  closeSession(session: ShareSession): void {
    this.sessions.close(session)
    this.#release(session)
  }

  inspectPartitions(): readonly SharePartitionView[] {
    const views: SharePartitionView[] = []
    for (const led of this.#all()) {
      const { share, topic } = led
      if (share === undefined) continue
      const { groupId, partition } = led.key
      const { startOffset, endOffset, deliveryCompleteCount } = share
      const records = share.inspect()
      views.push({
        groupId,
        topic,
        partition,
        nodeId: this.nodeId,
        startOffset,
        endOffset,
        deliveryCompleteCount,
        records,
      })
    }
    return views
  }

  inspectSessions(): readonly ShareSessionView[] {
    return this.sessions.all().map(({ groupId, memberId, nextEpoch, partitions, connectionId }) => ({
      nodeId: this.nodeId,
      groupId,
      memberId,
      nextEpoch,
      partitions: partitions.map(({ topic, topicId, partition }) => `${topic ?? topicId}-${partition}`),
      connectionId,
    }))
  }

  /** How many records this broker has written to the group's dead-letter queue. Survives a crash. */
  deadLettered(groupId: string): number {
    return this.#deadLetters.count(groupId)
  }

  /** The broker was killed: in-memory state, timers, sessions and waiting fetches are gone; nothing is written. */
  crash(): void {
    const former = this.#life
    this.#life = newLife()
    this.sessions.clear()
    for (const led of this.#all()) led.drop()
    this.#groups.clear()
    former.abort()
  }

  #all(): readonly LedSharePartition[] {
    return [...this.#groups.values()].flatMap((partitions) => [...partitions.values()])
  }

  #drop(led: LedSharePartition): void {
    const { groupId, topicId, partition } = led.key
    const partitions = this.#groups.get(groupId)
    if (partitions?.get(partitionKey(topicId, partition)) === led) {
      partitions.delete(partitionKey(topicId, partition))
      if (partitions.size === 0) this.#groups.delete(groupId)
    }
    led.drop()
  }

  #dropGroup(groupId: string): void {
    for (const led of this.#groups.get(groupId)?.values() ?? []) led.drop()
    this.#groups.delete(groupId)
  }

  #sessionLost(session: ShareSession): void {
    const { groupId, memberId } = session
    this.#surroundings.logger.info(
      { node: this.nodeId, groupId, memberId },
      `The connection of member ${memberId} of share group ${groupId} is gone; its records are given back`,
    )
    this.#release(session)
    this.#surroundings.changed()
  }

  #release(session: ShareSession): void {
    for (const { topicId, partition } of session.partitions) {
      const led = this.partition(session.groupId, topicId, partition)
      const share = led?.share
      if (led === undefined || share === undefined) continue
      share.releaseMember(session.memberId)
      if (share.isFenced) this.#drop(led)
    }
  }

  #topicsChanged(change: TopicChange): void {
    if (change.kind === 'deleted') {
      for (const led of this.#all()) if (led.key.topicId === change.topic.id) this.#drop(led)
    } else if (change.kind === 'leaderChanged' && change.partition.leaderId !== this.nodeId) {
      const { topic, index } = change.partition
      for (const led of this.#all()) {
        if (led.key.topicId === topic.id && led.key.partition === index) this.#drop(led)
      }
    }
  }
}

/** Aborted when the broker dies. Every fetch that waits listens, and there may be many: Node warns of more than ten. */
function newLife(): AbortController {
  const life = new AbortController()
  setMaxListeners(0, life.signal)
  return life
}

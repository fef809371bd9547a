import { ErrorCode } from '@milena/protocol'
import { silentLogger, SeededRandom, VirtualClock } from '@milena/protocol/runtime'
import type { ShareGroupSettings } from '../../../src/configs/cluster-configs.js'
import { DelayedOperations } from '../../../src/delayed-operations.js'
import { ShareGroups } from '../../../src/share/coordinator/share-groups.js'
import { isFault } from '../../../src/share/coordinator/share-group-faults.js'
import { ShareStateStore } from '../../../src/share/state/share-state-store.js'
import type { Surroundings } from '../../../src/surroundings.js'
import type { PartitionEntry, TopicChange, TopicEntry } from '../../../src/topics/topic-catalog.js'
import { versionProfile, type KafkaVersion } from '../../../src/version-profile.js'

/** Topics whose logs are nothing but an end. */
class FakeTopics {
  readonly ends = new Map<string, number>()
  readonly #topics = new Map<string, TopicEntry>()
  readonly #listeners: ((change: TopicChange) => void)[] = []
  #ids = 0

  create(name: string, partitions = 1): TopicEntry {
    const topic = this.#entry(name, `topic-id-${this.#ids++}`, partitions)
    this.#topics.set(name, topic)
    this.#tell({ kind: 'created', topic })
    return topic
  }

  grow(name: string, partitions: number): TopicEntry {
    const topic = this.#entry(name, this.byName(name)?.id ?? '', partitions)
    this.#topics.set(name, topic)
    this.#tell({ kind: 'partitionsAdded', topic })
    return topic
  }

  delete(name: string): void {
    const topic = this.#topics.get(name)
    this.#topics.delete(name)
    if (topic !== undefined) this.#tell({ kind: 'deleted', topic })
  }

  byName(name: string): TopicEntry | undefined {
    return this.#topics.get(name)
  }

  byId(id: string): TopicEntry | undefined {
    return [...this.#topics.values()].find((topic) => topic.id === id)
  }

  onChange(fn: (change: TopicChange) => void): () => void {
    this.#listeners.push(fn)
    return () => undefined
  }

  #entry(name: string, id: string, count: number): TopicEntry {
    const partitions: PartitionEntry[] = []
    const topic = { name, id, isInternal: false, partitions } as unknown as TopicEntry
    const ends = this.ends
    for (let index = 0; index < count; index++) {
      const log = {
        get endOffset() {
          return ends.get(`${name}-${index}`) ?? 0
        },
      }
      partitions.push({ topic, index, log } as unknown as PartitionEntry)
    }
    return topic
  }

  #tell(change: TopicChange): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** A coordinator of share groups on virtual time, with two topics: `a` of 2 partitions, `b` of 1. */
export function groupWorld(version: KafkaVersion = '4.4') {
  const clock = new VirtualClock()
  const topics = new FakeTopics()
  const states = new ShareStateStore(versionProfile(version))
  const classic = new Set<string>()
  const settings = { sessionTimeoutMs: 45_000, heartbeatIntervalMs: 5_000, assignmentIntervalMs: 1_000, maxSize: 200 }
  const switches = { enabled: true, changes: 0 }
  const surroundings: Surroundings = {
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    profile: versionProfile(version),
    delayed: new DelayedOperations(clock),
    changed: () => {
      switches.changes++
    },
  }
  topics.create('a', 2)
  topics.create('b', 1)
  const groups = new ShareGroups(surroundings, {
    topics,
    configs: {
      shareGroup: () => settings as unknown as ShareGroupSettings,
      brokerNumber: (name) => (name === 'group.share.max.size' ? settings.maxSize : Number.NaN),
    },
    states,
    isClassicGroup: (groupId) => classic.has(groupId),
    isEnabled: () => switches.enabled,
  })
  const names = (assignment: ReadonlyMap<string, readonly number[]>): string[] =>
    [...assignment]
      .flatMap(([id, partitions]) => partitions.map((p) => `${topics.byId(id)?.name ?? id}-${p}`))
      .toSorted()
  /** What the answer says: `epoch: partitions`, `epoch` when they are as before, or the error's name. */
  const beat = (memberId: string, memberEpoch: number, subscribed: readonly string[] | null = null, groupId = 'g') => {
    const answer = groups.heartbeat({
      groupId,
      memberId,
      memberEpoch,
      rackId: null,
      topics: subscribed,
      clientId: 'client',
      clientHost: '/127.0.0.1',
    })
    if (isFault(answer)) {
      return Object.entries(ErrorCode).find(([, code]) => code === answer.errorCode)?.[0] ?? String(answer.errorCode)
    }
    const { assignment } = answer
    return assignment === null
      ? `${answer.memberEpoch}`
      : `${answer.memberEpoch}: ${names(assignment).join(' ')}`.trimEnd()
  }
  /** `state epoch/assignmentEpoch`, or undefined. */
  const state = (groupId = 'g') => {
    const view = groups.inspect().find((group) => group.groupId === groupId)
    return view === undefined ? undefined : `${view.state} ${view.epoch}/${view.assignmentEpoch}`
  }
  return { clock, topics, states, classic, settings, switches, surroundings, groups, beat, state }
}

import { ErrorCode, RecordBatchBuilder } from '@milena/protocol'
import { SeededRandom, type Timer } from '@milena/protocol/runtime'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { AcknowledgeType } from '../../src/share/acknowledge-type.js'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import type { ShareEngine } from '../../src/share/share-engine.js'
import { ScriptedGroup, type Gift, type LeaderModel, type ScriptedLeader } from './scripted-group.js'

type Engine = ShareEngine<Buffer | null, Buffer | null>
type TakenRecord = ConsumerRecord<Buffer | null, Buffer | null>

const PARTITIONS = 3
const OFFSETS = 120
const LOCK_MS = 1_000
const CHAOS_MS = 8_000

interface Slot {
  state: 'available' | 'acquired' | 'ACCEPT' | 'REJECT' | 'GAP'
  deliveryCount: number
  /** Holds a record; a broker would also have offsets that compaction or a transaction left empty. */
  readonly isRecord: boolean
  expiry: Timer | undefined
  /** When it was this member's no more. */
  freedAt: number
}

/** A share partition as brokers keep it: available, acquired for a while, finished. */
class SharePartitionModel implements LeaderModel {
  readonly slots = new Map<string, Slot[]>()

  constructor(
    readonly group: ScriptedGroup,
    readonly leader: ScriptedLeader,
    readonly random: SeededRandom,
  ) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const slots = Array.from({ length: OFFSETS }, (): Slot => ({
        state: 'available',
        deliveryCount: 0,
        isRecord: random.next() > 0.1,
        expiry: undefined,
        freedAt: 0,
      }))
      this.slots.set(`orders-${partition}`, slots)
    }
  }

  acquire(partitions: readonly string[], maxRecords: number): Gift[] {
    const gifts: Gift[] = []
    let left = maxRecords
    for (const name of partitions) {
      const slots = this.slots.get(name) ?? []
      for (let first = 0; first < slots.length && left > 0; first++) {
        if (slots[first]?.state !== 'available') continue
        let last = first
        while (
          last - first + 1 < left &&
          slots[last + 1]?.state === 'available' &&
          slots[last + 1]?.deliveryCount === slots[first]?.deliveryCount
        )
          last++
        for (let offset = first; offset <= last; offset++) this.#lock(name, offset)
        gifts.push({
          partition: Number(name.slice('orders-'.length)),
          first,
          last,
          deliveryCount: slots[first]?.deliveryCount ?? 1,
          bytes: recordsOf(slots, first, last),
        })
        left -= last - first + 1
        first = last
      }
    }
    return gifts
  }

  acknowledged(partition: string, offset: number, type: number): void {
    const slot = this.#slot(partition, offset)
    slot.expiry?.cancel()
    if (type === 4) {
      this.#startLock(partition, offset)
      return
    }
    slot.state = (['GAP', 'ACCEPT', 'available', 'REJECT'] as const)[type] ?? 'available'
    slot.freedAt = this.group.clock.now()
  }

  ended(held: ReadonlySet<string>): void {
    for (const name of held) {
      const [partition = '', offset = ''] = name.split('@')
      const slot = this.#slot(partition, Number(offset))
      slot.expiry?.cancel()
      if (slot.state === 'acquired') this.#free(slot)
    }
  }

  /** The lock is gone, and not just in this instant, when the news of it may still be on its way. */
  isGone(name: string): boolean {
    const [partition = '', offset = ''] = name.split('@')
    const { state, freedAt } = this.#slot(partition, Number(offset))
    return state !== 'acquired' && freedAt < this.group.clock.now()
  }

  /** Offsets in one of these states, as `orders-0@5`. */
  in(...states: Slot['state'][]): Set<string> {
    return new Set(
      [...this.slots].flatMap(([name, slots]) =>
        slots.flatMap((slot, offset) => (states.includes(slot.state) ? [`${name}@${offset}`] : [])),
      ),
    )
  }

  records(): Set<string> {
    return new Set(
      [...this.slots].flatMap(([name, slots]) =>
        slots.flatMap((slot, offset) => (slot.isRecord ? [`${name}@${offset}`] : [])),
      ),
    )
  }

  #lock(partition: string, offset: number): void {
    const slot = this.#slot(partition, offset)
    slot.state = 'acquired'
    slot.deliveryCount++
    this.#startLock(partition, offset)
  }

  #startLock(partition: string, offset: number): void {
    const slot = this.#slot(partition, offset)
    slot.expiry = this.group.clock.setTimer(() => {
      this.#free(slot)
      this.leader.session?.held.delete(`${partition}@${offset}`)
      this.leader.wake()
    }, LOCK_MS)
  }

  #free(slot: Slot): void {
    slot.state = 'available'
    slot.freedAt = this.group.clock.now()
  }

  #slot(partition: string, offset: number): Slot {
    const slot = this.slots.get(partition)?.[offset]
    if (slot === undefined) throw new Error(`There is no ${partition}@${offset}.`)
    return slot
  }
}

function recordsOf(slots: readonly Slot[], first: number, last: number): Buffer {
  const builder = new RecordBatchBuilder({ baseOffset: first })
  for (let offset = first; offset <= last; offset++)
    if (slots[offset]?.isRecord) builder.append({ timestamp: 1, key: null, value: Buffer.from(`${offset}`), offset })
  const bytes = builder.recordCount === 0 ? Buffer.alloc(0) : builder.build({ lastOffset: last })
  if (bytes instanceof Promise) throw new Error('Records without compression take no time.')
  return bytes
}

const nameOf = ({ partition, offset }: TakenRecord): string => `orders-${partition}@${offset}`

/** An application that does whatever applications do, as the seed has it. */
class Application {
  readonly answered = new Map<string, Set<AcknowledgeType>>()
  /** Records that were handed out when their lock was gone. */
  readonly unlocked: string[] = []
  chaotic = true
  #stopped = false

  constructor(
    readonly group: ScriptedGroup,
    readonly engine: Engine,
    readonly random: SeededRandom,
    readonly model: SharePartitionModel,
  ) {}

  async run(): Promise<void> {
    while (!this.#stopped) {
      const { records } = await this.engine.take().catch(() => ({ records: [] }))
      if (records.length === 0) await this.pause(20)
      for (const record of records) if (this.model.isGone(nameOf(record))) this.unlocked.push(nameOf(record))
      for (const record of records) await this.#process(record)
    }
  }

  stop(): void {
    this.#stopped = true
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.group.clock.setTimer(resolve, ms))
  }

  async #process(record: TakenRecord): Promise<void> {
    if (!this.chaotic) {
      this.#answer(record, 'ACCEPT')
      return
    }
    const luck = this.random.next()
    if (luck > 0.9) await this.pause(luck > 0.99 ? 1.5 * LOCK_MS : 100 * (luck - 0.9))
    const choice = this.random.next()
    if (choice < 0.05) return // forgotten
    if (choice < 0.15) this.#answer(record, 'RELEASE')
    else if (choice < 0.2) this.#answer(record, 'REJECT')
    else if (choice < 0.3) {
      this.#answer(record, 'RENEW')
      if (choice < 0.25) await this.pause(30)
      this.#answer(record, 'ACCEPT')
    } else this.#answer(record, 'ACCEPT')
  }

  #answer(record: TakenRecord, type: AcknowledgeType): void {
    if (!this.engine.settle(record, type)) return
    const types = this.answered.get(nameOf(record)) ?? new Set()
    this.answered.set(nameOf(record), types.add(type))
  }
}

/** What goes wrong around a member, as the seed has it. */
async function chaos(group: ScriptedGroup, engine: Engine, random: SeededRandom): Promise<void> {
  const leader = group.leader()
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T
  const until = group.clock.now() + CHAOS_MS
  const passing = [ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.KAFKA_STORAGE_ERROR]
  const top = [
    ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.SHARE_SESSION_NOT_FOUND,
    ErrorCode.INVALID_SHARE_SESSION_EPOCH,
    ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ...passing,
  ]
  const strikes: (() => void)[] = [
    () => leader.cut(),
    () => leader.refuseNext(pick(['ShareFetch', 'ShareAcknowledge']), pick(top)),
    () => leader.next(pick(['ShareFetch', 'ShareAcknowledge']), () => pick(['cut', undefined])),
    () => {
      const code = pick([...passing, ErrorCode.UNKNOWN_SERVER_ERROR])
      leader.acknowledgeError = (partition) => (partition === 'orders-1' ? undefined : code)
    },
    () => {
      const code = pick([
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.TOPIC_AUTHORIZATION_FAILED,
        ErrorCode.UNKNOWN_SERVER_ERROR,
      ])
      leader.fetchError = (partition) => (partition === 'orders-0' ? code : 0)
    },
    () => {
      group.heartbeat = (request) =>
        request.memberEpoch === 0 ? group.welcome(request) : group.refuse(request, ErrorCode.FENCED_MEMBER_EPOCH)
    },
    () => {
      const { topicId } = group.topics.get('orders') ?? { topicId: '' }
      group.heartbeat = (request) => ({
        ...group.welcome(request),
        assignment: { topicPartitions: [{ topicId, partitions: [pick([0, 1]), 2] }] },
      })
    },
    () => engine.pause(),
  ]
  while (group.clock.now() < until) {
    await group.clock.advance(Math.ceil(random.next() * 400))
    pick(strikes)()
    await group.clock.advance(Math.ceil(random.next() * 200))
    leader.acknowledgeError = undefined
    leader.fetchError = undefined
    engine.resume()
    if (random.next() < 0.5) group.heartbeat = (request) => group.welcome(request)
  }
  const { topicId } = group.topics.get('orders') ?? { topicId: '' }
  group.heartbeat = (request) => ({
    ...group.welcome(request),
    assignment: { topicPartitions: [{ topicId, partitions: [0, 1, 2] }] },
  })
}

it('whatever an application, its brokers and the network do, each record is finished in the end, and only as the application said', async () => {
  const options = fc.record({
    seed: fc.integer(),
    maxPollRecords: fc.constantFrom(undefined, 1, 7, 50),
    prefetch: fc.constantFrom<('auto' | number)[]>('auto', 0, 40),
    acquireMode: fc.constantFrom('batch_optimized' as const, 'record_limit' as const),
  })
  await fc.assert(
    fc.asyncProperty(options, async ({ seed, ...client }) => {
      const group = new ScriptedGroup()
      group.lockMs = LOCK_MS
      group.topic('orders', [1, 1, 1])
      const random = new SeededRandom(seed)
      const model = new SharePartitionModel(group, group.leader(), random)
      group.leader().model = model
      const { engine } = group.subscribed({
        ...client,
        acknowledgementMode: 'explicit',
        requestTimeoutMs: 1_500,
        defaultApiTimeoutMs: 3_000,
      })
      const application = new Application(group, engine, random, model)
      const running = application.run()

      await chaos(group, engine, random)
      application.chaotic = false
      const calmAt = group.leader().requests.length
      const finished = (): boolean => model.in('available', 'acquired').size === 0
      for (let waited = 0; waited < 60_000 && !finished(); waited += 250) await group.clock.advance(250)

      expect([...model.in('available', 'acquired')]).toEqual([])
      expect(application.unlocked).toEqual([])
      const records = model.records()
      for (const state of ['ACCEPT', 'REJECT'] as const) {
        for (const name of model.in(state))
          expect([name, records.has(name), application.answered.get(name)?.has(state)]).toEqual([name, true, true])
      }
      for (const name of model.in('GAP')) expect([name, records.has(name)]).toEqual([name, false])
      expect(engine.counters.accepted).toBeLessThanOrEqual(
        group.leader().stored.filter((what) => what.endsWith('ACCEPT')).length,
      )

      // And then it is quiet.
      await group.clock.advance(10_000)
      const quietAt = group.leader().requests.length
      await group.clock.advance(10_000)
      expect(group.leader().requests.length - quietAt).toBeLessThan(30)
      expect(group.leader().requests.length).toBeGreaterThan(calmAt)
      application.stop()
      await group.end()
      await group.until(running)
    }),
    { numRuns: 60 },
  )
}, 60_000)

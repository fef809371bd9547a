import { ErrorCode } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TransactionCoordinator } from '../../src/transactions/transaction-coordinator.js'
import type { PartitionLog } from '../../src/log/partition-log.js'
import { appendNow, batchOf, logWorld } from '../log/log-world.js'

const IDS = ['one', 'two', 'three'] as const
const PARTITIONS = [0, 1] as const
const TIMEOUT_MS = 60_000

type Step =
  | { readonly do: 'start' | 'zombie'; readonly who: number }
  | { readonly do: 'write'; readonly who: number; readonly partition: number }
  | { readonly do: 'end'; readonly who: number; readonly committed: boolean; readonly raisesEpoch: boolean }
  | { readonly do: 'endAgain'; readonly who: number }
  | { readonly do: 'wait'; readonly ms: number }

const who = fc.integer({ min: 0, max: IDS.length - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('start' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('zombie' as const), who }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('write' as const), who, partition: fc.constantFrom(0, 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      who,
      committed: fc.boolean(),
      raisesEpoch: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('endAgain' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
)

/** What the test believes of one producer. */
interface Believed {
  producerId: number
  epoch: number
  isOpen: boolean
  /** How the latest transaction ended. */
  state: 'none' | 'committed' | 'aborted'
  openedAtMs: number
  /** The next sequence of each partition. */
  sequences: number[]
  /** Offsets written in the open transaction, as `partition:offset`. */
  pending: string[]
  lastEnd: { readonly epoch: number; readonly committed: boolean; readonly raisesEpoch: boolean } | undefined
}

class World {
  readonly made = logWorld({ retentionMs: -1 })
  readonly logs: readonly PartitionLog[] = [this.made.log, this.made.makeLog('orders', 1)]
  readonly coordinator = new TransactionCoordinator(this.made.surroundings, {
    maxTimeoutMs: () => 900_000,
    idExpirationMs: () => 604_800_000,
    logOf: (_topicId, partition) => {
      const log = this.logs[partition]
      return log === undefined ? undefined : { log, leaderEpoch: 0 }
    },
  })
  readonly producers = new Map<number, Believed>()
  /** Where each log should end: records, and a marker for each transaction that touched it. */
  readonly ends = [0, 0]
  readonly fate = new Map<string, 'committed' | 'aborted'>()

  async play(each: Step): Promise<void> {
    if (each.do === 'wait') {
      await this.made.clock.advance(each.ms)
      for (const producer of this.producers.values()) {
        if (producer.isOpen && this.made.clock.now() - producer.openedAtMs >= TIMEOUT_MS) {
          this.#decided(producer, { committed: false, raisesEpoch: true })
          producer.lastEnd = undefined
        }
      }
      return
    }
    const producer = this.producers.get(each.who)
    if (each.do === 'start' || producer === undefined) return this.#start(each.who)
    switch (each.do) {
      case 'zombie':
        return this.#zombie(each.who, producer)
      case 'write':
        return this.#write(each.who, producer, each.partition)
      case 'end':
        return this.#end(each.who, producer, each)
      case 'endAgain':
        return this.#endAgain(each.who, producer)
    }
  }

  #start(who: number): void {
    const before = this.producers.get(who)
    const request = { transactionalId: this.#id(who), timeoutMs: TIMEOUT_MS }
    if (before?.isOpen === true) {
      expect(this.coordinator.initialise(request).errorCode).toBe(ErrorCode.CONCURRENT_TRANSACTIONS)
      this.#decided(before, { committed: false, raisesEpoch: true })
    }
    const { errorCode, producerId, producerEpoch } = this.coordinator.initialise(request)
    expect([errorCode, producerEpoch]).toEqual([0, before === undefined ? 0 : before.epoch + 1])
    if (before !== undefined) expect(producerId).toBe(before.producerId)
    this.producers.set(who, {
      producerId,
      epoch: producerEpoch,
      isOpen: false,
      state: 'none',
      openedAtMs: 0,
      sequences: [0, 0],
      pending: [],
      lastEnd: undefined,
    })
  }

  /** A producer of an epoch before can neither write nor end anything. */
  #zombie(who: number, producer: Believed): void {
    if (producer.epoch < 2) return
    const old = { transactionalId: this.#id(who), producerId: producer.producerId, producerEpoch: producer.epoch - 2 }
    expect(this.coordinator.addPartitions(old, [{ topicId: 'orders', partition: 0 }])).toBe(ErrorCode.PRODUCER_FENCED)
    for (const committed of [true, false]) {
      const ended = this.coordinator.end(old, { committed, raisesEpoch: true })
      expect(ended.errorCode).toBe(ErrorCode.PRODUCER_FENCED)
    }
  }

  #write(who: number, producer: Believed, partition: number): void {
    const log = this.logs[partition]
    if (log === undefined) return
    const identity = this.#identity(who, producer)
    expect(this.coordinator.addPartitions(identity, [{ topicId: 'orders', partition }])).toBe(0)
    if (!producer.isOpen) producer.openedAtMs = this.made.clock.now()
    producer.isOpen = true
    const baseSequence = producer.sequences[partition] ?? 0
    const { producerId, producerEpoch } = identity
    const result = appendNow(log, batchOf(1, { producerId, producerEpoch, baseSequence, isTransactional: true }))
    expect(result.errorCode).toBe(0)
    producer.sequences[partition] = baseSequence + 1
    producer.pending.push(`${partition}:${result.baseOffset}`)
    this.ends[partition] = result.baseOffset + 1
  }

  #end(who: number, producer: Believed, how: { readonly committed: boolean; readonly raisesEpoch: boolean }): void {
    const identity = this.#identity(who, producer)
    const result = this.coordinator.end(identity, how)
    if (!producer.isOpen) {
      if (how.raisesEpoch && !how.committed) {
        expect(result).toMatchObject({ errorCode: 0, producerEpoch: producer.epoch + 1 })
        this.#decided(producer, how)
        producer.lastEnd = { epoch: producer.epoch - 1, ...how }
      } else {
        const isRepeated = !how.raisesEpoch && producer.state === (how.committed ? 'committed' : 'aborted')
        expect(result.errorCode).toBe(isRepeated ? 0 : ErrorCode.INVALID_TXN_STATE)
      }
      return
    }
    expect(result.errorCode).toBe(0)
    const { epoch } = producer
    this.#decided(producer, how)
    producer.lastEnd = { epoch, ...how }
    if (how.raisesEpoch) expect(result.producerEpoch).toBe(producer.epoch)
  }

  /** The request for the latest end once more, as if its answer had been lost. */
  #endAgain(who: number, producer: Believed): void {
    const last = producer.lastEnd
    if (last === undefined || producer.isOpen) return
    const identity = { ...this.#identity(who, producer), producerEpoch: last.epoch }
    const ends = this.logs.map((log) => log.endOffset)
    const again = this.coordinator.end(identity, last)
    if (last.raisesEpoch) expect(again).toMatchObject({ errorCode: 0, producerEpoch: producer.epoch })
    else expect(again.errorCode).toBe(0)
    expect(this.logs.map((log) => log.endOffset)).toEqual(ends)
  }

  #decided(producer: Believed, how: { readonly committed: boolean; readonly raisesEpoch: boolean }): void {
    for (const each of producer.pending) this.fate.set(each, how.committed ? 'committed' : 'aborted')
    for (const partition of PARTITIONS) {
      const isTouched = producer.pending.some((each) => each.startsWith(`${partition}:`))
      if (isTouched) this.ends[partition] = (this.ends[partition] ?? 0) + 1
    }
    producer.pending = []
    producer.isOpen = false
    producer.state = how.committed ? 'committed' : 'aborted'
    if (!how.raisesEpoch) return
    producer.epoch += 1
    producer.sequences = [0, 0]
  }

  #id(who: number): string {
    return IDS[who] ?? 'none'
  }

  #identity(who: number, { producerId, epoch }: Believed) {
    return { transactionalId: this.#id(who), producerId, producerEpoch: epoch }
  }

  /** Every record below the last stable offset is decided, and readers can tell the aborted ones. */
  check(): void {
    for (const partition of PARTITIONS) {
      const log = this.logs[partition]
      if (log === undefined) continue
      expect(log.endOffset).toBe(this.ends[partition])
      const open = [...this.producers.values()].flatMap(({ pending }) =>
        pending.flatMap((each) => (each.startsWith(`${partition}:`) ? [Number(each.slice(2))] : [])),
      )
      expect(log.lastStableOffset).toBe(Math.min(log.endOffset, ...open))
      const aborted = log.abortedTransactions(0, log.lastStableOffset)
      for (const batch of log.read({ fromOffset: 0, maxBytes: Infinity, upTo: log.lastStableOffset })) {
        if (batch.isControl) continue
        const isAborted = aborted.some(
          (each) =>
            each.producerId === batch.producerId &&
            each.firstOffset <= batch.baseOffset &&
            batch.baseOffset < each.lastOffset,
        )
        expect(isAborted ? 'aborted' : 'committed').toBe(this.fate.get(`${partition}:${batch.baseOffset}`))
      }
    }
  }

  close(): void {
    this.coordinator.close()
    for (const log of this.logs) log.close()
    expect(this.made.clock.pendingTimers).toBe(0)
  }
}

describe('Transactions of several producers over several partitions', () => {
  it('end as their producers were told, whatever happens in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const world = new World()
        for (const each of steps) {
          await world.play(each)
          world.check()
        }
        world.close()
      }),
      { numRuns: 150 },
    )
  })
})

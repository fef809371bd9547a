import { beforeAll, describe, expect } from 'vitest'
import { releasing } from '../src/index.js'
import { calmly, numbered, warmUp, type Bench, type Values } from './virtual-bench.js'

// What a listener depends on is gone for a minute: over the real client and a whole broker, in virtual time.

beforeAll(warmUp)

const OUTAGE_MS = 60_000
const RECORDS = 200
/** Locks are renewed while a release is held back, so they may be much shorter. */
const outage = { serverProperties: { 'group.share.record.lock.duration.ms': '15000' } }
const recoverer = releasing({ backoff: { initialMs: OUTAGE_MS, maxMs: 2 * OUTAGE_MS } })

/** A listener that fails until the outage is over, and what it saw. */
class Dependent {
  readonly done: string[] = []
  readonly #deliveries = new Map<number, number>()
  readonly #backAt: number

  constructor(private readonly bench: Bench) {
    this.#backAt = bench.broker.clock.now() + OUTAGE_MS
  }

  readonly listener = async ({ offset, value, deliveryCount }: Values): Promise<void> => {
    const { clock } = this.bench.broker
    this.#deliveries.set(offset, deliveryCount)
    await new Promise<void>((resolve) => void clock.setTimer(resolve, 5))
    if (clock.now() < this.#backAt) throw new Error('The database is not there.')
    this.done.push(value ?? '')
  }

  /** How many records were delivered so often. */
  get deliveries(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const count of this.#deliveries.values()) counts[count] = (counts[count] ?? 0) + 1
    return counts
  }
}

/** Waits until the group has finished everything: soon after a release that is held back over the outage. */
async function untilAllDone(bench: Bench): Promise<void> {
  await bench.broker.advanceUntil(() => bench.partition?.startOffset === RECORDS, {
    stepMs: 250,
    maxMs: 3 * OUTAGE_MS,
  })
}

/** Everything was done once, and the broker has archived nothing. */
function expectAllDone(bench: Bench, { done, deliveries }: Dependent): void {
  expect(done.toSorted()).toEqual(numbered(RECORDS).toSorted())
  expect(Object.keys(deliveries).filter((count) => Number(count) > 2)).toEqual([])
  expect(bench.events.map(({ type }) => type).filter((type) => /LockLost|acknowledgmentFailed/i.test(type))).toEqual([])
}

describe('An outage of 60 s of what a listener depends on, with releases that back off', () => {
  calmly(
    'costs each record of the batch two deliveries',
    async (bench) => {
      bench.append(RECORDS)
      const dependent = new Dependent(bench)
      const container = await bench.container(dependent.listener, { shareConsumerRecordRecoverer: recoverer })
      await untilAllDone(bench)
      expectAllDone(bench, dependent)
      expect(dependent.deliveries['2']).toBeGreaterThan(0)
      expect(container.metrics().get('share-container-0')?.broker).toMatchObject({ accepted: RECORDS, rejected: 0 })
    },
    outage,
  )

  calmly(
    'costs each record of the window two deliveries, and the others one',
    async (bench) => {
      bench.append(RECORDS)
      const dependent = new Dependent(bench)
      const container = await bench.container(dependent.listener, {
        shareConsumerRecordRecoverer: recoverer,
        maxInFlight: 20,
      })
      await untilAllDone(bench)
      expectAllDone(bench, dependent)
      expect(dependent.deliveries).toEqual({ '1': RECORDS - 20, '2': 20 })
      expect(container.metrics().get('share-container-0')?.broker).toMatchObject({ accepted: RECORDS, rejected: 0 })
    },
    outage,
  )

  calmly(
    'costs no more where records come all the time and several members work',
    async (bench) => {
      const dependent = new Dependent(bench)
      await bench.container(dependent.listener, {
        shareConsumerRecordRecoverer: recoverer,
        maxInFlight: 500,
        concurrency: 2,
      })
      for (let sent = 0; sent < RECORDS; sent += 20) {
        bench.append(20)
        await bench.broker.clock.advance(OUTAGE_MS / 8)
      }
      await untilAllDone(bench)
      expectAllDone(bench, dependent)
      expect(dependent.deliveries['2']).toBeGreaterThan(100)
    },
    outage,
  )
})

import { KafkaError } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AcknowledgementMode } from '../../src/config/share-consumer-config.js'
import type { AcknowledgeType } from '../../src/share/acknowledge-type.js'
import type { ConsumerRecord } from '../../src/share/consumer-record.js'
import type { ShareConsumer } from '../../src/share/share-consumer.js'
import { ScriptedGroup } from './scripted-group.js'

// Whatever an application does in whatever order, and whatever its broker does meanwhile: nothing unfinished is accepted,
// nothing hangs, and every error is one that the documents name.

const KNOWN = new Set([
  'ABORTED',
  'ALREADY_ACKNOWLEDGED',
  'COMMIT_PENDING',
  'CONCURRENT_USE',
  'NETWORK_EXCEPTION',
  'NOT_ACKNOWLEDGED',
  'NOT_ACQUIRED',
  'NO_SUBSCRIPTION',
  'WAKEUP',
])

type Action =
  | { readonly do: 'give'; readonly count: number }
  | { readonly do: 'poll'; readonly ms: number }
  | { readonly do: 'acknowledge'; readonly share: number; readonly type: AcknowledgeType }
  | { readonly do: 'commit'; readonly ms: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'iterate'; readonly items: number; readonly batches: boolean; readonly commit: boolean }
  | { readonly do: 'commitAsync' | 'wakeup' | 'unsubscribe' | 'subscribe' | 'cut' }

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant('give' as const), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ do: fc.constant('poll' as const), ms: fc.constantFrom(0, 50, 700) }),
  fc.record({
    do: fc.constant('acknowledge' as const),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    type: fc.constantFrom('ACCEPT' as const, 'RELEASE' as const, 'REJECT' as const, 'RENEW' as const),
  }),
  fc.record({ do: fc.constant('commit' as const), ms: fc.constantFrom(0, 20, 5_000) }),
  fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(1, 100, 2_000, 40_000) }),
  fc.record({
    do: fc.constant('iterate' as const),
    items: fc.integer({ min: 1, max: 4 }),
    batches: fc.boolean(),
    commit: fc.boolean(),
  }),
  fc.record({
    do: fc.constantFrom(
      'commitAsync' as const,
      'wakeup' as const,
      'unsubscribe' as const,
      'subscribe' as const,
      'cut' as const,
    ),
  }),
)

class History {
  readonly group = new ScriptedGroup()
  readonly consumer: ShareConsumer
  /** Offsets that may be accepted. */
  readonly #finished = new Set<number>()
  /** In implicit mode: what the last poll returned; in explicit mode: what was handed out and not answered for good. */
  #out: ConsumerRecord[] = []
  #next = 0
  readonly #commits: Promise<unknown>[] = []

  constructor(
    readonly mode: AcknowledgementMode,
    readonly lastWins: boolean,
  ) {
    const { consumer } = this.group.subscribed({
      acknowledgementMode: mode,
      maxPollIntervalMs: 30_000,
      defaultApiTimeoutMs: 10_000,
      onSecondAcknowledge: lastWins ? 'lastWins' : 'error',
    })
    this.consumer = consumer
  }

  async run(actions: readonly Action[]): Promise<void> {
    for (const each of actions) {
      await this.group.until(this.#act(each).catch((error: unknown) => this.#expectKnown(error)))
      this.#check()
    }
    await this.group.until(this.consumer.close().catch((error: unknown) => this.#expectKnown(error)))
    await this.group.until(Promise.all(this.#commits))
    await this.group.clock.advance(20_000)
    this.#check()
    expect(this.group.clock.pendingTimers).toBe(0)
    await this.group.end()
  }

  async #act(what: Action): Promise<void> {
    const { group, consumer } = this
    switch (what.do) {
      case 'give':
        group.leader().give({ first: this.#next, last: this.#next + what.count - 1 })
        this.#next += what.count
        return
      case 'poll': {
        const before = this.#out
        // The next poll accepts, whatever it comes to.
        if (this.mode === 'implicit') for (const { offset } of before) this.#finished.add(offset)
        const records = await consumer.poll(what.ms)
        this.#out = [...records]
        return
      }
      case 'acknowledge': {
        const record = this.#out[Math.floor(what.share * this.#out.length)]
        if (record === undefined || this.mode === 'implicit') return
        // Noted before: with lastWins a later answer takes back an earlier one, and the broker may have heard of either.
        if (what.type === 'ACCEPT') this.#finished.add(record.offset)
        consumer.acknowledge(record, what.type)
        return
      }
      case 'commit':
        if (this.mode === 'implicit') for (const { offset } of this.#out) this.#finished.add(offset)
        await consumer.commitSync({ timeoutMs: what.ms })
        return
      case 'commitAsync':
        if (this.mode === 'implicit') for (const { offset } of this.#out) this.#finished.add(offset)
        this.#commits.push(consumer.commitAsync())
        return
      case 'advance':
        await this.group.clock.advance(what.ms)
        return
      case 'iterate':
        return this.#iterate(what)
      case 'wakeup':
        consumer.wakeup()
        return
      case 'unsubscribe':
        await consumer.unsubscribe()
        this.#out = []
        // The scripted leader knows one session at a time.
        await this.group.clock.advance(6_000)
        return
      case 'subscribe':
        consumer.subscribe(['orders'])
        return
      case 'cut':
        group.leader().cut()
    }
  }

  async #iterate({ items, batches, commit }: Extract<Action, { do: 'iterate' }>): Promise<void> {
    const { consumer } = this
    const controller = new AbortController()
    const timer = this.group.clock.setTimer(() => controller.abort(), 3_000)
    const { signal } = controller
    if (this.mode === 'implicit') for (const { offset } of this.#out) this.#finished.add(offset)
    this.#out = []
    let left = items
    const handOut = async (records: readonly ConsumerRecord[]): Promise<void> => {
      if (this.mode === 'implicit') for (const { offset } of this.#out) this.#finished.add(offset)
      this.#out = this.mode === 'implicit' ? [...records] : [...this.#out, ...records]
      if (this.mode === 'explicit' && left % 2 === 0) {
        for (const record of records) {
          this.#finished.add(record.offset)
          consumer.acknowledge(record)
        }
      }
      if (!commit) return
      if (this.mode === 'implicit') for (const { offset } of records) this.#finished.add(offset)
      await consumer.commitSync({ timeoutMs: 5_000 })
    }
    try {
      if (batches) {
        for await (const batch of consumer.batches({ signal, maxInFlight: 10 })) {
          await handOut(batch.records)
          if (--left <= 0) break
        }
      } else {
        for await (const each of consumer.records({ signal })) {
          if (each.error === undefined) await handOut([each])
          else this.#expectKnown(each.error)
          if (--left <= 0) break
        }
      }
    } catch (error) {
      // What was asked for after the last item: that one is finished.
      if (this.mode === 'implicit' && KafkaError.is(error) && error.code === 'ABORTED')
        for (const { offset } of this.#out) this.#finished.add(offset)
      throw error
    } finally {
      timer.cancel()
      if (this.mode === 'implicit') this.#out = []
    }
  }

  #check(): void {
    expect(this.group.faults).toEqual([])
    for (const what of this.group.leader().stored) {
      const [place = '', type] = what.split(' ')
      if (type === 'ACCEPT') expect(this.#finished, what).toContain(Number(place.split('@')[1]))
    }
  }

  #expectKnown(error: unknown): void {
    if (!KafkaError.is(error) || !KNOWN.has(error.code)) throw error
  }
}

describe('a share consumer', () => {
  it.each([
    ['implicit', false],
    ['explicit', false],
    ['explicit', true],
  ] as const)(
    'accepts nothing unfinished and never hangs, whatever is done with it (%s, lastWins %s)',
    async (mode, lastWins) => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 25 }), (actions) => new History(mode, lastWins).run(actions)),
        { numRuns: 100 },
      )
    },
    120_000,
  )
})

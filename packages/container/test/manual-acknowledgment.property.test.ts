import { KafkaError, KafkaUsageError } from '@milena/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ListenerFailedEvent } from '../src/index.js'
import { deferred } from './container-harness.js'
import type { TestRecord } from './fake-engine.js'
import { ManualHarness } from './manual-harness.js'

/** What may happen to two records of a MANUAL listener, each by its offset, or to all of them. */
const happenings = [
  'acknowledge',
  'release',
  'reject',
  'renew',
  'its listener returns',
  'its listener throws',
  'somebody decides',
  'its error handler leaves it to the recoverer',
  'its recoverer fails',
  'its lock is lost',
  'its lock is over',
  'the broker refuses',
  'the broker confirms',
  '400 ms pass',
  '2 s pass',
  'stop',
  'the member dies',
] as const

type Happening = (typeof happenings)[number]

/** What ends a story comes seldom. */
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.constantFrom(...happenings.filter((what) => what !== 'stop' && what !== 'the member dies')),
  },
  { weight: 1, arbitrary: fc.constantFrom('stop', 'the member dies') },
)
const RECORDS = 2

class Story {
  readonly #works = Array.from({ length: RECORDS }, () => deferred())
  readonly #handled = Array.from({ length: RECORDS }, () => deferred<'RELEASE' | undefined>())
  readonly #recovered = Array.from({ length: RECORDS }, () => deferred<'REJECT'>())
  readonly harness: ManualHarness
  records: readonly TestRecord[] = []
  /** Terminal answers that did not throw, by offset. */
  readonly given: string[] = []

  constructor(maxInFlight: number | undefined, deadline: boolean) {
    // What nobody waits for may be rejected all the same.
    for (const { promise } of [...this.#works, ...this.#recovered]) promise.catch(() => undefined)
    this.harness = new ManualHarness(
      {
        maxInFlight,
        restartPolicy: 'never',
        shutdownTimeoutMs: 1_000,
        shareAcknowledgmentTimeoutMs: 700,
        ...(deadline ? { processingDeadlineMs: 1_000 } : {}),
        errorHandler: ({ offset }) => this.#handled[offset]?.promise,
        shareConsumerRecordRecoverer: ({ offset }) => this.#recovered[offset]?.promise ?? 'REJECT',
      },
      ({ offset }) => this.#works[offset]?.promise,
      { takesSignal: true },
    )
  }

  async happen(what: Happening, offset: number): Promise<void> {
    const { harness } = this
    const record = this.records[offset]
    switch (what) {
      case 'acknowledge':
      case 'release':
      case 'reject':
      case 'renew':
        this.#use(what, offset)
        break
      case 'its listener returns':
        this.#works[offset]?.resolve()
        break
      case 'its listener throws':
        this.#works[offset]?.reject('bad order')
        break
      case 'somebody decides':
        this.#handled[offset]?.resolve(offset === 0 ? 'RELEASE' : undefined)
        this.#recovered[offset]?.resolve('REJECT')
        break
      case 'its error handler leaves it to the recoverer':
        this.#handled[offset]?.resolve(undefined)
        break
      case 'its recoverer fails':
        this.#recovered[offset]?.reject(new Error('recoverer'))
        break
      case 'its lock is lost':
        if (record !== undefined) harness.engine().lose(record)
        break
      case 'its lock is over':
        if (record !== undefined) harness.engine().expire(record)
        break
      case 'the broker refuses':
        harness.engine().confirm(new KafkaError('refused', { code: 'INVALID_RECORD_STATE' }))
        break
      case 'the broker confirms':
        harness.engine().confirm()
        break
      case '400 ms pass':
        await harness.clock.advance(400)
        return
      case '2 s pass':
        await harness.clock.advance(2_000)
        return
      case 'stop':
        void harness.container.stop()
        break
      case 'the member dies':
        harness.engine().failTake(new KafkaError('fenced', { code: 'FENCED_MEMBER_EPOCH' }))
    }
    await harness.settle()
  }

  async end(): Promise<void> {
    const { harness } = this
    const stopped = harness.container.stop({ timeoutMs: 1_000 })
    await harness.clock.advance(3_000)
    await stopped
  }

  #use(what: 'acknowledge' | 'release' | 'reject' | 'renew', offset: number): void {
    const handle = this.harness.handles[offset]
    if (handle === undefined) return
    const type = { acknowledge: 'ACCEPT', release: 'RELEASE', reject: 'REJECT', renew: 'RENEW' }[what]
    const answered = handle.isAcknowledged
    try {
      handle[what]()
    } catch (error) {
      expect(error).toBeInstanceOf(KafkaUsageError)
      expect(['ALREADY_ACKNOWLEDGED', 'ACKNOWLEDGMENT_TOO_LATE']).toContain((error as KafkaError).code)
      expect(handle.isAcknowledged).toBe(answered)
      return
    }
    expect(answered).toBe(false)
    expect(handle.isAcknowledged).toBe(what !== 'renew')
    if (what !== 'renew') this.given.push(`${type} orders-0@${offset}`)
  }
}

test('whatever happens in whatever order, a record gets one terminal answer at most, and the container ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(undefined, 1, 2),
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.tuple(happening, fc.nat(RECORDS - 1)), { minLength: 5, maxLength: 30, size: 'max' }),
      async (maxInFlight, deadline, confirmAtOnce, happened) => {
        const story = new Story(maxInFlight, deadline)
        const { harness } = story
        await harness.container.start()
        harness.engine().autoConfirm = confirmAtOnce
        story.records = harness.engine().feedMany(RECORDS)
        await harness.settle()
        for (const [what, offset] of happened) await story.happen(what, offset)
        await story.end()

        const answers = harness.engine().answers.filter((answer) => !/^(stale|RENEW)/.test(answer))
        const byOffset = answers.map((answer) => answer.slice(answer.indexOf('@')))
        expect(new Set(byOffset).size).toBe(byOffset.length)
        // What the listener said, and was not refused, is what went out.
        expect(answers).toEqual(expect.arrayContaining(story.given))
        // Nobody tried to give a second one behind the back of the handle.
        expect(harness.log.at('error').filter(({ message }) => message.includes('could not be answered'))).toEqual([])
        // A failed listener is told once.
        const failed = harness.events.filter((event) => event instanceof ListenerFailedEvent)
        expect(new Set(failed.map(({ record }) => record)).size).toBe(failed.length)
        expect(['stopped', 'failed']).toContain(harness.container.state)
        expect(harness.clock.pendingTimers).toBe(0)
        // Nothing is open any more: every handle says so.
        for (const handle of harness.handles.filter(Boolean))
          expect(() => handle.acknowledge()).toThrow(KafkaUsageError)
      },
    ),
    { numRuns: 400 },
  )
})

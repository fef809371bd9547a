import { KafkaError, KafkaUsageError } from '@milena/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { ContainerEvent } from '../src/index.js'
import { ContainerHarness, outcomeOf } from './container-harness.js'

/** What may happen to a container, from outside, from its subscribers, and from below. */
const happenings = [
  'start',
  'stop',
  'stop in 0 ms',
  'pause',
  'resume',
  'a member dies',
  'a member meets a fatal fault',
  'records come',
  '100 ms pass',
  '2 s pass',
  '40 s pass',
  'the next join hangs',
  'the next join fails',
  'the next member cannot be made',
  'the next close hangs',
  'a subscriber restarts after the next end',
  'a subscriber stops after the next start',
] as const

class Story {
  readonly harness: ContainerHarness
  readonly stops: Promise<void>[] = []
  /** Anything that start() or whenStopped() rejected with. */
  readonly rejections: unknown[] = []
  #joining: 'never' | Error | undefined
  #unmakeable = false
  #closeHangs = false
  #restart = false
  #stopAtOnce = false
  #offset = 0

  constructor(concurrency: number, maxInFlight: number | undefined) {
    this.harness = new ContainerHarness({
      properties: { concurrency, maxInFlight, consumerStartTimeoutMs: 5_000, shutdownTimeoutMs: 3_000 },
      listener: ({ offset }) => {
        // Some return, some resolve later, some never, some throw, some stop their own container.
        if (offset % 7 === 1) return new Promise((resolve) => this.harness.clock.setTimer(() => resolve(undefined), 50))
        if (offset % 7 === 2) return new Promise(() => undefined)
        if (offset % 7 === 3) throw new Error('listener')
        if (offset % 13 === 6) return this.#stop(undefined)
        return undefined
      },
    })
    this.harness.factory.prepare = (consumer) => {
      if (this.#unmakeable) {
        this.#unmakeable = false
        throw new Error('cannot be made')
      }
      if (this.#joining !== undefined) consumer.engine.joining = this.#joining
      if (this.#closeHangs) consumer.closing = 'never'
      this.#joining = undefined
      this.#closeHangs = false
    }
    this.harness.container.on('consumerStopped', () => {
      if (this.#restart) this.#start()
      this.#restart = false
    })
    this.harness.container.on('consumerFailedToStart', () => {
      if (this.#restart) this.#start()
      this.#restart = false
    })
    this.harness.container.on('consumerStarted', () => {
      if (this.#stopAtOnce) void this.#stop(undefined)
      this.#stopAtOnce = false
    })
  }

  async happen(what: (typeof happenings)[number]): Promise<void> {
    const { container, clock, factory } = this.harness
    switch (what) {
      case 'start':
        return this.#start()
      case 'stop':
        return void this.#stop(undefined)
      case 'stop in 0 ms':
        return void this.#stop(0)
      case 'pause':
      case 'resume':
        try {
          if (what === 'pause') container.pause()
          else container.resume()
        } catch (error) {
          if (!KafkaUsageError.is(error)) throw error
        }
        return
      case 'a member dies':
        return factory.consumers.at(-1)?.engine.failTake(new KafkaError('dies', { code: 'UNKNOWN_MEMBER_ID' }))
      case 'a member meets a fatal fault':
        return factory.consumers.at(-1)?.engine.failTake(new KafkaUsageError('fatal'))
      case 'records come':
        for (const { engine } of factory.consumers) engine.feedMany(3, (this.#offset += 3))
        return clock.advance(0)
      case '100 ms pass':
        return clock.advance(100)
      case '2 s pass':
        return clock.advance(2_000)
      case '40 s pass':
        return clock.advance(40_000)
      case 'the next join hangs':
        this.#joining = 'never'
        return
      case 'the next join fails':
        this.#joining = new KafkaError('no', { code: 'GROUP_AUTHORIZATION_FAILED' })
        return
      case 'the next member cannot be made':
        this.#unmakeable = true
        return
      case 'the next close hangs':
        this.#closeHangs = true
        return
      case 'a subscriber restarts after the next end':
        this.#restart = true
        return
      case 'a subscriber stops after the next start':
        this.#stopAtOnce = true
        return
    }
  }

  #start(): void {
    this.harness.container.start().catch((error: unknown) => this.rejections.push(error))
    this.harness.container.whenStopped().catch((error: unknown) => this.rejections.push(error))
  }

  #stop(timeoutMs: number | undefined): Promise<void> {
    const stop = this.harness.container.stop(timeoutMs === undefined ? {} : { timeoutMs })
    this.stops.push(stop)
    return stop
  }
}

/** What one member tells, as a word over its events: a life is started and stopped, or fails to start. */
function livesOf(events: readonly ContainerEvent[], clientId: string): string {
  const letters = {
    consumerStarting: 'i',
    consumerStarted: 'S',
    consumerFailedToStart: 'f',
    shareConsumerStopping: 'o',
    consumerStopped: 'X',
  } as const
  return events
    .filter((event) => event.clientId === clientId && event.type in letters)
    .map((event) => letters[event.type as keyof typeof letters])
    .join('')
}

/** The health of a container says what its state says, and is `up` only when all members are. */
function checkHealth({ harness: { container } }: Story): void {
  const { status, state, members, cause } = container.health()
  expect(state).toBe(container.state)
  const lives = state === 'running' || state === 'paused'
  expect(status === 'down').toBe(!lives)
  const sound = members.every((member) => member.status === 'up' && member.lastError === undefined)
  if (lives) expect([status, members.length]).toEqual([sound ? 'up' : 'degraded', container.concurrency])
  else if (state !== 'stopping') expect(members.every((member) => member.status === 'down')).toBe(true)
  if (state === 'failed') expect(cause).toBeTypeOf('string')
}

test('whatever happens to a container: no illegal state, every stop() resolves, and every life is told whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...happenings), { maxLength: 25 }),
      fc.integer({ min: 1, max: 3 }),
      fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      async (sequence, concurrency, maxInFlight) => {
        const story = new Story(concurrency, maxInFlight)
        const { harness } = story
        for (const what of sequence) {
          await story.happen(what)
          if (what.startsWith('stop') || what === 'records come') await harness.settle()
          checkHealth(story)
        }
        // The end: what a subscriber may have started is stopped too, and nobody is left.
        for (let i = 0; i < 2; i++) {
          const last = harness.container.stop()
          await harness.clock.advance(10_000)
          expect(await outcomeOf(last)).toBe('resolved')
        }
        for (const stop of story.stops) expect(await outcomeOf(stop)).toBe('resolved')
        expect(['stopped', 'failed']).toContain(harness.container.state)
        // An illegal move would come out as a KafkaUsageError about the container's state.
        const illegal = story.rejections.filter(
          (error) => error instanceof Error && /is only possible while/.test(error.message),
        )
        expect(illegal).toEqual([])
        for (let index = 0; index < concurrency; index++) {
          // f alone: it could not be made. i alone: the start was given up, or another member failed it.
          expect(livesOf(harness.events, `orders-${index}`)).toMatch(/^(f|if|iSoX|i)*$/)
        }
        expect(harness.factory.consumers.every(({ closed }) => closed !== undefined)).toBe(true)
        expect(harness.log.at('error').filter(({ facts }) => 'event' in facts)).toEqual([])
      },
    ),
    { numRuns: 300 },
  )
}, 60_000)

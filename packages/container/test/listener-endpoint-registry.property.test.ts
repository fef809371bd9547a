import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ListenerEndpointRegistry, ShareListenerContainerFactory } from '../src/index.js'
import { ContainerHarness, outcomeOf } from './container-harness.js'

/** What may happen to a registry. */
const happenings = [
  'start',
  'stop',
  'a group starts',
  'a group stops',
  'a container is registered',
  'a container is registered and started',
  'a container is unregistered',
  'the next join hangs',
  'the next join fails',
  'nothing for a while',
] as const

class Story {
  readonly harness = new ContainerHarness()
  readonly registry = new ListenerEndpointRegistry()
  readonly starts: Promise<unknown>[] = []
  readonly stops: Promise<void>[] = []
  /** Phases whose containers began to start, in the order in which they did; one list for each start of the registry. */
  readonly order: number[] = []
  readonly #factory: ShareListenerContainerFactory<string, unknown>
  #joining: 'never' | Error | undefined
  #made = 0

  constructor() {
    const { factory, runtime, log } = this.harness
    this.#factory = new ShareListenerContainerFactory<string, unknown>({
      consumerFactory: factory,
      containerProperties: { consumerStartTimeoutMs: 5_000, shutdownTimeoutMs: 1_000 },
      logger: log.logger(),
      runtime,
    })
    factory.prepare = ({ engine }) => {
      if (this.#joining !== undefined) engine.joining = this.#joining
      this.#joining = undefined
    }
  }

  async happen(what: (typeof happenings)[number], number: number): Promise<void> {
    const { registry, harness } = this
    switch (what) {
      case 'start':
        return void this.starts.push(registry.start())
      case 'stop':
        return void this.stops.push(registry.stop())
      case 'a group starts':
        return void this.starts.push(registry.getContainerGroup('odd')?.start() ?? Promise.resolve())
      case 'a group stops':
        return void this.stops.push(registry.getContainerGroup('odd')?.stop() ?? Promise.resolve())
      case 'a container is registered':
      case 'a container is registered and started':
        return this.#register(number, what === 'a container is registered and started')
      case 'a container is unregistered': {
        const container = registry.allContainers.at(number)
        if (container === undefined) return
        const atRest = container.state === 'stopped' || container.state === 'failed'
        if (atRest) expect(registry.unregisterListenerContainer(container.id)).toBe(container)
        else expect(() => registry.unregisterListenerContainer(container.id)).toThrow(/Call its stop/)
        return
      }
      case 'the next join hangs':
        this.#joining = 'never'
        return
      case 'the next join fails':
        this.#joining = new Error('no access')
        return
      case 'nothing for a while':
        return harness.clock.advance(10_000)
    }
  }

  #register(number: number, startImmediately: boolean): void {
    const phase = (number % 3) - 1
    const endpoint = {
      id: `c${this.#made++}`,
      topics: 't',
      listener: () => undefined,
      phase,
      containerGroup: number % 2 === 1 ? 'odd' : undefined,
      autoStartup: number !== 4,
    }
    const container = this.registry.registerListenerContainer(endpoint, this.#factory, { startImmediately })
    container.on('consumerStarting', () => this.order.push(phase))
  }
}

const steps = fc.array(fc.tuple(fc.constantFrom(...happenings), fc.nat({ max: 5 })), { maxLength: 20 })

test('whatever happens to a registry: every start and stop ends, all are at rest after the last, and it starts in order again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 5 }), { maxLength: 5 }), steps, async (first, sequence) => {
      const story = new Story()
      const { registry, harness } = story
      for (const number of first) await story.happen('a container is registered', number)
      for (const [what, number] of sequence) {
        await story.happen(what, number)
        for (const start of story.starts) start.catch(() => undefined)
        if (number > 2) await harness.settle()
        expect(registry.health().containers.map(({ state }) => state)).toEqual(
          registry.allContainers.map(({ state }) => state),
        )
      }
      await harness.clock.advance(60_000)
      for (const start of story.starts) expect(await outcomeOf(start)).not.toBe('pending')
      const stopping = registry.stop()
      await harness.clock.advance(20_000)
      for (const stop of [...story.stops, stopping]) expect(await outcomeOf(stop)).toBe('resolved')
      expect(registry.allContainers.every(({ isRunning }) => !isRunning)).toBe(true)
      expect(registry.allContainers.map(({ state }) => state)).not.toContain('stopping')

      story.order.length = 0
      await story.happen('nothing for a while', 0)
      const last = await Promise.race([registry.start().then(() => 'all run', String), harness.clock.advance(10_000)])
      if (last === 'all run') expect(story.order).toEqual(story.order.toSorted((a, b) => a - b))
      else expect(registry.allContainers.some(({ isRunning }) => isRunning)).toBe(false)
      await registry.stop()
    }),
    { numRuns: 200 },
  )
}, 60_000)

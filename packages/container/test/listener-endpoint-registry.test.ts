import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ListenerEndpointRegistry, ShareListenerContainerFactory } from '../src/index.js'
import { ContainerHarness, outcomeOf } from './container-harness.js'

function registryOf() {
  const harness = new ContainerHarness()
  const factory = new ShareListenerContainerFactory<string, unknown>({
    consumerFactory: harness.factory,
    logger: harness.log.logger(),
    runtime: harness.runtime,
  })
  return { harness, factory, registry: new ListenerEndpointRegistry() }
}

const listener = (): void => undefined

describe('the registry', () => {
  test('keeps containers by id, in order', () => {
    const { registry, factory } = registryOf()
    const b = registry.registerListenerContainer({ id: 'b', topics: 't', listener }, factory)
    const a = registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)
    expect(registry.getListenerContainer('a')).toBe(a)
    expect(registry.getListenerContainer('c')).toBeUndefined()
    expect(registry.allContainers).toEqual([b, a])
  })

  test('names endpoints without an id, past names that are taken', () => {
    const { registry, factory } = registryOf()
    registry.registerListenerContainer({ id: 'listener-0', topics: 't', listener }, factory)
    expect(registry.registerListenerContainer({ topics: 't', listener }, factory).id).toBe('listener-1')
    expect(registry.registerListenerContainer({ topics: 't', listener }, factory).id).toBe('listener-2')
  })

  test('refuses an id twice, and keeps nothing of an endpoint that is refused', () => {
    const { registry, factory } = registryOf()
    registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)
    expect(() => registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)).toThrow(
      KafkaUsageError,
    )
    expect(() => registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)).toThrow(
      /'a' is registered already/,
    )
    expect(() => registry.registerListenerContainer({ id: 'b', topics: [], listener }, factory)).toThrow(/topics/)
    expect(registry.allContainers).toHaveLength(1)
  })

  test('starts all but those with autoStartup false, and stops all', async () => {
    const { registry, factory } = registryOf()
    const auto = registry.registerListenerContainer({ id: 'auto', topics: 't', listener }, factory)
    const byHand = registry.registerListenerContainer(
      { id: 'by-hand', topics: 't', listener, autoStartup: false },
      factory,
    )
    await registry.start()
    expect([auto.state, byHand.state]).toEqual(['running', 'stopped'])
    await byHand.start()
    await registry.stop()
    expect([auto.state, byHand.state]).toEqual(['stopped', 'stopped'])
  })

  test('when one fails to start: stops the others, also those still starting, and rejects with the cause', async () => {
    const { harness, registry, factory } = registryOf()
    const cause = new Error('no access')
    harness.factory.prepare = ({ request, engine }) => {
      if (request.clientId === 'slow-0') engine.joining = 'never'
      if (request.clientId === 'bad-0') engine.joining = cause
    }
    const containers = ['good', 'slow', 'bad'].map((id) =>
      registry.registerListenerContainer({ id, topics: 't', listener }, factory),
    )
    await expect(registry.start()).rejects.toBe(cause)
    expect(containers.map(({ state }) => state)).toEqual(['stopped', 'stopped', 'failed'])
  })

  test('stops within the bound', async () => {
    const { harness, registry, factory } = registryOf()
    registry.registerListenerContainer({ id: 'a', topics: 't', listener: () => new Promise(() => undefined) }, factory)
    await registry.start()
    harness.engine().feedMany(1)
    await harness.settle()
    const stopped = registry.stop({ timeoutMs: 400 })
    await harness.clock.advance(399)
    expect(await outcomeOf(stopped)).toBe('resolved')
  })

  test('registers while it runs: started at once where that is asked for, else by the next start()', async () => {
    const { registry, factory } = registryOf()
    registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)
    await registry.start()
    const now = registry.registerListenerContainer({ id: 'now', topics: 't', listener, autoStartup: false }, factory, {
      startImmediately: true,
    })
    const later = registry.registerListenerContainer({ id: 'later', topics: 't', listener }, factory)
    await now.start()
    expect([now.state, later.state]).toEqual(['running', 'stopped'])
    await registry.start()
    expect(later.state).toBe('running')
  })

  test('a start at once that fails is told by log and state, and rejects nowhere', async () => {
    const { harness, registry, factory } = registryOf()
    harness.factory.prepare = () => {
      throw new Error('no access')
    }
    const container = registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory, {
      startImmediately: true,
    })
    await harness.settle()
    expect(container.state).toBe('failed')
    expect(harness.log.at('error')).toHaveLength(1)
  })

  test('a start at once of what cannot start is told like any other', async () => {
    const { harness, registry, factory } = registryOf()
    const events: string[] = []
    const endpoint = { id: 'a', topics: 't', listener, ackMode: 'MANUAL' } as const
    const container = registry.registerListenerContainer(endpoint, factory, { startImmediately: true })
    container.on('consumerFailedToStart', ({ containerId }) => events.push(containerId))
    await harness.settle()
    expect([container.state, events]).toEqual(['failed', ['a']])
    expect(registry.health()).toMatchObject({
      status: 'down',
      containers: [{ cause: expect.stringMatching(/MANUAL/) }],
    })
    expect(harness.log.at('error')).toHaveLength(1)
  })

  test('finds out who cannot start before anybody joins, whatever the phases', async () => {
    const { harness, registry, factory } = registryOf()
    registry.registerListenerContainer({ id: 'good', topics: 't', listener, phase: -1 }, factory)
    registry.registerListenerContainer({ id: 'manual', topics: 't', listener, ackMode: 'MANUAL' }, factory)
    await expect(registry.start()).rejects.toThrow(/'manual': shareAckMode MANUAL/)
    expect(harness.factory.consumers).toEqual([])
    expect(registry.allContainers.map(({ state }) => state)).toEqual(['stopped', 'failed'])
  })

  test('tells ids in order, and forgets a container that is at rest', async () => {
    const { registry, factory } = registryOf()
    const [a, b] = ['a', 'b'].map((id) => registry.registerListenerContainer({ id, topics: 't', listener }, factory))
    expect(registry.getListenerContainerIds()).toEqual(['a', 'b'])
    await a?.start()
    expect(() => registry.unregisterListenerContainer('a')).toThrow(/'a' is running. Call its stop\(\)/)
    expect(registry.unregisterListenerContainer('b')).toBe(b)
    expect(registry.unregisterListenerContainer('b')).toBeUndefined()
    expect(registry.getListenerContainerIds()).toEqual(['a'])
    await a?.stop()
    expect(registry.unregisterListenerContainer('a')).toBe(a)
  })

  test('forgets a container that has failed, whose id is free then', async () => {
    const { harness, registry, factory } = registryOf()
    harness.factory.prepare = ({ engine }) => (engine.joining = new Error('no access'))
    const failed = registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)
    await expect(registry.start()).rejects.toThrow('no access')
    expect(failed.state).toBe('failed')
    expect(registry.unregisterListenerContainer('a')).toBe(failed)
    const another = registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)
    expect(registry.allContainers).toEqual([another])
  })

  test('keeps a container that was made in code under its own id, and starts and stops it with the others', async () => {
    const { registry, factory } = registryOf()
    const [own, byHand] = ['own', 'by-hand'].map((id) => {
      const container = factory.createContainer({ id, topics: 't' })
      container.setupMessageListener(listener)
      return container
    })
    if (own === undefined || byHand === undefined) throw new Error('they were not made')
    registry.adopt(own)
    registry.adopt(byHand, { autoStartup: false })
    expect(() => registry.adopt(own)).toThrow(/'own' is registered already/)
    expect(registry.getListenerContainer('own')).toBe(own)
    await registry.start()
    expect([own.state, byHand.state]).toEqual(['running', 'stopped'])
    await registry.stop()
    expect(own.state).toBe('stopped')
  })
})

/** Containers in three phases, and the order in which their members start and stop. */
function phased() {
  const { harness, registry, factory } = registryOf()
  const story: string[] = []
  const containers = (
    [
      ['late', 10],
      ['default', undefined],
      ['early', -5],
      ['early2', -5],
    ] as const
  ).map(([id, phase]) => {
    const container = registry.registerListenerContainer({ id, topics: 't', listener, phase }, factory)
    container.on('consumerStarting', () => story.push(`${id} starting`))
    container.on('consumerStarted', () => story.push(`${id} started`))
    container.on('shareConsumerStopping', () => story.push(`${id} stopping`))
    container.on('consumerStopped', () => story.push(`${id} stopped`))
    return container
  })
  return { harness, registry, factory, story, containers }
}

describe('phases', () => {
  test('start low ones first and stop high ones first; each waits for the one before', async () => {
    const { registry, story } = phased()
    await registry.start()
    const started = ['early starting', 'early2 starting', 'early started', 'early2 started']
    expect(story.slice(0, 4).toSorted()).toEqual(started.toSorted())
    expect(story.slice(4)).toEqual(['default starting', 'default started', 'late starting', 'late started'])
    story.length = 0
    await registry.stop()
    expect(story.slice(0, 4)).toEqual(['late stopping', 'late stopped', 'default stopping', 'default stopped'])
    expect(story.slice(4).toSorted()).toEqual(
      ['early stopping', 'early2 stopping', 'early stopped', 'early2 stopped'].toSorted(),
    )
  })

  test('are numbers: 9 comes before 10, and -10 before -9', async () => {
    const { registry, factory } = registryOf()
    const started: number[] = []
    const phases = [10, -9, 9, 100, -10, 0]
    for (const phase of phases) {
      registry
        .registerListenerContainer({ topics: 't', listener, phase }, factory)
        .on('consumerStarted', () => started.push(phase))
    }
    await registry.start()
    expect(started).toEqual([-10, -9, 0, 9, 10, 100])
  })

  test('when one fails, later phases are not begun, and what this start had started is stopped again', async () => {
    const { harness, registry, story, containers } = phased()
    const cause = new Error('no access')
    harness.factory.prepare = ({ request, engine }) => {
      if (request.clientId === 'default-0') engine.joining = cause
    }
    await expect(registry.start()).rejects.toBe(cause)
    expect(containers.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'late stopped',
      'default failed',
      'early stopped',
      'early2 stopped',
    ])
    expect(story).not.toContain('late starting')
  })

  test('what ran before a start that fails goes on', async () => {
    const { harness, registry, containers } = phased()
    await containers[2]?.start()
    harness.factory.prepare = ({ request, engine }) => {
      if (request.clientId === 'late-0') engine.joining = new Error('no access')
    }
    await expect(registry.start()).rejects.toThrow('no access')
    expect(containers.map(({ state }) => state)).toEqual(['failed', 'stopped', 'running', 'stopped'])
  })

  test('stop() during a start ends it: the phase under way is cancelled, and none is begun after it', async () => {
    const { harness, registry, story, containers } = phased()
    harness.factory.prepare = ({ request, engine }) => {
      if (request.clientId === 'default-0') engine.joining = 'never'
    }
    const starting = registry.start()
    await harness.settle()
    expect(story).toContain('default starting')
    const refused = expect(starting).rejects.toMatchObject({ code: 'START_CANCELLED' })
    await registry.stop()
    await refused
    expect(story).not.toContain('late starting')
    expect(containers.every(({ state }) => state === 'stopped')).toBe(true)
  })

  test('stop() between two phases ends the start, too', async () => {
    const { registry, story, containers } = phased()
    containers[2]?.on('consumerStarted', () => void registry.stop())
    await expect(registry.start()).rejects.toMatchObject({ code: 'START_CANCELLED' })
    expect(story).not.toContain('late starting')
    expect(containers.every(({ state }) => state === 'stopped')).toBe(true)
  })
})

describe('a container group', () => {
  function grouped() {
    const { harness, registry, factory } = registryOf()
    const [a, b, c] = (['shop', 'shop', undefined] as const).map((containerGroup, index) =>
      registry.registerListenerContainer(
        { id: `c${index}`, topics: 't', listener, containerGroup, autoStartup: index !== 1, phase: -index },
        factory,
      ),
    )
    return { harness, registry, containers: [a, b, c] }
  }

  test('is found by its name, with its containers in order', () => {
    const { registry, containers } = grouped()
    expect(registry.getContainerGroup('shop')).toMatchObject({ name: 'shop', containers: containers.slice(0, 2) })
    expect(registry.getContainerGroup('none')).toBeUndefined()
  })

  test('starts and stops them together, also those with autoStartup false, and touches no others', async () => {
    const { registry, containers } = grouped()
    const group = registry.getContainerGroup('shop')
    await group?.start()
    expect(containers.map((each) => each?.state)).toEqual(['running', 'running', 'stopped'])
    expect(group?.isRunning).toBe(true)
    await registry.start()
    await group?.stop()
    expect(containers.map((each) => each?.state)).toEqual(['stopped', 'stopped', 'running'])
    expect(group?.isRunning).toBe(false)
  })
})

describe('the health of a registry', () => {
  test('is the worst of its containers, but for those that are not to run', async () => {
    const { harness, registry, factory } = registryOf()
    expect(registry.health()).toEqual({ status: 'up', containers: [] })
    registry.registerListenerContainer({ id: 'a', topics: 't', listener }, factory)
    const byHand = registry.registerListenerContainer(
      { id: 'by-hand', topics: 't', listener, autoStartup: false },
      factory,
    )
    expect(registry.health().status).toBe('down')
    await registry.start()
    expect(registry.health()).toMatchObject({
      status: 'up',
      containers: [
        { id: 'a', status: 'up' },
        { id: 'by-hand', status: 'down', state: 'stopped' },
      ],
    })
    await byHand.start()
    harness.engine(1).failTake(new Error('broken'))
    await harness.settle()
    expect(registry.health().status).toBe('degraded')
  })
})

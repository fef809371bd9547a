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
})

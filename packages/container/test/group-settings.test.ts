import type { Admin } from '@milena/client'
import { KafkaConnectionError, KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ShareMessageListenerContainer, type ContainerProperties, type GroupConfigs } from '../src/index.js'
import { ContainerHarness, outcomeOf } from './container-harness.js'

/** A harness whose factory makes admin clients that keep what is set; nothing is set at first. */
function withAdmin() {
  const harness = new ContainerHarness()
  const story: string[] = []
  const current = new Map<string, string>()
  const admin = {
    waiting: undefined as Promise<never> | undefined,
    async describeConfigs([{ keys }]: readonly [{ readonly keys: readonly string[] }]) {
      if (admin.waiting !== undefined) return admin.waiting
      return [{ entries: new Map(keys.map((key) => [key, { value: current.get(key) ?? null }])) }]
    },
    async alterGroupConfigs(groupId: string, configs: Record<string, string>) {
      story.push(`${groupId} ${JSON.stringify(configs)}`)
      for (const [name, value] of Object.entries(configs)) current.set(name, value)
    },
    async close() {
      story.push('closed')
    },
  }
  Object.assign(harness.factory, { createAdmin: () => admin as unknown as Admin })
  const container = (id: string, groupConfigs: GroupConfigs, more: ContainerProperties = {}) => {
    const properties = { id, topics: 'orders', groupConfigs, ...more }
    const made = new ShareMessageListenerContainer(harness.factory, properties, {
      logger: harness.log.logger(),
      runtime: harness.runtime,
      eventPublisher: { publish: (event) => harness.events.push(event) },
    })
    made.setupMessageListener(() => undefined)
    return made
  }
  return { harness, story, admin, container }
}

describe('group settings of a container', () => {
  test('are set before any consumer is made, those that differ only, and logged; the admin client is closed', async () => {
    const { harness, story, container } = withAdmin()
    harness.factory.prepare = () => void story.push('consumer')
    await container('a', { shareAutoOffsetReset: 'earliest', shareDeliveryCountLimit: 3 }).start()
    expect(story).toEqual([
      'workers {"share.auto.offset.reset":"earliest","share.delivery.count.limit":"3"}',
      'closed',
      'consumer',
    ])
    expect(harness.log.at('info').map(({ message }) => message)).toContain(
      "Group 'workers': share.auto.offset.reset: unset -> earliest",
    )
    story.length = 0
    await container('b', { shareAutoOffsetReset: 'earliest' }).start()
    expect(story).toEqual(['closed', 'consumer'])
  })

  test("are set on the cluster that the container's own settings name", async () => {
    const { harness, admin, container } = withAdmin()
    const asked: unknown[] = []
    const createAdmin = (request: unknown) => {
      asked.push(request)
      return admin as unknown as Admin
    }
    Object.assign(harness.factory, { createAdmin })
    const elsewhere = { properties: { bootstrapServers: 'other:9092' } }
    await container('here', { shareAutoOffsetReset: 'earliest' }).start()
    // The same group's name on another cluster is another group.
    await container('there', { shareAutoOffsetReset: 'latest' }, elsewhere).start()
    expect(asked).toEqual([{ properties: {} }, { properties: { 'bootstrap.servers': 'other:9092' } }])
    const third = container('third', { shareAutoOffsetReset: 'earliest' }, elsewhere)
    await expect(third.start()).rejects.toThrow(/container 'there', which runs in the same group/)
  })

  test('of two running containers that want something else of one group are an error, until the first one stops', async () => {
    const { container } = withAdmin()
    const first = container('first', { shareAutoOffsetReset: 'earliest', shareDeliveryCountLimit: 3 })
    const second = container('second', { shareAutoOffsetReset: 'latest' })
    const elsewhere = container('elsewhere', { shareAutoOffsetReset: 'latest' }, { groupId: 'others' })
    await first.start()
    await elsewhere.start()
    const error = await second.start().catch((cause: unknown) => cause)
    expect(error).toSatisfy(KafkaUsageError.is)
    expect((error as Error).message).toBe(
      "Container 'second' wants share.auto.offset.reset=latest for group 'workers', and container 'first', which runs in the same " +
        "group, wants share.auto.offset.reset=earliest. The setting is the group's: say the same in both, or use two groups.",
    )
    expect(second.state).toBe('failed')
    await first.stop()
    await second.start()
    await expect(first.start()).rejects.toSatisfy(KafkaUsageError.is)
  })

  test('of two containers of one group that have no name in common, or agree, are set by both', async () => {
    const { story, container } = withAdmin()
    await container('first', { shareAutoOffsetReset: 'earliest', shareHeartbeatIntervalMs: 5000 }).start()
    await container('second', { shareDeliveryCountLimit: 3, shareHeartbeatIntervalMs: 5000 }).start()
    expect(story.filter((told) => told !== 'closed')).toEqual([
      'workers {"share.auto.offset.reset":"earliest","share.heartbeat.interval.ms":"5000"}',
      'workers {"share.delivery.count.limit":"3"}',
    ])
  })

  test('that could not be applied fail the start with one event, and are not claimed any more', async () => {
    const { harness, admin, container } = withAdmin()
    const { alterGroupConfigs } = admin
    admin.alterGroupConfigs = () => Promise.reject(new KafkaConnectionError('no broker'))
    const failing = container('a', { shareAutoOffsetReset: 'earliest' })
    await expect(failing.start()).rejects.toMatchObject({
      code: 'NETWORK_EXCEPTION',
      message: "Container 'a' could not apply the settings of group 'workers' (share.auto.offset.reset): no broker",
    })
    expect(failing.state).toBe('failed')
    expect(harness.events.map(({ type }) => type)).toEqual(['consumerFailedToStart'])
    expect(harness.factory.consumers).toEqual([])
    admin.alterGroupConfigs = alterGroupConfigs
    await container('b', { shareAutoOffsetReset: 'latest' }).start()
  })

  test('that a broker does not show at once are waited for a second, and not for ever', async () => {
    const { harness, story, admin, container } = withAdmin()
    admin.alterGroupConfigs = () => Promise.resolve()
    harness.factory.prepare = () => void story.push(`consumer after ${harness.clock.now()} ms`)
    const starting = container('a', { shareAutoOffsetReset: 'earliest' }).start()
    await harness.clock.advance(2_000)
    await starting
    expect(story).toEqual(['closed', 'consumer after 1000 ms'])
  })

  test('need an admin client: a factory of one’s own without createAdmin() is told what to do', async () => {
    const harness = new ContainerHarness({ properties: { groupConfigs: { shareAutoOffsetReset: 'earliest' } } })
    await expect(harness.container.start()).rejects.toThrow(
      /consumer factory has no createAdmin\(\).*alterGroupConfigs/,
    )
  })

  test('that hang are given up with the start, by its bound and by stop()', async () => {
    const { harness, story, admin, container } = withAdmin()
    admin.waiting = new Promise<never>(() => undefined)
    const timing = container('a', { shareAutoOffsetReset: 'earliest' }, { consumerStartTimeoutMs: 500 })
    const timedOut = expect(timing.start()).rejects.toMatchObject({ code: 'START_TIMED_OUT' })
    await harness.clock.advance(500)
    await timedOut
    expect(story).toEqual(['closed'])
    const stopped = container('b', { shareAutoOffsetReset: 'latest' })
    const cancelled = expect(stopped.start()).rejects.toMatchObject({ code: 'START_CANCELLED' })
    expect(await outcomeOf(stopped.stop())).toBe('resolved')
    await cancelled
    expect(harness.factory.consumers).toEqual([])
  })
})

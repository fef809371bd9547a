import { KafkaBrokerError, KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { ContainerHarness, deferred } from './container-harness.js'
import { ManualHarness } from './manual-harness.js'

/** Ends a member, which is then replaced. */
const deadly = (): KafkaError => new KafkaError('the member was fenced', { code: 'FENCED_MEMBER_EPOCH' })

describe('the health of a container', () => {
  test('is down before it was started and after it was stopped', async () => {
    const { container } = new ContainerHarness({ properties: { concurrency: 2 } })
    expect(container.health()).toEqual({
      id: 'orders',
      status: 'down',
      state: 'stopped',
      groupId: 'workers',
      topics: ['orders'],
      members: [],
    })
    await container.start()
    await container.stop()
    expect(container.health()).toMatchObject({
      status: 'down',
      state: 'stopped',
      members: [{ status: 'down' }, { status: 'down' }],
    })
  })

  test('is up while it runs, and while it is paused; is plain data', async () => {
    const { container } = new ContainerHarness({ properties: { concurrency: 2 } })
    await container.start()
    const member = { status: 'up', inFlight: 0, openAcknowledgments: 0 }
    const health = container.health()
    expect(health).toMatchObject({ status: 'up', state: 'running' })
    expect(health.members).toEqual([
      { clientId: 'orders-0', ...member },
      { clientId: 'orders-1', ...member },
    ])
    expect(JSON.parse(JSON.stringify(health))).toEqual(health)
    container.pause()
    expect(container.health()).toMatchObject({ status: 'up', state: 'paused' })
  })

  test('is down while it starts, and while it stops', async () => {
    const harness = new ContainerHarness()
    harness.factory.prepare = ({ engine }) => {
      engine.joining = 'never'
    }
    const starting = harness.container.start()
    await harness.settle()
    expect(harness.container.health()).toMatchObject({
      status: 'down',
      state: 'starting',
      members: [{ status: 'down' }],
    })
    const refused = expect(starting).rejects.toThrow(/stop\(\) was called/)
    const stopping = harness.container.stop()
    expect(harness.container.health()).toMatchObject({ status: 'down', state: 'stopping' })
    await stopping
    await refused
  })

  test('tells what is in flight, and how long ago the last record came', async () => {
    const working = deferred()
    const harness = new ContainerHarness({ properties: { maxInFlight: 5 }, listener: () => working.promise })
    await harness.run(3)
    await harness.clock.advance(1500)
    expect(harness.container.health().members).toMatchObject([{ inFlight: 3, secondsSinceLastRecord: 1.5 }])
    working.resolve()
    await harness.settle()
    expect(harness.container.health().members).toMatchObject([{ inFlight: 0 }])
  })

  test('tells the acknowledgments that are open in MANUAL mode, also after the listener returned', async () => {
    const held: { acknowledge(): void }[] = []
    const harness = new ContainerHarness({
      properties: { shareAckMode: 'MANUAL' },
      listener: (_record, acknowledgment) => {
        if (acknowledgment !== undefined) held.push(acknowledgment)
      },
      acknowledging: true,
    })
    await harness.run(3)
    held[0]?.acknowledge()
    expect(harness.container.health().members).toMatchObject([{ openAcknowledgments: 2 }])
  })

  test('has records of a window in flight until they are answered, though their listeners have returned', async () => {
    const harness = new ManualHarness({ maxInFlight: 5 })
    await harness.run(3)
    harness.handle(1).acknowledge()
    expect(harness.container.health().members).toMatchObject([{ inFlight: 2, openAcknowledgments: 2 }])
  })

  test('counts the time since the last record from records, not from batches without any', async () => {
    const harness = new ContainerHarness()
    await harness.run(1)
    await harness.clock.advance(2_000)
    harness.engine().feedWithFailure({ offset: 5, error: new KafkaError('no JSON', { code: 'DESERIALIZATION' }) })
    await harness.settle()
    expect(harness.container.health().members).toMatchObject([{ secondsSinceLastRecord: 2 }])
  })

  test('is degraded while a member is replaced, with what it died of, and up again after that', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2 } })
    await harness.container.start()
    harness.engine(0).failTake(deadly())
    await harness.settle()
    expect(harness.container.health()).toMatchObject({
      status: 'degraded',
      state: 'running',
      members: [{ status: 'replacing', lastError: 'FENCED_MEMBER_EPOCH: the member was fenced' }, { status: 'up' }],
    })
    await harness.clock.advance(5_000)
    const health = harness.container.health()
    expect(health.status).toBe('up')
    expect(health.members[0]).not.toHaveProperty('lastError')
  })

  test('has of a replacement that cannot start what the last attempt failed of', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    harness.factory.prepare = ({ engine }) => {
      engine.joining = new KafkaError('coordinator is gone', { code: 'COORDINATOR_NOT_AVAILABLE', retriable: true })
    }
    harness.engine().failTake(deadly())
    await harness.clock.advance(2_000)
    expect(harness.container.health()).toMatchObject({
      status: 'degraded',
      members: [{ status: 'replacing', lastError: 'COORDINATOR_NOT_AVAILABLE: coordinator is gone' }],
    })
    await harness.container.stop()
  })

  test('is degraded when a member is gone for good (restartPolicy never), and down when the last one is', async () => {
    const harness = new ContainerHarness({ properties: { concurrency: 2, restartPolicy: 'never' } })
    await harness.container.start()
    harness.engine(0).failTake(deadly())
    await harness.settle()
    expect(harness.container.health()).toMatchObject({
      status: 'degraded',
      members: [{ status: 'down', lastError: 'FENCED_MEMBER_EPOCH: the member was fenced' }, { status: 'up' }],
    })
    harness.engine(1).failTake(deadly())
    await harness.settle()
    expect(harness.container.health()).toMatchObject({
      status: 'down',
      state: 'failed',
      cause: 'FENCED_MEMBER_EPOCH: the member was fenced',
    })
  })

  test('is degraded while taking records fails in a way that the member survives', async () => {
    const harness = new ContainerHarness()
    await harness.container.start()
    harness.engine().failTake(new KafkaBrokerError('Not allowed to read orders.', { errorCode: 29 }))
    await harness.settle()
    const health = harness.container.health()
    expect(health).toMatchObject({ status: 'degraded', members: [{ status: 'up' }] })
    expect(health.members[0]?.lastError).toBe('TOPIC_AUTHORIZATION_FAILED: Not allowed to read orders.')
    await harness.clock.advance(1_000)
    harness.engine().feedMany(1)
    await harness.settle()
    expect(harness.container.health().status).toBe('up')
  })

  test('is degraded while a member has lost its group, and up again when nothing failed for 30 s', async () => {
    const harness = new ContainerHarness({ properties: { pollTimeoutMs: 1000 } })
    await harness.container.start()
    harness.engine().isMember = false
    expect(harness.container.health()).toMatchObject({ status: 'degraded', members: [{ status: 'up' }] })
    harness.engine().failTake(new KafkaBrokerError('No coordinator.', { errorCode: 15 }))
    await harness.clock.advance(10_000)
    expect(harness.container.health().members[0]?.lastError).toContain('No coordinator.')
    harness.engine().isMember = true
    await harness.clock.advance(10_000)
    expect(harness.container.health().status).toBe('degraded')
    await harness.clock.advance(20_000)
    expect(harness.container.health().status).toBe('up')
  })

  test('tells why a start failed', async () => {
    const harness = new ContainerHarness()
    harness.factory.prepare = () => {
      const notAnError: unknown = 'a text'
      throw notAnError
    }
    await expect(harness.container.start()).rejects.toThrow(/a text/)
    const cause = expect.stringContaining("threw 'a text'") as string
    expect(harness.container.health()).toMatchObject({ status: 'down', state: 'failed', cause })
  })
})

import { KafkaClientContext, resolveClientConfig } from '@milena/client/internal'
import { JoinGroup, KafkaUsageError, LeaveGroup } from '@milena/protocol'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import { containerOn, numbered, produce, stopContainers } from './container-on-brokers.js'

afterEach(stopContainers)

/** A consumer of a classic group, which is in the middle of joining; the returned function has it leave. */
async function joinAsConsumer(broker: TestBroker, groupId: string): Promise<() => Promise<void>> {
  const context = KafkaClientContext.create(resolveClientConfig({ bootstrapServers: broker.bootstrapServers }))
  const to = { group: groupId }
  const join = (memberId: string) =>
    context.sendWithRetry(
      JoinGroup,
      {
        groupId,
        sessionTimeoutMs: 30_000,
        rebalanceTimeoutMs: 30_000,
        memberId,
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(6) }],
      },
      { to, errorOf: ({ errorCode }) => (errorCode === 79 ? 0 : errorCode) },
    )
  const { memberId } = await join('')
  await join(memberId)
  return async () => {
    await context.sendWithRetry(LeaveGroup, { groupId, members: [{ memberId }] }, { to, errorOf: () => 0 })
    await context.release()
  }
}

describeOnBrokers('A container whose group', (broker) => {
  it('has members of another type fails to start: one message that names the remedy, one event, and the truth as its state', async () => {
    const topic = await broker.createTopic()
    const groupId = broker.uniqueName('consumers')
    const leave = await joinAsConsumer(broker, groupId)
    try {
      const properties = { topics: topic, groupId, concurrency: 2 }
      const { container, events, log } = containerOn(broker, properties, () => undefined)
      const began = performance.now()
      const error = await container.start().catch((cause: unknown) => cause)
      expect(performance.now() - began).toBeLessThan(5_000)
      expect(error).toSatisfy(KafkaUsageError.is)
      expect((error as Error).message).toBe(
        `Group '${groupId}' cannot be joined as a share group: it exists as a group of another type. Use another groupId, or delete that group.`,
      )
      expect(container.state).toBe('failed')
      expect(container.health()).toMatchObject({ status: 'down', state: 'failed' })
      expect(container.health().cause).toContain('group of another type')
      expect(events.filter(({ type }) => type !== 'consumerStarting')).toEqual([
        expect.objectContaining({ type: 'consumerFailedToStart', cause: error }),
      ])
      expect(log.at('error')).toHaveLength(1)
    } finally {
      await leave()
    }
  })

  it('is of another type can be started after it was given another group', async () => {
    const topic = await broker.createTopic()
    const wrong = broker.uniqueName('consumers')
    const leave = await joinAsConsumer(broker, wrong)
    try {
      await produce(broker, topic, numbered(1))
      const seen: unknown[] = []
      const listener = ({ value }: { readonly value: unknown }): void => void seen.push(value)
      await expect(
        containerOn(broker, { topics: topic, groupId: wrong }, listener).container.start(),
      ).rejects.toMatchObject({ code: 'GROUP_ID_NOT_FOUND' })
      const groupId = await broker.createGroup()
      await containerOn(broker, { topics: topic, groupId }, listener).container.start()
      await vi.waitFor(() => expect(seen).toEqual(['v0']), { timeout: 10_000 })
    } finally {
      await leave()
    }
  })
})

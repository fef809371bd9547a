import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { afterEach, expect, it, vi } from 'vitest'
import type { ContainerProperties, GroupConfigs } from '../src/index.js'
import { containerOn, numbered, produce, stopContainers, type Run } from './container-on-brokers.js'

afterEach(stopContainers)

async function settingsOf(broker: TestBroker, groupId: string): Promise<(name: string) => string | null | undefined> {
  const [described] = await broker.admin.describeConfigs([{ type: 'group', name: groupId }])
  return (name) => described?.entries.get(name)?.value
}

/** The lines about group settings. */
function told({ log }: Run): string[] {
  return log.lines.filter(({ message }) => message.startsWith('Group ')).map(({ message }) => message)
}

describeOnBrokers(
  'Settings of the group on a container',
  (broker) => {
    it('are applied before it joins: a new group begins with the oldest record', async () => {
      const topic = await broker.createTopic()
      const groupId = broker.uniqueName('group')
      await produce(broker, topic, numbered(5))
      const seen: (string | null)[] = []
      const groupConfigs = { 'share.auto.offset.reset': 'earliest', shareRecordLockDurationMs: 20_000 } as const
      const run = containerOn(broker, { topics: topic, groupId, groupConfigs }, ({ value }) => void seen.push(value))
      await run.container.start()
      await vi.waitFor(() => expect(seen).toEqual(numbered(5)), { timeout: 15_000 })
      expect(told(run)).toEqual([
        `Group '${groupId}': share.auto.offset.reset: latest -> earliest`,
        `Group '${groupId}': share.record.lock.duration.ms: 30000 -> 20000`,
      ])
      const setting = await settingsOf(broker, groupId)
      expect(setting('share.auto.offset.reset')).toBe('earliest')
      expect(setting('share.record.lock.duration.ms')).toBe('20000')
    })

    it('that hold already are left alone and not logged; those that differ are set; others stay as they are', async () => {
      const groupId = await broker.createGroup({
        'share.auto.offset.reset': 'earliest',
        'share.isolation.level': 'read_committed',
      })
      const properties: ContainerProperties = {
        topics: await broker.createTopic(),
        groupId,
        groupConfigs: { 'share.auto.offset.reset': 'earliest', 'share.heartbeat.interval.ms': 6000 },
      }
      const first = containerOn(broker, properties, () => undefined)
      await first.container.start()
      expect(told(first)).toEqual([`Group '${groupId}': share.heartbeat.interval.ms: 5000 -> 6000`])
      const again = containerOn(broker, properties, () => undefined)
      await again.container.start()
      expect(told(again)).toEqual([])
      expect((await settingsOf(broker, groupId))('share.isolation.level')).toBe('read_committed')
    })

    it.each([
      [{ 'share.auto.offset.reset': 'by_duration:1h' }, 'share.auto.offset.reset'],
      [{ 'share.no.such.setting': 1 }, 'share.no.such.setting'],
    ])('that the broker refuses fail the start in its own words: %o', async (groupConfigs, name) => {
      const groupId = broker.uniqueName('group')
      const properties = { topics: await broker.createTopic(), groupId, groupConfigs: groupConfigs as GroupConfigs }
      const { container, events } = containerOn(broker, properties, () => undefined)
      const error = await container.start().catch((cause: unknown) => cause)
      expect(error).toMatchObject({ code: 'INVALID_CONFIG', retriable: false })
      expect((error as Error).message).toContain(
        `Container 'share-container' could not apply the settings of group '${groupId}' (${name}): `,
      )
      expect(container.state).toBe('failed')
      expect(events.map(({ type }) => type)).toEqual(['consumerFailedToStart'])
    })

    it('that came with Kafka 4.3 are refused by an older broker, and known to a newer one', async () => {
      const groupId = broker.uniqueName('group')
      const properties = {
        topics: await broker.createTopic(),
        groupId,
        groupConfigs: { shareDeliveryCountLimit: 3, shareRenewAcknowledgeEnable: false },
      }
      const { container } = containerOn(broker, properties, () => undefined)
      if (broker.isSince('4.3')) {
        await container.start()
        const setting = await settingsOf(broker, groupId)
        expect(setting('share.delivery.count.limit')).toBe('3')
        expect(setting('share.renew.acknowledge.enable')).toBe('false')
      } else {
        await expect(container.start()).rejects.toMatchObject({
          code: 'INVALID_CONFIG',
          message: expect.stringContaining('share.delivery.count.limit') as string,
        })
      }
    })
  },
  { brokers: [1, 3] },
)

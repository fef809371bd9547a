import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { describeOnBrokers } from '../src/describe-on-brokers.js'

describeOnBrokers('The broker that a suite is given', (broker) => {
  it('serves at its bootstrap address', async () => {
    const [host, port] = broker.bootstrapServers.split(':')
    const socket = connect(Number(port), host)
    await expect(once(socket, 'connect')).resolves.toEqual([])
    socket.destroy()
  })

  it('gives out names that nothing else has', () => {
    const names = Array.from({ length: 100 }, () => broker.uniqueName('orders'))
    expect(new Set(names).size).toBe(100)
    for (const name of names) expect(name).toMatch(/^orders-[a-z0-9-]+$/)
  })

  it('makes topics of names of their own', async () => {
    const topics = [await broker.createTopic(), await broker.createTopic({ prefix: 'orders', partitions: 3 })]
    const described = await broker.admin.describeTopics(topics)
    expect(described.map((topic) => topic.partitions.length)).toEqual([1, 3])
  })

  it('makes groups that read from the beginning, with a lock as short as wanted', async () => {
    const group = await broker.createGroup({ 'share.record.lock.duration.ms': '1000' })
    const entry = async (key: string) => {
      const [described] = await broker.admin.describeConfigs([{ type: 'group', name: group, keys: [key] }])
      return described?.entries.get(key)?.value
    }
    await expect(entry('share.auto.offset.reset')).resolves.toBe('earliest')
    await expect(entry('share.record.lock.duration.ms')).resolves.toBe('1000')
    await broker.setGroupConfig(group, { 'share.record.lock.duration.ms': null })
    await expect(entry('share.record.lock.duration.ms')).resolves.toBe('30000')
  })

  it('knows no lag of a group that has never read', async () => {
    await expect(broker.lag(await broker.createGroup())).resolves.toBeUndefined()
  })
})

describeOnBrokers(
  'The cluster that suites share',
  (broker) => {
    it('has as many brokers as it says, and topics with a replica on each', async () => {
      const topic = await broker.createTopic({ partitions: 3 })
      const [described] = await broker.admin.describeTopics([topic])
      expect(described?.partitions.map(({ replicas }) => replicas.length)).toEqual(Array(3).fill(broker.size))
    })

    it('tells which release it is', async () => {
      const group = broker.uniqueName('group')
      const limit = broker.setGroupConfig(group, { 'share.delivery.count.limit': '3' })
      // KIP-1240 came with 4.3.
      if (broker.isSince('4.3')) await expect(limit).resolves.toBeUndefined()
      else await expect(limit).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    })
  },
  { brokers: [1, 3] },
)

import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { describe, expect, it } from 'vitest'
import { Admin, Producer, ShareConsumer } from '../src/index.js'
import { ScriptedNetwork } from './scripted-network.js'

const options = () => ({
  bootstrapServers: 'broker-1:9092',
  logger: silentLogger,
  runtime: { clock: new VirtualClock(), random: new SeededRandom(3), transport: new ScriptedNetwork() },
})

describe('`await using` closes', () => {
  it('a producer', async () => {
    const given = options()
    const producer = new Producer(given)
    await producer[Symbol.asyncDispose]()
    const refused = expect(producer.send({ topic: 'orders', value: 'v' })).rejects.toMatchObject({ code: 'CLOSED' })
    // A loop of such calls leaves the event loop its turns.
    await given.runtime.clock.advance(1)
    await refused
  })

  it('an admin', async () => {
    const admin = new Admin(options())
    await admin[Symbol.asyncDispose]()
    await expect(admin.createTopics([{ name: 'orders' }])).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('a share consumer', async () => {
    const consumer = new ShareConsumer({ ...options(), groupId: 'workers' })
    await consumer[Symbol.asyncDispose]()
    await expect(consumer.poll(0)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

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
})

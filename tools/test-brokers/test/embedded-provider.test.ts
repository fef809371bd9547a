import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { embeddedProvider } from '../src/embedded-provider.js'

function listens(bootstrapServers: string): Promise<boolean> {
  const [host, port] = bootstrapServers.split(':')
  return new Promise((resolve) => {
    const socket = connect(Number(port), host, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function address(provider: ReturnType<typeof embeddedProvider>): Promise<string> {
  const offer = await provider.obtain(1)
  if ('notRun' in offer) throw new Error(offer.notRun)
  return offer.bootstrapServers
}

describe('The embedded broker that suites share', () => {
  it('is one for all who ask, until it is released', async () => {
    const provider = embeddedProvider()
    const [first, second] = await Promise.all([address(provider), address(provider)])
    expect(second).toBe(first)
    await expect(listens(first)).resolves.toBe(true)
    await provider.release?.()
    await provider.release?.()
    await expect(listens(first)).resolves.toBe(false)
  })

  it('is not touched by what is done to a cluster of a suite', async () => {
    const provider = embeddedProvider()
    const shared = await address(provider)
    const cluster = await provider.startCluster?.({ brokers: 3 })
    const addresses = cluster?.bootstrapServers.split(',') ?? []
    expect(addresses).toHaveLength(3)
    expect(addresses).not.toContain(shared)
    await cluster?.brokers[0]?.kill()
    await expect(Promise.all([shared, ...addresses].map(listens))).resolves.toEqual([true, false, true, true])
    await cluster?.brokers[0]?.restart()
    await expect(Promise.all(addresses.map(listens))).resolves.toEqual([true, true, true])
    await cluster?.stop()
    await expect(Promise.all(addresses.map(listens))).resolves.toEqual([false, false, false])
    await provider.release?.()
  })
})

import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { freePorts, isFree } from '../src/free-ports.js'

describe('Free ports', () => {
  it('are distinct, and outside the range of outgoing connections', async () => {
    const ports = await freePorts(6)
    expect(new Set(ports).size).toBe(6)
    for (const port of ports) expect(port).toBeLessThan(32_768)
  })

  it('exclude one that somebody listens on', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await expect(isFree(port)).resolves.toBe(false)
    await new Promise((resolve) => server.close(resolve))
    await expect(isFree(port)).resolves.toBe(true)
  })
})

import { createServer } from 'node:net'

// Below Linux's and everybody else's range for outgoing connections (32768 and up, 49152 and up): a port there could be taken
// by any client between the moment it was found free and the broker's start, or while a broker is down for a restart.
const lowest = 20_000
const highest = 32_000

/** Distinct loopback ports that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  for (let tries = 0; found.size < count; tries++) {
    if (tries > 1000) throw new Error('No free port was found on 127.0.0.1 between 20000 and 32000.')
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    if (!found.has(port) && (await isFree(port))) found.add(port)
  }
  return [...found]
}

/** Nobody listens on this loopback port. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

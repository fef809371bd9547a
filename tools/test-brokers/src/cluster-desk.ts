import { createServer, connect, type AddressInfo } from 'node:net'
import type { BrokerCount, BrokerOffer } from './broker-provider.js'

/**
 * Test files run in processes of their own, and there is one Kafka of each size for all of them. They belong to vitest's main
 * process, which starts each when the first file asks here, over a loopback port, and tells every file the same.
 */
export interface ClusterDesk {
  readonly port: number
  close(): Promise<void>
}

export async function openClusterDesk(offer: (brokers: BrokerCount) => Promise<BrokerOffer>): Promise<ClusterDesk> {
  const made = new Map<BrokerCount, Promise<BrokerOffer>>()
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    // The question is one character: how many brokers.
    socket.once('data', (question) => {
      const brokers = question.toString('latin1').startsWith('3') ? 3 : 1
      const answer = made.get(brokers) ?? offer(brokers)
      made.set(brokers, answer)
      void answer.then((text) => socket.end(JSON.stringify(text)))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Waits as long as it takes: fetching jars may take minutes, and the desk's process ending closes the connection. */
export function askClusterDesk(port: number, brokers: BrokerCount = 1): Promise<BrokerOffer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(String(brokers)))
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => (text += chunk))
    socket.on('error', reject)
    socket.on('end', () => {
      try {
        resolve(JSON.parse(text) as BrokerOffer)
      } catch {
        reject(new Error('The test run ended before it could say whether Kafka runs.'))
      }
    })
  })
}

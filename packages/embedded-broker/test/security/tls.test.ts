import { createConnection } from 'node:net'
import { EmbeddedBroker } from '@milena/embedded-broker'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import type { SecurityOptions } from '../../src/security/security-options.js'
import { authority, clientCertificate, clientKey, serverCertificate, serverKey } from './certificates.js'

const running: EmbeddedBroker[] = []

async function start(security: SecurityOptions): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ topics: ['orders'], security })
  running.push(broker)
  return broker
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

function kafka(
  broker: EmbeddedBroker,
  more: { readonly cert?: string; readonly key?: string; readonly sasl?: boolean },
) {
  const { cert, key, sasl } = more
  return new Kafka({
    brokers: broker.bootstrapServers.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 0 },
    ssl: { ca: [authority], ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    ...(sasl === true && { sasl: { mechanism: 'plain', username: 'bob', password: 'secret' } }),
  })
}

async function topicsAs(client: Kafka): Promise<string[]> {
  const admin = client.admin()
  await admin.connect()
  try {
    return await admin.listTopics()
  } finally {
    await admin.disconnect()
  }
}

const tls = { key: serverKey, cert: serverCertificate, ca: authority }
const ofAlice = { cert: clientCertificate, key: clientKey }
const principals = (broker: EmbeddedBroker) => new Set(broker.requests().map(({ principal }) => principal))

describe('a broker with TLS', () => {
  it('serves clients that trust it; without a certificate they are anonymous', async () => {
    const broker = await start({ tls })
    expect(await topicsAs(kafka(broker, {}))).toEqual(['orders'])
    expect(principals(broker)).toEqual(new Set(['User:ANONYMOUS']))
  })

  it('knows a client by its certificate', async () => {
    const broker = await start({
      tls: { ...tls, requestCert: true },
      authorization: {
        rules: [{ principal: 'User:CN=alice,O=Milena,C=DE', operation: 'Describe', resourceType: 'Topic', name: '*' }],
      },
    })
    expect(await topicsAs(kafka(broker, ofAlice))).toEqual(['orders'])
    expect(principals(broker)).toEqual(new Set(['User:CN=alice,O=Milena,C=DE']))
    await expect(topicsAs(kafka(broker, {}))).rejects.toThrow(/connection error|disconnected/i)
  })

  it('knows a client by its SASL name where it asks for both', async () => {
    const broker = await start({
      tls: { ...tls, requestCert: true },
      sasl: { users: [{ name: 'bob', password: 'secret' }] },
    })
    expect(await topicsAs(kafka(broker, { ...ofAlice, sasl: true }))).toEqual(['orders'])
    expect(principals(broker)).toEqual(new Set(['User:ANONYMOUS', 'User:bob']))
  })

  it('ends connections that speak no TLS, and serves on', async () => {
    const broker = await start({ tls })
    const [host = '', port = ''] = broker.bootstrapServers.split(':')
    await new Promise<void>((resolve) => {
      const socket = createConnection({ host, port: Number(port) }, () => socket.write('GET / HTTP/1.1\r\n\r\n'))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
    })
    expect(await topicsAs(kafka(broker, {}))).toEqual(['orders'])
  })
})

import { ApiVersions, ErrorCode, Metadata, SaslAuthenticate, SaslHandshake } from '@milena/protocol'
import { EmbeddedBroker } from '@milena/embedded-broker'
import { silentLogger, VirtualClock, type Logger } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import type { SecurityOptions } from '../../src/security/security-options.js'
import { RawClient } from '../raw-client.js'

const running: EmbeddedBroker[] = []
const users = [{ name: 'alice', password: 'secret' }]

async function world(security: SecurityOptions) {
  const clock = new VirtualClock()
  const log: string[] = []
  const say = (facts: object, sentence: string): void => {
    log.push(`${JSON.stringify(facts)} ${sentence}`)
  }
  const logger: Logger = {
    trace: say,
    debug: say,
    info: say,
    warn: (facts, sentence) => say(facts, `warn: ${sentence}`),
    error: say,
    child: () => silentLogger,
  }
  const broker = await EmbeddedBroker.start({ network: 'memory', topics: ['orders'], clock, logger, security })
  running.push(broker)
  const client = await RawClient.connect(broker)
  const metadata = () => client.send(Metadata, 9, { topics: null })
  const plain = async (token: string) => {
    await client.send(SaslHandshake, 1, { mechanism: 'PLAIN' })
    return client.send(SaslAuthenticate, 2, { authBytes: Buffer.from(token) })
  }
  return { broker, client, clock, log, metadata, plain }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((broker) => broker.stop()))
})

describe('a broker with SASL', () => {
  it('serves a client that has authenticated, and knows it by its name', async () => {
    const { client, plain, metadata, broker } = await world({ sasl: { users } })
    expect((await client.send(ApiVersions, 0, {})).errorCode).toBe(0)
    expect(await plain('\0alice\0secret')).toMatchObject({ errorCode: 0, errorMessage: '', sessionLifetimeMs: 0 })
    expect((await metadata()).topics.map(({ name }) => name)).toEqual(['orders'])
    expect(broker.requests().at(-1)).toMatchObject({ api: 'Metadata', principal: 'User:alice' })
  })

  it('does not show its password among the requests that were seen', async () => {
    const { plain, broker } = await world({ sasl: { users } })
    await plain('\0alice\0secret')
    const seen = broker.requests({ api: 'SaslAuthenticate' })
    expect(seen).toMatchObject([{ api: 'SaslAuthenticate', version: 2 }])
    expect(seen.map(({ body }) => body)).toEqual([{ authBytes: Buffer.alloc(0) }])
  })

  it('ends a connection that asks for anything before, with a line in its log', async () => {
    const { client, metadata, log } = await world({ sasl: { users } })
    await expect(metadata()).rejects.toThrow('The connection was closed.')
    expect(client.isOpen).toBe(false)
    expect(log.filter((line) => line.includes('warn:')).join()).toContain('Metadata')
  })

  it('answers a wrong password, then ends the connection; the log says why and keeps the secret', async () => {
    const { client, plain, log } = await world({ sasl: { users } })
    expect(await plain('\0alice\0guessed')).toMatchObject({
      errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED,
      errorMessage: 'Authentication failed: Invalid username or password',
    })
    await client.whenClosed()
    expect(log.join('\n')).toContain('the password of alice was wrong')
    expect(log.join('\n')).not.toMatch(/guessed|secret/)
  })

  it('answers a mechanism that is not enabled with those that are, then ends the connection', async () => {
    const { client } = await world({ sasl: { users, mechanisms: ['SCRAM-SHA-256'] } })
    expect(await client.send(SaslHandshake, 1, { mechanism: 'PLAIN' })).toEqual({
      errorCode: ErrorCode.UNSUPPORTED_SASL_MECHANISM,
      mechanisms: ['SCRAM-SHA-256'],
    })
    await client.whenClosed()
  })

  it('refuses the old form of SASL, whose tokens have no headers, and says so', async () => {
    const { client, log } = await world({ sasl: { users } })
    expect(await client.send(SaslHandshake, 0, { mechanism: 'PLAIN' })).toMatchObject({
      errorCode: ErrorCode.UNSUPPORTED_VERSION,
    })
    await client.whenClosed()
    expect(log.join()).toContain('SaslHandshake version 0')
  })

  it('gives no answer to a token before a mechanism is chosen', async () => {
    const { client } = await world({ sasl: { users } })
    await expect(client.send(SaslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0secret') })).rejects.toThrow(
      'The connection was closed.',
    )
  })

  it('reads no more than 512 KiB from who has not authenticated', async () => {
    const { client, broker } = await world({ sasl: { users } })
    const size = Buffer.alloc(4)
    size.writeInt32BE(512 * 1024 + 1)
    client.write(size)
    await client.whenClosed()
    const known = await RawClient.connect(broker)
    await known.send(SaslHandshake, 1, { mechanism: 'PLAIN' })
    await known.send(SaslAuthenticate, 2, { authBytes: Buffer.from('\0alice\0secret') })
    known.write(size)
    const other = await RawClient.connect(broker)
    expect((await other.send(ApiVersions, 0, {})).errorCode).toBe(0)
    expect(known.isOpen).toBe(true)
  })

  it('lets a session be begun anew, and ends the connection of one that is over', async () => {
    const { client, clock, plain, metadata } = await world({ sasl: { users, sessionLifetimeMs: 60_000 } })
    expect((await plain('\0alice\0secret')).sessionLifetimeMs).toBe(60_000)
    await clock.advance(59_000)
    expect((await plain('\0alice\0secret')).errorCode).toBe(0)
    await clock.advance(59_000)
    expect((await metadata()).topics).toHaveLength(1)
    await clock.advance(1000)
    await expect(metadata()).rejects.toThrow('The connection was closed.')
    expect(client.isOpen).toBe(false)
  })
})

describe('a broker without SASL', () => {
  it('says that there is nothing to negotiate, and serves on', async () => {
    const { client, metadata } = await world({})
    for (const version of [0, 1]) {
      expect(await client.send(SaslHandshake, version, { mechanism: 'PLAIN' })).toEqual({
        errorCode: ErrorCode.ILLEGAL_SASL_STATE,
        mechanisms: [],
      })
    }
    expect((await client.send(SaslAuthenticate, 1, { authBytes: Buffer.from('x') })).errorCode).toBe(
      ErrorCode.ILLEGAL_SASL_STATE,
    )
    expect((await metadata()).topics).toHaveLength(1)
  })
})

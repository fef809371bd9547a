import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { redactingLogger } from '../src/default-logger.js'
import { isSecretName, SecretRedaction } from '../src/secret-redaction.js'

describe('the name of a secret', () => {
  it.each([
    'password',
    'saslPassword',
    'sasl.password',
    'ssl.key.password',
    'ssl.keystore.key',
    'ssl.truststore.password',
    'sasl.jaas.config',
    'clientSecret',
    'sasl.oauthbearer.client.credentials.client.secret',
    'accessToken',
    'token',
    'secretAccessKey',
    'privateKey',
    'api-key',
    'passphrase',
    'pfx',
    'Authorization',
  ])('%s', (name) => {
    expect(isSecretName(name)).toBe(true)
  })

  it('key, inside of what belongs to TLS', () => {
    expect(isSecretName('key', 'ssl')).toBe(true)
    expect(isSecretName('key', 'tls')).toBe(true)
  })

  it.each([
    'key',
    'keyDeserializer',
    'username',
    'bootstrapServers',
    'sasl.oauthbearer.token.endpoint.url',
    'ssl.keystore.location',
    'ssl.keystore.type',
    'sasl.mechanism',
    'accessKeyId',
    'tokenCount',
    'ca',
    'topic',
  ])('is not %s', (name) => {
    expect(isSecretName(name)).toBe(false)
  })
})

const pem = '-----BEGIN PRIVATE KEY-----\nMIIEv\n-----END PRIVATE KEY-----'
const options = {
  bootstrapServers: 'kafka:9093',
  sasl: { mechanism: 'oauthbearer', username: 'ann', password: 'open sesame', oauth: { clientSecret: 'c-l-i-e-n-t' } },
  ssl: { key: Buffer.from(pem), ca: 'not secret' },
  properties: {
    'ssl.key.password': 'k3y-p4ss',
    'sasl.jaas.config': 'org.apache.Login required username="ann" password="in-jaas";',
  },
}
const secrets = ['open sesame', 'c-l-i-e-n-t', 'MIIEv', 'k3y-p4ss', 'in-jaas']

function raise(message: string): never {
  throw new Error(message)
}

/** What a logger of the application writes, as one text. */
function written(say: (logger: ReturnType<typeof redactingLogger>) => void): string {
  const redaction = new SecretRedaction()
  redaction.learn(options)
  let text = ''
  const logger = redactingLogger(redaction, { write: (line: string) => (text += line) })
  say(logger)
  for (const line of text.split('\n').filter((each) => each !== '')) JSON.parse(line)
  return text
}

describe('the logger that an application has by itself', () => {
  it('writes options without their secrets, and leaves the options as they are', () => {
    const before = structuredClone({ ...options, ssl: undefined })
    const text = written((logger) => logger.info({ options }, 'started'))
    for (const secret of secrets) expect(text).not.toContain(secret)
    expect(text).toContain('kafka:9093')
    expect(text).toContain('not secret')
    expect({ ...options, ssl: undefined }).toEqual(before)
  })

  it.each([
    ['its message and stack', () => new Error('login of ann failed with open sesame')],
    ['its cause', () => new Error('no connection', { cause: new Error('401 for c-l-i-e-n-t') })],
    ['its properties', () => Object.assign(new Error('no'), { config: { token: 'abc', password: 'unknown before' } })],
    ['a key that it quotes', () => new Error(`cannot read ${pem}`)],
    ['an aggregate', () => new AggregateError([new Error('k3y-p4ss is wrong')], 'several')],
  ])('writes an error without the secrets in %s', (_where, error) => {
    const text = written((logger) => logger.error({ err: error() }, 'It failed.'))
    for (const secret of [...secrets, 'abc', 'unknown before']) expect(text).not.toContain(secret)
    expect(text).toMatch(/"type":"(Aggregate)?Error"/)
    expect(text).toContain('"stack":')
  })

  it('writes the sentence, and the facts of child loggers, without them', () => {
    const text = written((logger) =>
      logger.child({ container: 'orders', password: 'of a child' }).warn({ topic: 't' }, 'open sesame does not open'),
    )
    expect(text).not.toMatch(/open sesame|of a child/)
    expect(text).toContain('"container":"orders"')
    expect(text).toContain('"topic":"t"')
    expect(text).toContain('[redacted] does not open')
  })

  it('writes what goes in circles, is frozen or throws when it is read', () => {
    const circle: Record<string, unknown> = { name: 'circle' }
    circle['self'] = circle
    const text = written((logger) => {
      logger.info({ circle }, 'a circle')
      logger.error({ err: Object.freeze(new Error('frozen')) }, 'frozen')
      logger.error({ err: 'only a text with open sesame' }, 'text')
      logger.error({ err: undefined }, 'nothing')
    })
    expect(text.trim().split('\n')).toHaveLength(4)
    expect(text).not.toContain('open sesame')
  })

  it.each<[string, () => unknown, object]>([
    [
      'a DOMException',
      () => new DOMException('gone with open sesame', 'AbortError'),
      { type: 'DOMException', message: 'gone with [redacted]', code: 20 },
    ],
    [
      'an error that computes its message',
      () => {
        class Computed extends Error {
          readonly #text = 'computed'
          override get message(): string {
            return this.#text
          }
        }
        return new Computed()
      },
      { type: 'Computed', message: 'computed' },
    ],
    [
      'an error with a getter that throws',
      () => Object.defineProperty(new Error('q'), 'detail', { enumerable: true, get: () => raise('boom') }),
      { type: 'Error', message: 'q' },
    ],
    [
      'an error whose message throws',
      () => Object.defineProperty(new Error('q'), 'message', { get: () => raise('boom') }),
      { message: 'Its message cannot be read.' },
    ],
    [
      'a proxy of an error that throws at everything',
      () => new Proxy(new Error('p'), { get: () => raise('get'), ownKeys: () => raise('own') }),
      { message: 'Its message cannot be read.' },
    ],
    [
      'an error whose cause is such a proxy',
      () => new Error('q', { cause: new Proxy(new Error('p'), { get: () => raise('get') }) }),
      { message: expect.stringMatching(/^q/) as string },
    ],
  ])('writes %s', (_what, error, expected) => {
    const text = written((logger) => logger.error({ err: error() }, 'It failed.'))
    expect((JSON.parse(text) as { err: object }).err).toMatchObject(expected)
  })

  it('is a pino logger of level info', () => {
    expect(redactingLogger(new SecretRedaction())).toMatchObject({ level: 'info' })
    expect(pino.symbols).toBeDefined()
  })
})

describe('a secret that is short or a placeholder', () => {
  it('is not looked for in other texts', () => {
    const redaction = new SecretRedaction()
    redaction.learn({ password: 'abc', sasl: { password: '${kafka.password}' } })
    expect(redaction.text('abcdef ${kafka.password}')).toBe('abcdef ${kafka.password}')
  })
})

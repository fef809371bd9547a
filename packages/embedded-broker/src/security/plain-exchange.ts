import { createHash, timingSafeEqual } from 'node:crypto'
import type { SaslExchange, SaslStep } from './sasl-exchange.js'

/** SASL PLAIN (RFC 4616): one token with an authorisation id, a name and a password. Texts to the client are Kafka's. */
export class PlainExchange implements SaslExchange {
  readonly #passwordOf: (user: string) => string | undefined

  constructor(passwordOf: (user: string) => string | undefined) {
    this.#passwordOf = passwordOf
  }

  next(token: Buffer): SaslStep {
    const parts = token.toString('utf8').split('\0')
    const [authorizationId = '', user = '', password = ''] = parts
    if (parts.length !== 3) {
      return refused(
        `the token has ${parts.length} parts instead of 3`,
        `Invalid SASL/PLAIN response: expected 3 tokens, got ${parts.length}`,
      )
    }
    if (user === '') return refused('no user name was given', 'Authentication failed: username not specified')
    if (password === '') return refused('no password was given', 'Authentication failed: password not specified')
    const expected = this.#passwordOf(user)
    // Compared in any case, and by digests, so that the time it takes tells neither names nor lengths.
    const isRight = timingSafeEqual(digest(password), digest(expected ?? ''))
    if (expected === undefined || !isRight) {
      return refused(
        expected === undefined ? 'there is no such user' : `the password of ${user} was wrong`,
        'Authentication failed: Invalid username or password',
      )
    }
    if (authorizationId !== '' && authorizationId !== user) {
      return refused(
        `${user} asked to act as somebody else`,
        'Authentication failed: Client requested an authorization id that is different from username',
      )
    }
    return { kind: 'success', token: Buffer.alloc(0), user }
  }
}

function refused(why: string, toClient: string): SaslStep {
  return { kind: 'failure', why, toClient }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest()
}

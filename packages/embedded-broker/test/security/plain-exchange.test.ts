import { expect, it } from 'vitest'
import { PlainExchange } from '../../src/security/plain-exchange.js'

const next = (token: string) =>
  new PlainExchange((user) => (user === 'alice' ? 'secret' : undefined)).next(Buffer.from(token, 'utf8'))

it('PLAIN lets in who knows the password', () => {
  expect(next('\0alice\0secret')).toEqual({ kind: 'success', token: Buffer.alloc(0), user: 'alice' })
  expect(next('alice\0alice\0secret')).toMatchObject({ kind: 'success', user: 'alice' })
})

it.each([
  ['a wrong password', '\0alice\0guessed', 'Authentication failed: Invalid username or password'],
  ['a longer password', '\0alice\0secrets', 'Authentication failed: Invalid username or password'],
  ['an unknown user', '\0bob\0secret', 'Authentication failed: Invalid username or password'],
  ['no user', '\0\0secret', 'Authentication failed: username not specified'],
  ['no password', '\0alice\0', 'Authentication failed: password not specified'],
  [
    "somebody else's authorisation id",
    'bob\0alice\0secret',
    'Authentication failed: Client requested an authorization id that is different from username',
  ],
  ['two parts', 'alice\0secret', 'Invalid SASL/PLAIN response: expected 3 tokens, got 2'],
  ['four parts', '\0alice\0secret\0', 'Invalid SASL/PLAIN response: expected 3 tokens, got 4'],
])('PLAIN refuses %s, in the words of Kafka, and tells the log no secret', (_, token, toClient) => {
  const step = next(token)
  expect(step).toMatchObject({ kind: 'failure', toClient })
  expect(JSON.stringify(step)).not.toMatch(/secret|guessed|bob/)
})

import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { scramCredential, type ScramHash } from '../../src/security/scram-credential.js'
import { ScramExchange } from '../../src/security/scram-exchange.js'

/** The user of RFC 7677's example. */
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
const SERVER_NONCE = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'

function exchange(user = 'user', hash: ScramHash = 'sha256'): ScramExchange {
  const credential = scramCredential(hash, 'pencil', { salt: SALT })
  return new ScramExchange({
    hash,
    credentialOf: (name) => (name === user ? credential : undefined),
    newNonce: () => SERVER_NONCE,
  })
}

const say = (scram: ScramExchange, message: string) => {
  const step = scram.next(Buffer.from(message, 'utf8'))
  return step.kind === 'failure' ? step : { ...step, token: step.token.toString('utf8') }
}

/** The client's last message for any exchange, by the formulas of RFC 5802. */
function clientFinal(
  hash: ScramHash,
  password: string,
  said: { readonly first: string; readonly serverFirst: string },
) {
  const header = /^[ny],[^,]*,/.exec(said.first)?.[0] ?? ''
  const nonce = /r=([^,]+)/.exec(said.serverFirst)?.[1] ?? ''
  const salted = pbkdf2Sync(password, SALT, 4096, hash === 'sha256' ? 32 : 64, hash)
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
  const clientKey = hmac(salted, 'Client Key')
  const unproven = `c=${Buffer.from(header).toString('base64')},r=${nonce}`
  const signed = `${said.first.slice(header.length)},${said.serverFirst},${unproven}`
  const signature = hmac(createHash(hash).update(clientKey).digest(), signed)
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)))
  return {
    message: `${unproven},p=${proof.toString('base64')}`,
    verifier: `v=${hmac(hmac(salted, 'Server Key'), signed).toString('base64')}`,
  }
}

describe('SCRAM on the server', () => {
  it('says what RFC 7677 has the server say', () => {
    const scram = exchange()
    expect(say(scram, 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO')).toEqual({
      kind: 'continue',
      token: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    })
    expect(
      say(
        scram,
        'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      ),
    ).toEqual({ kind: 'success', token: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', user: 'user' })
  })

  it.each(['sha256', 'sha512'] as const)('lets in who knows the password, by %s', (hash) => {
    const scram = exchange('user', hash)
    const first = 'n,,n=user,r=abc'
    const challenge = say(scram, first)
    const serverFirst = challenge.kind === 'continue' ? challenge.token : ''
    const { message, verifier } = clientFinal(hash, 'pencil', { first, serverFirst })
    expect(say(scram, message)).toEqual({ kind: 'success', token: verifier, user: 'user' })
  })

  it('lets nobody in with a wrong password', () => {
    const scram = exchange()
    const first = 'n,,n=user,r=abc'
    const challenge = say(scram, first)
    const { message } = clientFinal('sha256', 'pen', {
      first,
      serverFirst: challenge.kind === 'continue' ? challenge.token : '',
    })
    expect(say(scram, message)).toEqual({ kind: 'failure', why: 'the password of user was wrong' })
  })

  it('reads names with commas and equals signs, an own authorisation id and extensions', () => {
    const scram = exchange('a,b=c')
    const first = 'n,a=a=2Cb=3Dc,n=a=2Cb=3Dc,r=abc,x=y'
    const challenge = say(scram, first)
    const { message } = clientFinal('sha256', 'pencil', {
      first,
      serverFirst: challenge.kind === 'continue' ? challenge.token : '',
    })
    expect(say(scram, message)).toMatchObject({ kind: 'success', user: 'a,b=c' })
  })

  it.each([
    ['no message', ''],
    ['no nonce', 'n,,n=user'],
    ['a nonce with a control character', 'n,,n=user,r=a\u0001'],
    ['channel binding', 'p=tls-unique,,n=user,r=abc'],
    ['a wish for channel binding', 'y,,n=user,r=abc'],
    ['a delegation token', 'n,,n=user,r=abc,tokenauth=true'],
    ['a name that is not escaped', 'n,,n=us=er,r=abc'],
    ['a mandatory extension', 'n,,m=x,n=user,r=abc'],
    ['a user that there is not', 'n,,n=nobody,r=abc'],
    ['another authorisation id', 'n,a=admin,n=user,r=abc'],
  ])('refuses a first message with %s', (_, message) => {
    expect(say(exchange(), message).kind).toBe('failure')
  })

  it.each([
    ['no message', () => ''],
    ['another nonce', (message: string) => message.replace('r=abc', 'r=abd')],
    ['another channel binding', (message: string) => message.replace('c=biws', 'c=eSws')],
    ['a short proof', (message: string) => message.replace(/p=.*/, 'p=AAAA')],
    ['no proof', (message: string) => message.replace(/,p=.*/, '')],
  ])('refuses a last message with %s', (_, spoil) => {
    const scram = exchange()
    const first = 'n,,n=user,r=abc'
    const challenge = say(scram, first)
    const { message } = clientFinal('sha256', 'pencil', {
      first,
      serverFirst: challenge.kind === 'continue' ? challenge.token : '',
    })
    expect(say(scram, spoil(message)).kind).toBe('failure')
  })

  it('draws another nonce and another salt each time', () => {
    const credential = scramCredential('sha256', 'pencil')
    const nonces = [1, 2].map(() =>
      say(new ScramExchange({ hash: 'sha256', credentialOf: () => credential }), 'n,,n=user,r=abc'),
    )
    expect(nonces[0]).not.toEqual(nonces[1])
    expect(scramCredential('sha256', 'pencil').salt).not.toEqual(credential.salt)
  })
})

import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { SaslExchange, SaslStep } from './sasl-exchange.js'
import { digest, hmac, type ScramCredential, type ScramHash } from './scram-credential.js'

// RFC 5802, sections 5.1 and 7. Groups: the GS2 header, the authorisation id, the rest; in it, the name, the nonce and the
// extensions. Like Kafka we take only clients that do without channel binding (n); y and p= are refused.
const clientFirst = /^(n,(?:a=([^,]+))?,)(n=([^,]+),r=([!-+\--~]+)(?:,(.*))?)$/s
const clientFinal = /^(c=([A-Za-z0-9/+=]+),r=([!-+\--~]+)(?:,.*)?),p=([A-Za-z0-9/+=]+)$/s

const NONCE_BYTES = 18

interface FirstRound {
  readonly user: string
  readonly credential: ScramCredential
  readonly gs2Header: string
  readonly nonce: string
  /** The client's first message without its header, and ours: both are signed. */
  readonly messages: string
}

/** The server's side of SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password, and neither sends it. */
export class ScramExchange implements SaslExchange {
  readonly #hash: ScramHash
  readonly #credentialOf: (user: string) => ScramCredential | undefined
  readonly #newNonce: () => string
  #first: FirstRound | undefined

  /** @param given.newNonce the server's part of the nonce; default: from the system's cryptographic source */
  constructor(given: {
    readonly hash: ScramHash
    readonly credentialOf: (user: string) => ScramCredential | undefined
    readonly newNonce?: () => string
  }) {
    this.#hash = given.hash
    this.#credentialOf = given.credentialOf
    this.#newNonce = given.newNonce ?? (() => randomBytes(NONCE_BYTES).toString('base64'))
  }

  next(token: Buffer): SaslStep {
    const message = token.toString('utf8')
    return this.#first === undefined ? this.#challenge(message) : this.#verify(message, this.#first)
  }

  #challenge(message: string): SaslStep {
    const [, gs2Header = '', authorizationId = '', bare = '', saslName = '', clientNonce = '', extensions = ''] =
      clientFirst.exec(message) ?? []
    const user = plainName(saslName)
    if (bare === '' || user === undefined) return failed("the client's first message is no SCRAM message")
    if (extensions.split(',').includes('tokenauth=true')) return failed('it came with a delegation token')
    const credential = this.#credentialOf(user)
    if (credential === undefined) return failed('there is no such user')
    if (authorizationId !== '' && authorizationId !== saslName) {
      return {
        ...failed(`${user} asked to act as somebody else`),
        toClient: 'Authentication failed: Client requested an authorization id that is different from username',
      }
    }
    const nonce = clientNonce + this.#newNonce()
    const serverFirst = `r=${nonce},s=${credential.salt.toString('base64')},i=${credential.iterations}`
    this.#first = { user, credential, gs2Header, nonce, messages: `${bare},${serverFirst}` }
    return { kind: 'continue', token: Buffer.from(serverFirst, 'utf8') }
  }

  #verify(message: string, { user, credential, gs2Header, nonce, messages }: FirstRound): SaslStep {
    const [, unproven = '', binding = '', sentNonce = '', proofText = ''] = clientFinal.exec(message) ?? []
    if (unproven === '') return failed("the client's last message is no SCRAM message")
    if (sentNonce !== nonce) return failed("the client's last message has another nonce")
    if (Buffer.from(binding, 'base64').toString('utf8') !== gs2Header) return failed('the channel binding has changed')
    const signed = `${messages},${unproven}`
    const signature = hmac(this.#hash, credential.storedKey, signed)
    const proof = Buffer.from(proofText, 'base64')
    if (proof.length !== signature.length) return failed('the proof has a wrong length')
    const clientKey = Buffer.from(signature.map((byte, i) => byte ^ (proof[i] ?? 0)))
    if (!timingSafeEqual(digest(this.#hash, clientKey), credential.storedKey)) {
      return failed(`the password of ${user} was wrong`)
    }
    const verifier = hmac(this.#hash, credential.serverKey, signed).toString('base64')
    return { kind: 'success', token: Buffer.from(`v=${verifier}`, 'utf8'), user }
  }
}

/** Kafka mostly tells a client that failed by SCRAM no reason, and neither do we. */
function failed(why: string) {
  return { kind: 'failure' as const, why }
}

/** A comma and an equals sign are written `=2C` and `=3D` in names. Undefined for a name with another `=`. */
function plainName(saslName: string): string | undefined {
  if (/=(?!2C|3D)/.test(saslName)) return undefined
  return saslName.replaceAll('=2C', ',').replaceAll('=3D', '=')
}

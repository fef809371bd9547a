import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export type ScramHash = 'sha256' | 'sha512'

/** The least that RFC 7677 allows, and Kafka's default. */
const ITERATIONS = 4096
const SALT_BYTES = 16

/** What a server keeps of a password (RFC 5802): enough to check it and to prove that it knows it, but not the password. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

/** Costs a few milliseconds, on purpose. Passwords are taken as UTF-8 without SASLprep, as Kafka does. */
export function scramCredential(
  hash: ScramHash,
  password: string,
  {
    salt = randomBytes(SALT_BYTES),
    iterations = ITERATIONS,
  }: { readonly salt?: Buffer; readonly iterations?: number } = {},
): ScramCredential {
  const length = hash === 'sha256' ? 32 : 64
  const salted = pbkdf2Sync(Buffer.from(password, 'utf8'), salt, iterations, length, hash)
  const clientKey = hmac(hash, salted, 'Client Key')
  return { salt, iterations, storedKey: digest(hash, clientKey), serverKey: hmac(hash, salted, 'Server Key') }
}

export function hmac(hash: ScramHash, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text, 'utf8').digest()
}

export function digest(hash: ScramHash, bytes: Buffer): Buffer {
  return createHash(hash).update(bytes).digest()
}

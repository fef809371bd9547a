import { KafkaConnectionError, KafkaProtocolError } from '@milena/protocol'
import type { KafkaError } from '@milena/protocol'

/**
 * Explains what else may be listening on a port, from the first bytes that came back: a web server, a TLS listener, …
 * `reason` is what went wrong with them.
 */
export function explainStranger(broker: string, firstBytes: Buffer, reason: KafkaError): KafkaError {
  if (firstBytes.length >= 2 && firstBytes[0] === 0x15 && firstBytes[1] === 0x03) {
    return new KafkaConnectionError(
      `${broker} is a TLS port: it answered a plain-text request with a TLS alert. Use the address of a listener with security protocol PLAINTEXT; TLS is not supported in this version.`,
      { code: 'TLS_PORT', retriable: false, cause: reason },
    )
  }
  const looksLike = nameOf(firstBytes)
  // Once it is known who that is, what was wrong with the bytes says nothing more.
  const why = looksLike === undefined ? `: ${reason.message}` : ` (it looks like ${looksLike}).`
  return new KafkaProtocolError(
    `What listens on ${broker} does not speak Kafka's protocol${why} Check host and port in bootstrapServers and in the broker's advertised.listeners.`,
    { cause: reason },
  )
}

function nameOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1', 0, 16)
  if (text.startsWith('HTTP/') || text.startsWith('<')) return 'a web server'
  if (text.startsWith('SSH-')) return 'an SSH server'
  if (text.startsWith('-ERR')) return 'a Redis server'
  return undefined
}

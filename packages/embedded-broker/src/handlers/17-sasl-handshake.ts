/**
 * Behaviour: chooses the SASL mechanism. One that is not enabled is answered with the list of those that are, and the
 * connection ends. Without SASL, or after authentication: ILLEGAL_SASL_STATE, as in Kafka.
 *
 * Versions: after version 0 the tokens would follow bare, without request headers. No client of today does that; it is refused
 * here with UNSUPPORTED_VERSION, unlike in Kafka.
 */
import { ErrorCode, SaslHandshake } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

export const saslHandshake = defineHandler(SaslHandshake, ({ mechanism }, context) => {
  const { connection, cluster, version, logger } = context
  const answer = cluster.security.handshake(connection.identity, { mechanism, clientHost: connection.clientHost })
  if (version > 0 || answer.errorCode !== 0) return answer
  connection.identity.mustClose = true
  logger.warn(
    { client: connection.clientHost },
    `Refused the client at ${connection.clientHost}: SaslHandshake version 0 wants SASL tokens without request headers. Use a client that speaks version 1 (Kafka 1.0 and newer).`,
  )
  return { errorCode: ErrorCode.UNSUPPORTED_VERSION, mechanisms: answer.mechanisms }
})

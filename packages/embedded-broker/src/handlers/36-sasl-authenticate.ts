/**
 * Behaviour: carries the mechanism's tokens. A failure is answered with SASL_AUTHENTICATION_FAILED and Kafka's sentence, then
 * the connection ends. Before a handshake there is no answer at all, only the end of the connection.
 *
 * Versions: from 1 on the answer tells how long the session holds (0: for ever).
 */
import { SaslAuthenticate } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

export const saslAuthenticate = defineHandler(SaslAuthenticate, ({ authBytes }, context) => {
  const { connection, cluster } = context
  const answer = cluster.security.authenticate(connection.identity, {
    token: authBytes,
    clientHost: connection.clientHost,
  })
  if (answer === undefined) return undefined
  const { errorCode, errorMessage, token, sessionLifetimeMs } = answer
  return { errorCode, errorMessage, authBytes: token, sessionLifetimeMs }
})

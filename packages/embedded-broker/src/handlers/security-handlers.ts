import type { Handler } from '../server/handler.js'
import { saslHandshake } from './17-sasl-handshake.js'
import { saslAuthenticate } from './36-sasl-authenticate.js'

/** One line per API. */
export const securityHandlers: readonly Handler[] = [saslHandshake, saslAuthenticate]

import { ErrorCode, KafkaBrokerError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { LastingTrouble } from './lasting-trouble.js'
import type { RequestManagerHost } from './request-manager-host.js'

/**
 * What became of the share session with a request that was refused as a whole: it is lost; the broker refused before it looked
 * at the session, so that the epoch was not consumed; or the epoch was consumed, and the session lives.
 */
export type RefusedSession = 'lost' | 'untouched' | 'alive'

/** What is done when a broker refuses a share request as a whole (KIP-932; specification, section 11). */
export class RequestRefusals {
  readonly #nodeId: number
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #troubles: LastingTrouble<'request'>

  constructor(nodeId: number, context: KafkaClientContext, host: RequestManagerHost) {
    this.#nodeId = nodeId
    this.#context = context
    this.#host = host
    this.#troubles = new LastingTrouble(context.clock)
  }

  /** Tells whoever has to hear of it. */
  refused(error: KafkaBrokerError): RefusedSession {
    switch (error.errorCode) {
      case ErrorCode.SHARE_SESSION_NOT_FOUND:
      case ErrorCode.INVALID_SHARE_SESSION_EPOCH:
      case ErrorCode.SHARE_SESSION_LIMIT_REACHED:
        return 'lost'
      case ErrorCode.UNSUPPORTED_VERSION:
        this.#host.fatal(error)
        return 'untouched'
      case ErrorCode.INVALID_REQUEST:
        this.#host.fatal(error)
        return 'alive'
      case ErrorCode.GROUP_AUTHORIZATION_FAILED:
        this.#host.failed(error)
        return 'untouched'
      default:
        // What heals by itself is not told, unless it lasts; what an application or its operator has to mend is.
        if (error.retriable || error.errorCode === ErrorCode.UNKNOWN_SERVER_ERROR) this.#log(error)
        else this.#host.failed(error)
        // Kafka 4.2 and 4.3 answer so when the session holds a deleted topic.
        this.#host.leadersMoved()
        return 'alive'
    }
  }

  #log(error: KafkaBrokerError): void {
    const facts = { nodeId: this.#nodeId, err: error }
    const { logger } = this.#context
    if (!this.#troubles.met('request')) {
      logger.debug(facts, 'a share request was refused; trying again')
      return
    }
    logger.warn(facts, `${error.message} This goes on; trying again.`)
    this.#host.lasting(error)
  }
}

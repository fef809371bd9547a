import type { KafkaError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'

/** One broker that cannot be connected to: logged once each time it goes away, however often it is tried. */
export class BrokerAbsence {
  readonly #nodeId: number
  readonly #logger: Logger
  #told = false

  constructor(nodeId: number, logger: Logger) {
    this.#nodeId = nodeId
    this.#logger = logger
  }

  /** An attempt to connect failed, and another follows. */
  failed({ code, message }: KafkaError): void {
    const facts = { nodeId: this.#nodeId, code }
    if (this.#told) this.#logger.debug(facts, message)
    else this.#logger.warn(facts, `${message} Broker ${this.#nodeId} leads partitions of this member. Trying again.`)
    this.#told = true
  }

  /** An attempt succeeded. */
  over(): void {
    this.#told = false
  }
}

import { KafkaBrokerError, KafkaConnectionError, KafkaProtocolError, type KafkaError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { GrowingRest, LONGEST_REST_MS } from './growing-rest.js'
import { LastingTrouble } from './lasting-trouble.js'
import type { RequestManagerHost } from './request-manager-host.js'

// One leader whose ShareFetch answers do not arrive, or cannot be read. It has acquired records all the same, for nobody, and each
// time that costs them one of their deliveries.
//
// Rules kept here
// - A lost connection is nothing to speak of: it is made again at once, and nobody hears of it. Only the third in a row without an
//   answer in between is more than that.
// - Bytes that cannot be read are told to the application each time.
// - As long as there is doubt, fetches ask for one record, so that no more than that is lost should it not end, and rest longer and
//   longer in between.
// - The next answer ends the doubt about the connection; that about bytes ends with the first records that could be read, since
//   an empty answer says nothing about them.

/** So many lost fetches in a row are followed by the usual pauses alone. */
const USUAL_LOSSES = 2
/** A connection that is well again is used soon. */
const LONGEST_REST_OF_LOST_MS = 10_000

type Trouble = 'lost' | 'unreadable'

export class LeaderDoubts {
  readonly #nodeId: number
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #troubles: LastingTrouble<Trouble>
  readonly #lostRest: GrowingRest
  readonly #unreadableRest: GrowingRest
  #lost = 0
  #unreadable = 0

  constructor(nodeId: number, context: KafkaClientContext, host: RequestManagerHost) {
    this.#nodeId = nodeId
    this.#context = context
    this.#host = host
    const { clock, random } = context
    const { requestTimeoutMs, fetchMaxWaitMs } = host.settings
    this.#troubles = new LastingTrouble(clock, 2 * LONGEST_REST_MS + requestTimeoutMs + fetchMaxWaitMs)
    this.#lostRest = new GrowingRest({ clock, random, maxMs: LONGEST_REST_OF_LOST_MS })
    this.#unreadableRest = new GrowingRest({ clock, random })
  }

  /** A fetch should ask for no more records than it takes to find out. */
  get any(): boolean {
    return this.#unreadable > 0 || this.#lost >= USUAL_LOSSES
  }

  /** The session was lost with a fetch. Returns how long the broker is to be left alone at least, in milliseconds. */
  lost(error: KafkaError): number {
    if (KafkaProtocolError.is(error)) return this.#cannotRead(error)
    if (KafkaBrokerError.is(error)) {
      // It refused before it acquired anything.
      this.#tell('lost', error)
      return 0
    }
    this.#lost++
    const told = new KafkaConnectionError(
      `Broker ${this.#nodeId} takes connections, but has not answered the last ${this.#lost} fetches on them. (${error.message}) ` +
        'Look at what the broker is busy with, and for a proxy or firewall in between.',
      { cause: error },
    )
    this.#tell('lost', told)
    return this.#lost > USUAL_LOSSES ? this.#lostRest.next() : 0
  }

  /** A fetch was answered; `brought`: with records, which could be read. */
  answered(brought: boolean): void {
    this.#lost = 0
    this.#lostRest.reset()
    this.#troubles.over('lost')
    if (!brought || this.#unreadable === 0) return
    this.#unreadable = 0
    this.#unreadableRest.reset()
    this.#troubles.over('unreadable')
  }

  #cannotRead(cause: KafkaProtocolError): number {
    this.#unreadable++
    const error = new KafkaProtocolError(
      `${cause.message} If it brought records they come again, as one more of the deliveries that the group allows. ` +
        'Look for a proxy that changes what passes through it, or a broker that is not Apache Kafka.',
      { cause, retriable: true },
    )
    this.#host.failed(error)
    this.#tell('unreadable', error)
    return this.#unreadableRest.next()
  }

  #tell(trouble: Trouble, error: KafkaError): void {
    if (!this.#troubles.met(trouble)) return
    this.#context.logger.warn({ nodeId: this.#nodeId, err: error }, `${error.message} This goes on; trying again.`)
    this.#host.lasting(error)
  }
}

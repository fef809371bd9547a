import type { KafkaError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'

/** A cluster that just starts, or moves a group, answers so for a moment: not worth a word. */
const SHORT_TROUBLE_MS = 2_000
/** A healthy cluster assigns something within a second or two. */
const LONG_UNASSIGNED_MS = 15_000

export interface JoinTroublesOptions {
  readonly context: KafkaClientContext
  readonly groupId: string
  /** What does not heal within bootstrapTimeoutMs, for the application to hear. */
  readonly failed: (error: KafkaError) => void
}

/** What keeps a member from joining its group, or from getting anything there: said at the right time, and not again and again. */
export class JoinTroubles {
  readonly #options: JoinTroublesOptions
  /** Since when heartbeats fail that are to join the group; undefined: none does. */
  #tryingSince: number | undefined
  /** It was logged that they do. */
  #warned = false
  /** Since when nothing is assigned although a topic is there; 'told': that was logged. */
  #unassignedSince: number | 'told' | undefined

  constructor(options: JoinTroublesOptions) {
    this.#options = options
  }

  /** A heartbeat goes out. */
  trying(): void {
    this.#tryingSince ??= this.#options.context.clock.now()
  }

  /** One was answered, or trying begins anew. */
  over(): void {
    this.#tryingSince = undefined
    this.#warned = false
  }

  /** Something was assigned. */
  assigned(): void {
    this.#unassignedSince = undefined
  }

  /** A broker that is just starting, or moving a group, heals in seconds; the application hears of what does not. */
  cannotJoin(error: KafkaError): void {
    const { context, groupId, failed } = this.#options
    const now = context.clock.now()
    const triedMs = now - (this.#tryingSince ?? now)
    if (triedMs >= context.config.bootstrapTimeoutMs) {
      this.over()
      failed(error)
    } else if (!this.#warned && triedMs >= SHORT_TROUBLE_MS) {
      this.#warned = true
      context.logger.warn({ groupId, code: error.code }, `${error.message} Trying again.`)
    }
  }

  /** A coordinator that cannot initialise a group's partitions says nothing: it just never assigns them. */
  unassigned(topics: readonly string[]): void {
    const { context, groupId } = this.#options
    const { clock, metadata, logger } = context
    if (this.#unassignedSince === 'told') return
    const topic = topics.find((name) => (metadata.topic(name)?.partitions.length ?? 0) > 0)
    if (topic === undefined) {
      this.#unassignedSince = undefined
      return
    }
    this.#unassignedSince ??= clock.now()
    if (clock.now() - this.#unassignedSince < LONG_UNASSIGNED_MS) return
    this.#unassignedSince = 'told'
    logger.warn(
      { groupId, topic },
      `The coordinator of group '${groupId}' assigns nothing to this member, though topic '${topic}' is there: it could not ` +
        'prepare the topic for the group, and no record will come. See the log of the brokers. On a cluster of fewer than 3 ' +
        'brokers they need share.coordinator.state.topic.replication.factor=1 and share.coordinator.state.topic.min.isr=1.',
    )
  }
}

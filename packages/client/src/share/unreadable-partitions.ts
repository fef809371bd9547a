import { KafkaProtocolError } from '@milena/protocol'
import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import { GrowingRest, LONGEST_REST_MS } from './growing-rest.js'
import { LastingTrouble } from './lasting-trouble.js'
import type { RequestManagerHost } from './request-manager-host.js'
import type { TopicIdPartition } from './share-partition.js'
import type { CutOffRecords, ReceivedPartition } from './share-response.js'

// Partitions whose bytes do not come whole.
//
// Rules kept here
// - The last batch of an answer may be cut off: a broker does that at its byte limits. Its records are fetched again, and come.
// - Where nothing else could be read, or the same offset is cut off again, that is no accident. The application is told what, where
//   and what to do, and the partition rests, longer each time, while the others of the broker go on: each such fetch costs its
//   records a delivery.

interface Cut {
  readonly rest: GrowingRest
  firstOffset: number
  restsUntil: number
}

export class UnreadablePartitions {
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #cuts = new Map<TopicIdPartition, Cut>()
  readonly #troubles: LastingTrouble<TopicIdPartition>
  readonly #missingAt = new Map<TopicIdPartition, number>()
  /** When what rests changes next, on the injected clock. */
  #changesAt = Infinity

  constructor(context: KafkaClientContext, host: RequestManagerHost) {
    this.#context = context
    this.#host = host
    this.#troubles = new LastingTrouble(context.clock, 2 * LONGEST_REST_MS)
  }

  /** Looks at what came of a partition. */
  received({ partition, cutOff, missing, records, ranges }: ReceivedPartition): void {
    if (missing) this.#missing(partition, ranges[0]?.firstOffset ?? 0, ranges.at(-1)?.lastOffset ?? 0)
    if (cutOff !== undefined) this.#cut(partition, cutOff)
    else if (records > 0) this.#whole(partition)
  }

  /** In how many milliseconds another set of partitions is to be fetched than now; 0: now is the time. */
  changesInMs(now: number): number {
    return Math.max(0, this.#changesAt - now)
  }

  /** Those of the partitions that do not rest; what is not among them is forgotten. */
  awake(partitions: ReadonlySet<TopicIdPartition>, now: number): ReadonlySet<TopicIdPartition> {
    for (const partition of this.#cuts.keys()) if (!partitions.has(partition)) this.#whole(partition)
    this.#changesAt = Infinity
    const awake = new Set(partitions)
    for (const [partition, { restsUntil }] of this.#cuts) {
      if (restsUntil <= now) continue
      awake.delete(partition)
      this.#changesAt = Math.min(this.#changesAt, restsUntil)
    }
    return awake
  }

  #whole(partition: TopicIdPartition): void {
    if (this.#cuts.delete(partition)) this.#troubles.over(partition)
  }

  #cut(partition: TopicIdPartition, cutOff: CutOffRecords): void {
    const { clock, random, logger } = this.#context
    const { firstOffset, deliveryCount } = cutOff
    const before = this.#cuts.get(partition)
    const again = before?.firstOffset === firstOffset
    const cut = before ?? { rest: new GrowingRest({ clock, random }), firstOffset, restsUntil: 0 }
    cut.firstOffset = firstOffset
    this.#cuts.set(partition, cut)
    if (!cutOff.alone && !again) return
    const restMs = cut.rest.next()
    const now = clock.now()
    cut.restsUntil = now + restMs
    this.#changesAt = now
    const error = cutOffError(partition, cutOff, restMs)
    const { topic, partition: index } = partition
    const facts = { topic, partition: index, offset: firstOffset, deliveryCount, err: error }
    this.#host.failed(error)
    const lasts = this.#troubles.met(partition)
    logger.warn(facts, error.message)
    if (lasts) this.#host.lasting(error)
  }

  #missing(partition: TopicIdPartition, firstOffset: number, lastOffset: number): void {
    const now = this.#context.clock.now()
    if (now - (this.#missingAt.get(partition) ?? -Infinity) < LONGEST_REST_MS) return
    this.#missingAt.set(partition, now)
    const { topic, partition: index } = partition
    this.#context.logger.warn(
      { topic, partition: index, firstOffset, lastOffset },
      `the broker acquired offsets ${firstOffset} to ${lastOffset} of ${topic}-${index} and sent no bytes for them; they are answered as gaps, and not delivered again`,
    )
  }
}

function cutOffError(
  { topic, partition }: TopicIdPartition,
  { firstOffset, lastOffset, batch: { bytes, sizeInBytes } }: CutOffRecords,
  restMs: number,
): KafkaProtocolError {
  const claimed = sizeInBytes === undefined ? '' : `, of the ${sizeInBytes} that its header claims`
  return new KafkaProtocolError(
    `The broker acquired offsets ${firstOffset} to ${lastOffset} of ${topic}-${partition}, but sent only ${bytes} bytes of their record batch${claimed}. ` +
      `They are given back, and fetched again in ${Math.round(restMs / 1_000)} s as one more delivery. ` +
      'Raise fetchMaxBytes above the largest batch of the topic (max.message.bytes); if it is, look for a corrupt segment of the log, or a proxy that shortens answers.',
    { retriable: true },
  )
}

import type { ProducerBatch } from './producer-batch.js'

/** How a batch that came back from the broker goes on. */
export type Outcome =
  | { readonly kind: 'written' }
  /** Refused for good, or given up: its callers know. */
  | { readonly kind: 'failed' }
  /** To be sent again as it is. */
  | { readonly kind: 'again' }
  /** The broker found a gap before it. */
  | { readonly kind: 'outOfOrder' }
  /** The broker does not know this producer any more. */
  | { readonly kind: 'unknownProducer' }

const MAX_EPOCH = 32_767
/** A broker recognises a repeat among the last five batches of a producer; so none may get further ahead of one that is out. */
const REMEMBERED_BATCHES = 5
const SEQUENCES = 2 ** 31

/**
 * The batches of one partition, in order: one open for more records, those waiting, those sent and not answered.
 *
 * Brokers take the batches of a producer id and epoch only in the order of their sequence numbers. So when one comes back
 * unwritten, nothing more is sent until all others that are out have come back too (each refused because of the gap); then
 * all go out again in the old order under their old numbers, by which the broker recognises those that it had written
 * after all. Where a number is missing for good (its batch was refused or given up) the broker says so to the next batch, and
 * the partition begins a new epoch with sequence 0.
 *
 * Until the first batch of an id and epoch is written nothing follows it: a broker that does not know a producer yet takes
 * whatever number comes first, and would so take the second batch before the first, if that one failed.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  /** Takes more records; not sent before it is closed. */
  open: ProducerBatch | undefined
  /** Size of the batch closed last. */
  lastBatchBytes = 0
  /** No batch is sent before this time (monotonic). */
  retryAt = 0
  /** How often in a row a batch had to go again. */
  retries = 0
  /** The producer id whose epochs this partition has used up, if it ever comes to that. */
  exhaustedProducerId: number | undefined
  readonly #waiting: ProducerBatch[] = []
  readonly #inFlight = new Set<ProducerBatch>()
  #producer: { readonly id: number; epoch: number } | undefined
  #nextSequence = 0
  #nextOrder = 0
  #recovering = false
  #established = false
  #gapForGood = false

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Whether nothing is here at all. */
  get isEmpty(): boolean {
    return this.open === undefined && this.#waiting.length === 0 && this.#inFlight.size === 0
  }

  /** A closed batch waits and may be sent, as far as this partition's order is concerned. */
  get isReady(): boolean {
    const [next] = this.#waiting
    if (next === undefined || this.#recovering) return false
    const [oldest] = this.#inFlight
    if (oldest === undefined) return true
    const order = next.identity === undefined ? this.#nextOrder : next.order
    return this.#established && order - oldest.order < REMEMBERED_BATCHES
  }

  /** This partition needs a producer id before it can send. */
  get needsProducer(): boolean {
    return this.#producer === undefined
  }

  /** The batch that would be sent next. */
  get first(): ProducerBatch | undefined {
    return this.#waiting[0]
  }

  /** Every batch: sent ones, waiting ones, the open one. */
  *batches(): Iterable<ProducerBatch> {
    yield* this.#inFlight
    yield* this.#waiting
    if (this.open !== undefined) yield this.open
  }

  /** Closes the open batch: it can be sent. */
  close(): void {
    if (this.open === undefined) return
    this.lastBatchBytes = this.open.sizeInBytes
    this.#waiting.push(this.open)
    this.open = undefined
  }

  /** Under which id this partition's batches are written from here on. */
  assignProducer(producer: { readonly id: number; readonly epoch: number }): void {
    this.#producer = { id: producer.id, epoch: producer.epoch }
    this.#nextSequence = 0
    this.#established = false
  }

  /** Takes the first waiting batch to send it. It has an identity afterwards. */
  take(): ProducerBatch | undefined {
    const producer = this.#producer
    if (!this.isReady || producer === undefined) return undefined
    const batch = this.#waiting.shift()
    if (batch === undefined) return undefined
    if (batch.identity === undefined) {
      batch.identify({ producerId: producer.id, producerEpoch: producer.epoch, baseSequence: this.#nextSequence })
      batch.order = this.#nextOrder++
      this.#nextSequence = (this.#nextSequence + batch.recordCount) % SEQUENCES
    }
    batch.attempts++
    this.#inFlight.add(batch)
    return batch
  }

  /** A batch that was sent has come back. */
  returned(batch: ProducerBatch, outcome: Outcome): void {
    this.#inFlight.delete(batch)
    switch (outcome.kind) {
      case 'written':
        this.retries = 0
        this.#established ||= batch.identity?.producerEpoch === this.#producer?.epoch
        break
      case 'failed':
        // Whether its numbers are missing at the broker shows with the next batch, which is refused as out of order if so.
        break
      case 'again':
        this.#putBack(batch)
        break
      case 'outOfOrder':
        // Behind a batch that did not get through, or that is still on its way to another leader, this is only the
        // consequence; on its own it means that the broker lost what came before.
        if (!this.#recovering && !this.#isOutBefore(batch)) this.#gapForGood = true
        this.#putBack(batch)
        break
      case 'unknownProducer':
        this.#gapForGood = true
        this.#putBack(batch)
        break
    }
    this.#recover()
  }

  /** Takes out the waiting batches that `isOver` picks, e.g. because their time is up. */
  removeWaiting(isOver: (batch: ProducerBatch) => boolean): ProducerBatch[] {
    const removed: ProducerBatch[] = []
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      const batch = this.#waiting[i]
      if (batch === undefined || !isOver(batch)) continue
      this.#waiting.splice(i, 1)
      removed.push(batch)
    }
    return removed.reverse()
  }

  #isOutBefore(batch: ProducerBatch): boolean {
    const [oldest] = this.#inFlight
    return oldest !== undefined && oldest.order < batch.order
  }

  #putBack(batch: ProducerBatch): void {
    this.#recovering = true
    let index = 0
    while (index < this.#waiting.length && this.#isBefore(this.#waiting[index], batch)) index++
    this.#waiting.splice(index, 0, batch)
  }

  #isBefore(other: ProducerBatch | undefined, batch: ProducerBatch): boolean {
    return other !== undefined && other.identity !== undefined && other.order < batch.order
  }

  #recover(): void {
    if (!this.#recovering || this.#inFlight.size > 0) return
    this.#recovering = false
    if (!this.#gapForGood) return
    this.#gapForGood = false
    for (const batch of this.#waiting) batch.anonymize()
    this.#nextSequence = 0
    this.#established = false
    if (this.#producer === undefined) return
    if (this.#producer.epoch < MAX_EPOCH) {
      this.#producer.epoch++
    } else {
      this.exhaustedProducerId = this.#producer.id
      this.#producer = undefined
    }
  }
}

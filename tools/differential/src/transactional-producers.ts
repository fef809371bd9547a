import { batchBytes } from './batch-bytes.js'
import type { Stage } from './stage.js'
import type { BatchPlan, Seat } from './step.js'

interface TransactionalProducer {
  readonly name: string
  id: number
  epoch: number
  /** The next sequence number, by partition of the transaction that is open. */
  readonly next: Map<Seat, number>
}

/** The producers of a sequence that write in transactions. */
export class TransactionalProducers {
  readonly #stage: Stage
  readonly #producers = new Map<number, TransactionalProducer>()

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** Begins a transaction where none is open. */
  async produce(producer: number, seat: Seat, batch: BatchPlan): Promise<string> {
    const stage = this.#stage
    let state = this.#producers.get(producer)
    if (state === undefined) {
      const name = `${stage.prefix}-tx${producer}`
      state = { ...(await stage.admin.initProducer(name)), next: new Map(), name }
      this.#producers.set(producer, state)
    }
    const baseSequence = state.next.get(seat) ?? 0
    const bytes = await batchBytes(batch, stage.target.date(), {
      producerId: state.id,
      producerEpoch: state.epoch,
      baseSequence,
      isTransactional: true,
    })
    const base = await stage.admin.produce(stage.topicId(seat), stage.partition(seat), bytes, state.name)
    state.next.set(seat, baseSequence + batch.records)
    stage.world.seat(seat).logEnd = base + batch.records
    return `at ${base}`
  }

  /** Resolves, when the markers are written, to whether a transaction was open. */
  async end(producer: number, commit: boolean): Promise<boolean> {
    const stage = this.#stage
    const state = this.#producers.get(producer)
    if (state === undefined || state.next.size === 0) return false
    const numbers = await stage.admin.endTransaction(state.name, state, commit)
    state.id = numbers.id
    state.epoch = numbers.epoch
    for (const seat of state.next.keys()) {
      if (!stage.exists(seat)) continue
      const record = stage.world.seat(seat)
      await stage.admin.reaches(stage.topicName(seat), stage.partition(seat), ++record.logEnd)
    }
    state.next.clear()
    return true
  }
}

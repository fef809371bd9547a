import type { KafkaClientContext } from '../cluster/kafka-client-context.js'
import type { AcquiredRange } from './acquired-range.js'
import { BoundedWait } from './bounded-wait.js'
import type { ClosingTime } from './closing-time.js'
import type { RequestManagerHost } from './request-manager-host.js'
import { RequestManager } from './request-manager.js'
import type { TopicIdPartition } from './share-partition.js'

/** A broker that owes an answer for so long is taken for gone. */
const SILENCE_MS = 1_000

const NO_PARTITIONS: ReadonlySet<TopicIdPartition> = new Set()

interface Entry {
  readonly manager: RequestManager
  readonly running: Promise<void>
}

/** The request managers of one member, one per broker, made when the broker first leads something that is wanted. */
export class BrokerManagers {
  readonly #context: KafkaClientContext
  readonly #host: RequestManagerHost
  readonly #guarded: (loop: Promise<void>) => Promise<void>
  readonly #byNode = new Map<number, Entry>()

  /** `guarded` watches over a loop that must never reject. */
  constructor(context: KafkaClientContext, host: RequestManagerHost, guarded: (loop: Promise<void>) => Promise<void>) {
    this.#context = context
    this.#host = host
    this.#guarded = guarded
  }

  /** What to fetch from each broker, replacing what was before. */
  route(byNode: ReadonlyMap<number, ReadonlySet<TopicIdPartition>>): void {
    for (const [nodeId, { manager }] of this.#byNode) if (!byNode.has(nodeId)) manager.want(NO_PARTITIONS)
    for (const [nodeId, partitions] of byNode) {
      let entry = this.#byNode.get(nodeId)
      if (entry === undefined) {
        const manager = new RequestManager(nodeId, this.#context, this.#host)
        entry = { manager, running: this.#guarded(manager.run()) }
        this.#byNode.set(nodeId, entry)
      }
      entry.manager.want(partitions)
    }
  }

  /** Something changed that their next decisions should see. */
  wake(): void {
    for (const { manager } of this.#byNode.values()) manager.wake()
  }

  /** Records handed out and not answered. */
  get outstanding(): number {
    let outstanding = 0
    for (const { manager } of this.#byNode.values()) outstanding += manager.outstanding
    return outstanding
  }

  /** Everything acquired that is not finished. */
  *ranges(): Generator<AcquiredRange> {
    for (const { manager } of this.#byNode.values()) yield* manager.heldRanges()
  }

  /** Resolves when every request that is out now has been answered. A broker that has fallen silent is not waited for. */
  async out(): Promise<void> {
    await Promise.all(this.#map((manager) => this.#answered(manager)))
  }

  async #answered({ out, dueAt }: RequestManager): Promise<void> {
    const { clock } = this.#context
    const wait = new BoundedWait(clock, Math.max(0, dueAt - clock.now()) + SILENCE_MS, undefined)
    await wait.until(out)
    wait.stop()
  }

  /** Resolves when every answer given so far has its verdict. */
  async settled(): Promise<void> {
    await Promise.all(this.#map((manager) => manager.settled()))
  }

  /** Releases every record that is not answered; how many. */
  releaseOpen(): number {
    return this.#map((manager) => manager.releaseOpen()).reduce((sum, released) => sum + released, 0)
  }

  /** The partitions whose answers have no verdict yet. */
  pendingPartitions(): ReadonlySet<TopicIdPartition> {
    const pending = new Set<TopicIdPartition>()
    for (const { manager } of this.#byNode.values())
      for (const partition of manager.pendingPartitions()) pending.add(partition)
    return pending
  }

  /** Ends every session. */
  async close(time: ClosingTime): Promise<void> {
    await Promise.all([...this.#byNode.values()].map(({ manager, running }) => manager.close(running, time)))
  }

  #map<T>(of: (manager: RequestManager) => T): T[] {
    return [...this.#byNode.values()].map(({ manager }) => of(manager))
  }
}

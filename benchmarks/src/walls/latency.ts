import { Producer, ShareConsumer } from '@milena/client'

/** Sends records with the time inside, at a pace, and notes how long each took to each of the consumers. */
export async function measureLatency(options: {
  readonly bootstrapServers: string
  readonly topic: string
  /** Where the records go; other partitions stay idle. */
  readonly partition: number
  readonly groupIds: readonly string[]
  readonly records: number
  readonly everyMs: number
}): Promise<number[][]> {
  const { bootstrapServers, topic, partition, groupIds, records, everyMs } = options
  const readers = groupIds.map((groupId) => new LatencyReader(bootstrapServers, topic, groupId))
  const producer = new Producer({ bootstrapServers, lingerMs: 0 })
  const send = (): Promise<unknown> => producer.send({ topic, partition, value: String(performance.now()) })
  // The first ones find out where everything is; they do not count.
  for (let n = 0; n < 5; n++) await send()
  await Promise.all(readers.map((reader) => reader.received(5)))
  // The assignment has come by then.
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  for (const reader of readers) reader.latencies.length = 0
  for (let n = 0; n < records; n++) {
    await Promise.all([send(), new Promise((resolve) => setTimeout(resolve, everyMs))])
  }
  await Promise.all(readers.map((reader) => reader.received(records)))
  await producer.close()
  await Promise.all(readers.map((reader) => reader.stop()))
  return readers.map(({ latencies }) => latencies)
}

class LatencyReader {
  readonly latencies: number[] = []
  readonly #consumer: ShareConsumer
  readonly #running: Promise<void>
  #stopping = false

  constructor(bootstrapServers: string, topic: string, groupId: string) {
    this.#consumer = new ShareConsumer({ bootstrapServers, groupId })
    this.#consumer.subscribe([topic])
    this.#running = this.#run()
  }

  async received(count: number): Promise<void> {
    const givenUpAt = performance.now() + 30_000
    while (this.latencies.length < count) {
      if (performance.now() > givenUpAt) throw new Error(`Only ${this.latencies.length} of ${count} records came.`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
    await this.#consumer.close()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      for (const { value } of await this.#consumer.poll(500)) {
        this.latencies.push(performance.now() - Number(value?.toString()))
      }
    }
  }
}

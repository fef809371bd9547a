import { Producer, ShareConsumer, type KafkaError } from '@milena/client'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer } from '@milena/container'
import { beginAtEarliest } from '../share-consume/group-offsets.js'
import { uniqueName, type Wall } from './wall.js'

const OUTAGE_MS = 60_000
const RECORDS = 300
/** From the moment that the cluster serves again. */
const ASKED_MS = 15_000

export const outage: Wall = {
  name: 'outage',
  title: 'All brokers gone for 60 s',
  asked: 'consumption goes on by itself',
  brokers: 3,
  async run(stage) {
    const { admin, bootstrapServers } = stage
    const topic = uniqueName('outage')
    await admin.createTopics([{ name: topic, numPartitions: 3, replicationFactor: 3 }])
    const [consumerGroup, containerGroup] = [uniqueName('outage-group'), uniqueName('outage-group')]
    for (const groupId of [consumerGroup, containerGroup]) await beginAtEarliest(admin, groupId)
    const fill = async (): Promise<void> => {
      const producer = new Producer({ bootstrapServers })
      await Promise.all(
        Array.from({ length: RECORDS }, (_, n) => producer.send({ topic, partition: n % 3, value: 'x' })),
      )
      await producer.close()
    }
    await fill()

    const consumer = new ShareConsumer({ bootstrapServers, groupId: consumerGroup })
    const byConsumer = new Arrivals()
    const errors: string[] = []
    let stopping = false
    consumer.subscribe([topic])
    const polling = (async () => {
      while (!stopping) {
        // As an application would: what heals by itself is survived.
        const records = await consumer.poll(500).catch((error: KafkaError) => {
          if (!error.retriable) throw error
          errors.push(error.code)
          return []
        })
        for (const { partition, offset } of records) byConsumer.note(partition, offset)
      }
    })()
    const byContainer = new Arrivals()
    const container = new ShareMessageListenerContainer(new DefaultShareConsumerFactory({ bootstrapServers }), {
      topics: topic,
      groupId: containerGroup,
    })
    container.setupMessageListener(({ partition, offset }) => byContainer.note(partition, offset))
    await container.start()
    await Promise.all([byConsumer.reach(RECORDS), byContainer.reach(RECORDS)])

    stage.progress('killing all brokers')
    await stage.killAllBrokers()
    await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS))
    stage.progress('starting all brokers')
    await stage.startAllBrokers()
    const servedAt = performance.now()
    await fill()
    await Promise.all([byConsumer.reach(2 * RECORDS), byContainer.reach(2 * RECORDS)])
    const waits = [byConsumer, byContainer].map(({ lastAt }) => lastAt - servedAt)
    stopping = true
    await polling
    await consumer.close()
    const state = container.state
    await container.stop()
    const worst = Math.max(...waits)
    return {
      measured: `${RECORDS} new records were all there ${waits.map((ms) => (ms / 1_000).toFixed(1)).join(' s (ShareConsumer) and ')} s (container) after the cluster served again; polls told of ${errors.length} errors meanwhile`,
      broken: [
        ...(worst < ASKED_MS ? [] : ['consumption goes on late']),
        ...(state === 'running' ? [] : [`the container is ${state}`]),
      ],
      figures: { worstMs: worst, errors: errors.length },
    }
  },
}

/** Different records that came, and when the last of them did. */
class Arrivals {
  readonly #seen = new Set<string>()
  lastAt = 0

  note(partition: number, offset: number): void {
    const { size } = this.#seen
    this.#seen.add(`${partition}@${offset}`)
    if (this.#seen.size > size) this.lastAt = performance.now()
  }

  async reach(count: number): Promise<void> {
    const givenUpAt = performance.now() + 120_000
    while (this.#seen.size < count) {
      if (performance.now() > givenUpAt) throw new Error(`Only ${this.#seen.size} of ${count} records came.`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

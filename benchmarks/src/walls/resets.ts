import { Producer, ShareConsumer } from '@milena/client'
import { beginAtEarliest, lagIsZero } from '../share-consume/group-offsets.js'
import { uniqueName, type Wall } from './wall.js'

const RECORDS = 200_000
const PARTITIONS = 4
const RESETS = 3

export const resets: Wall = {
  name: 'resets',
  title: 'Three TCP resets under load',
  asked: 'no more duplicates than records were in flight; all accepted',
  brokers: 1,
  async run(stage) {
    const topic = uniqueName('resets')
    await stage.admin.createTopics([{ name: topic, numPartitions: PARTITIONS }])
    const groupId = uniqueName('resets-group')
    await beginAtEarliest(stage.admin, groupId)
    const producer = new Producer({ bootstrapServers: stage.bootstrapServers })
    const seen = Array.from({ length: PARTITIONS }, () => new Uint8Array(RECORDS / PARTITIONS))
    for (let from = 0; from < RECORDS; from += 20_000) {
      const send = (n: number): Promise<unknown> => producer.send({ topic, partition: n % PARTITIONS, value: `${n}` })
      await Promise.all(Array.from({ length: 20_000 }, (_, n) => send(from + n)))
    }
    await producer.close()

    const consumer = new ShareConsumer({
      bootstrapServers: stage.proxiedBootstrapServers,
      groupId,
      acknowledgementMode: 'explicit',
    })
    const unconfirmed = (): number => {
      const { acquired, accepted, released, gaps } = consumer.metrics()
      return acquired - accepted - released - gaps
    }
    consumer.subscribe([topic])
    let different = 0
    let duplicates = 0
    let inFlight = 0
    let done = 0
    // What earlier resets took counts as acquired and never as confirmed.
    let lostBefore = 0
    const resetting: Promise<void>[] = []
    while (different < RECORDS) {
      const records = await consumer.poll(1_000)
      for (const { partition, offset } of records) {
        const marks = seen[partition]
        if (marks === undefined) throw new RangeError(`There is no partition ${partition}.`)
        if (marks[offset] === 0) different++
        else duplicates++
        marks[offset] = 1
      }
      for (const record of records) consumer.acknowledge(record)
      if (done < RESETS && different > ((done + 1) * RECORDS) / (RESETS + 1)) {
        done++
        stage.progress(`reset ${done} after ${different} records`)
        const before = unconfirmed()
        resetting.push(
          stage.reset().then((connections) => {
            if (connections === 0) throw new Error('There was no connection to reset.')
            const held = Math.max(before, unconfirmed()) - lostBefore
            inFlight += held
            lostBefore += held
          }),
        )
      }
    }
    await Promise.all(resetting)
    await consumer.commitSync()
    await consumer.close()
    await lagIsZero(stage.admin, groupId, topic, PARTITIONS)
    return {
      measured: `${duplicates} duplicates of ${RECORDS} records, ${inFlight} were in flight at ${done} resets`,
      broken: duplicates <= inFlight ? [] : ['more came twice than was in flight'],
      figures: { duplicates, inFlight },
    }
  },
}

import { Producer, ShareConsumer } from '@milena/client'
import { beginAtEarliest } from '../share-consume/group-offsets.js'
import { describeTimes } from './percentiles.js'
import { uniqueName, type Wall, type WallStage } from './wall.js'

const ROUNDS = 10
const RECORDS = 200
const ANSWERED = 10
const ISSUED_THEN_MS = 200
/** The default. */
const FETCH_MAX_WAIT_MS = 500
const PARKED_MS = FETCH_MAX_WAIT_MS + 100

export const closeMidBatch: Wall = {
  name: 'close-mid-batch',
  title: 'After close() in the middle of a batch: the rest at another member',
  asked: 'within 200 ms for a fetch issued then; within fetchMaxWaitMs + 100 ms for one already parked',
  brokers: 1,
  async run(stage) {
    const issued: number[] = []
    const parked: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      issued.push(await restAfterClose(stage, 'issued then'))
      parked.push(await restAfterClose(stage, 'parked'))
    }
    const [worstIssued, worstParked] = [Math.max(...issued), Math.max(...parked)]
    return {
      measured: `issued then: ${describeTimes(issued)}; parked: ${describeTimes(parked)}`,
      broken: [
        ...(worstIssued <= ISSUED_THEN_MS ? [] : ['a fetch issued then waits']),
        ...(worstParked <= PARKED_MS ? [] : ['a parked fetch waits']),
      ],
      figures: { worstIssuedMs: worstIssued, worstParkedMs: worstParked },
    }
  },
}

/** One member takes all and closes after a few answers; how long until another has all the rest. */
async function restAfterClose(stage: WallStage, other: 'issued then' | 'parked'): Promise<number> {
  const { bootstrapServers, admin } = stage
  const topic = uniqueName('rest')
  await admin.createTopics([{ name: topic, numPartitions: 1 }])
  const groupId = uniqueName('rest-group')
  await beginAtEarliest(admin, groupId)
  const producer = new Producer({ bootstrapServers })
  await Promise.all(Array.from({ length: RECORDS }, (_, n) => producer.send({ topic, value: `${n}` })))
  await producer.close()
  const member = (): ShareConsumer => {
    const consumer = new ShareConsumer({
      bootstrapServers,
      groupId,
      acknowledgementMode: 'explicit',
      maxPollRecords: RECORDS,
    })
    consumer.subscribe([topic])
    return consumer
  }
  const first = member()
  let taken = 0
  while (taken < RECORDS) {
    const records = await first.poll(1_000)
    if (records.count > 0 && records.count < RECORDS) throw new Error('The records came in more than one poll.')
    taken += records.count
    for (const record of records.records.slice(0, ANSWERED)) first.acknowledge(record)
  }
  // Joined, assigned, its session open, and nothing is left for it.
  const second = member()
  const until = performance.now() + 1_500
  while (performance.now() < until) {
    if ((await second.poll(100)).count > 0) throw new Error('The second member got records that the first one holds.')
  }
  const rest = async (): Promise<void> => {
    let count = 0
    while (count < RECORDS - ANSWERED) {
      for (const record of await second.poll(5_000)) {
        count++
        second.acknowledge(record)
      }
    }
  }
  let ms = 0
  if (other === 'parked') {
    const waiting = rest()
    // Its fetch is at the broker, with some of its time gone by.
    await new Promise((resolve) => setTimeout(resolve, FETCH_MAX_WAIT_MS + Math.random() * FETCH_MAX_WAIT_MS))
    // Counted from the call: what is released may arrive before close() has left the group.
    const closedAt = performance.now()
    await Promise.all([first.close(), waiting.then(() => (ms = performance.now() - closedAt))])
  } else {
    // Whatever of it is parked has come back by then.
    await new Promise((resolve) => setTimeout(resolve, FETCH_MAX_WAIT_MS + 100))
    await first.close()
    const closedAt = performance.now()
    await rest()
    ms = performance.now() - closedAt
  }
  await second.commitSync()
  await second.close()
  return ms
}

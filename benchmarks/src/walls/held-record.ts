import { Producer, ShareConsumer, type ConsumerRecord } from '@milena/client'
import { beginAtEarliest } from '../share-consume/group-offsets.js'
import { describeTimes, percentile } from './percentiles.js'
import { uniqueName, type Wall, type WallStage } from './wall.js'

const HELD_FOR_MS = 10_000
const EVERY_MS = 200
const ASKED_MS = 50
const ASKED_REQUESTS = 60

/** A record held for ten seconds. */
interface Holding {
  readonly times: readonly number[]
  readonly requestsPerSecond: number
}

export const heldRecord: Wall = {
  name: 'held-record',
  title: 'One record held for 10 s on an otherwise idle topic, default settings',
  asked: 'commitSync and renew p99 below 50 ms; at most 60 requests/s to the broker',
  brokers: 1,
  async run(stage) {
    const renews = await hold(stage, 'renew')
    const commits = await hold(stage, 'commit')
    const continuous = await holdWhileFetching(stage)
    const all = [renews, commits, continuous]
    const slow = all.some(({ times }) => percentile(times, 0.99) >= ASKED_MS)
    const most = Math.max(...all.map(({ requestsPerSecond }) => requestsPerSecond))
    return {
      measured:
        `renew ${describeTimes(renews.times)}, ${renews.requestsPerSecond.toFixed(1)} requests/s; ` +
        `commitSync ${describeTimes(commits.times)}, ${commits.requestsPerSecond.toFixed(1)} requests/s; ` +
        `while batches() goes on fetching: renew and commitSync ${describeTimes(continuous.times)}, ${continuous.requestsPerSecond.toFixed(1)} requests/s`,
      broken: [
        ...(slow ? ['an answer waits behind a fetch'] : []),
        ...(most <= ASKED_REQUESTS ? [] : ['too many requests']),
      ],
      figures: {
        renewP99Ms: percentile(renews.times, 0.99),
        commitP99Ms: percentile(commits.times, 0.99),
        continuousP99Ms: percentile(continuous.times, 0.99),
        requestsPerSecond: most,
      },
    }
  },
}

/** Holds one record; meanwhile renews it, or accepts others one by one, each answer confirmed by the broker. */
async function hold(stage: WallStage, what: 'renew' | 'commit'): Promise<Holding> {
  const topic = uniqueName('held')
  await stage.admin.createTopics([{ name: topic, numPartitions: 1 }])
  const groupId = uniqueName('held-group')
  await beginAtEarliest(stage.admin, groupId)
  const others = what === 'renew' ? 0 : HELD_FOR_MS / EVERY_MS
  const producer = new Producer({ bootstrapServers: stage.bootstrapServers })
  await Promise.all(Array.from({ length: 1 + others }, (_, n) => producer.send({ topic, value: `${n}` })))
  await producer.close()

  const consumer = new ShareConsumer({
    bootstrapServers: stage.proxiedBootstrapServers,
    groupId,
    acknowledgementMode: 'explicit',
    // As many as are there, so that nothing but the held one is left when all others are accepted.
    ...(others > 0 && { maxPollRecords: 1 + others }),
  })
  consumer.subscribe([topic])
  const records: ConsumerRecord[] = []
  while (records.length < 1 + others) {
    for (const record of await consumer.poll(1_000)) records.push(record)
    if (records.length > 0 && records.length < 1 + others) throw new Error('The records came in more than one poll.')
  }
  const [held, ...rest] = records
  if (held === undefined) throw new Error('No record came.')
  // The assignment of a new group, with its quick heartbeats, is over by then.
  await pause(2_000)

  const times: number[] = []
  const before = await total(stage)
  const startedAt = performance.now()
  while (performance.now() - startedAt < HELD_FOR_MS) {
    await pause(EVERY_MS)
    const next = what === 'renew' ? held : rest.shift()
    if (next === undefined) continue
    const askedAt = performance.now()
    consumer.acknowledge(next, what === 'renew' ? 'RENEW' : 'ACCEPT')
    const [[, error] = []] = await consumer.commitSync()
    times.push(performance.now() - askedAt)
    if (error !== undefined) throw error
    if (what === 'renew') {
      const again = await consumer.poll(1_000)
      if (again.count !== 1 || again.records[0] !== held) throw new Error('The renewed record did not come back.')
    }
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const requests = (await total(stage)) - before
  consumer.acknowledge(held)
  for (const record of rest) consumer.acknowledge(record)
  await consumer.commitSync()
  await consumer.close()
  return { times, requestsPerSecond: requests / seconds }
}

/** Holds one record while batches() asks for more, which do not come: fetches go on, and nothing may wait behind them. */
async function holdWhileFetching(stage: WallStage): Promise<Holding> {
  const topic = uniqueName('held')
  await stage.admin.createTopics([{ name: topic, numPartitions: 1 }])
  const groupId = uniqueName('held-group')
  await beginAtEarliest(stage.admin, groupId)
  const producer = new Producer({ bootstrapServers: stage.bootstrapServers })
  await producer.send({ topic, value: 'held' })
  await producer.close()
  const consumer = new ShareConsumer({
    bootstrapServers: stage.proxiedBootstrapServers,
    groupId,
    acknowledgementMode: 'explicit',
  })
  consumer.subscribe([topic])
  const ending = new AbortController()
  let got: (record: ConsumerRecord) => void = () => undefined
  const first = new Promise<ConsumerRecord>((resolve) => (got = resolve))
  const reading = (async () => {
    for await (const { records } of consumer.batches({ maxInFlight: 100, signal: ending.signal })) {
      if (records[0] !== undefined) got(records[0])
    }
  })()
  const held = await first
  await pause(2_000)
  const times: number[] = []
  const before = await total(stage)
  const startedAt = performance.now()
  while (performance.now() - startedAt < HELD_FOR_MS) {
    await pause(EVERY_MS)
    const askedAt = performance.now()
    consumer.acknowledge(held, 'RENEW')
    const [[, error] = []] = await consumer.commitSync()
    times.push(performance.now() - askedAt)
    if (error !== undefined) throw error
  }
  const seconds = (performance.now() - startedAt) / 1_000
  const requests = (await total(stage)) - before
  consumer.acknowledge(held)
  await consumer.commitSync()
  ending.abort()
  await reading.catch(() => undefined)
  await consumer.close()
  return { times, requestsPerSecond: requests / seconds }
}

async function total(stage: WallStage): Promise<number> {
  return (await stage.requests()).reduce((sum, each) => sum + each, 0)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

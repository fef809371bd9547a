import { beginAtEarliest } from '../share-consume/group-offsets.js'
import { measureLatency } from './latency.js'
import { describeTimes, percentile } from './percentiles.js'
import { uniqueName, type Wall } from './wall.js'

const ASKED_MS = 50

export const idleNeighbour: Wall = {
  name: 'idle-neighbour',
  title: 'Two brokers, the partition of one is idle: latency of the other',
  asked: 'p50 below 50 ms',
  brokers: 3,
  async run({ admin, bootstrapServers }) {
    const topic = uniqueName('neighbours')
    await admin.createTopics([{ name: topic, replicaAssignments: [[1], [2]] }])
    const groupId = uniqueName('neighbours-group')
    await beginAtEarliest(admin, groupId)
    const [latencies = []] = await measureLatency({
      bootstrapServers,
      topic,
      partition: 0,
      groupIds: [groupId],
      records: 300,
      everyMs: 37,
    })
    const p50 = percentile(latencies, 0.5)
    return {
      measured: describeTimes(latencies),
      broken: p50 < ASKED_MS ? [] : ['the idle partition holds the other up'],
      figures: { p50Ms: p50, p99Ms: percentile(latencies, 0.99) },
    }
  },
}

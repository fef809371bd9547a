import { beginAtEarliest } from '../share-consume/group-offsets.js'
import { measureLatency } from './latency.js'
import { describeTimes, percentile } from './percentiles.js'
import { uniqueName, type Wall } from './wall.js'

const ASKED_MS = 20

export const twoConsumers: Wall = {
  name: 'two-consumers',
  title: 'Two consumers in one process: latency of each',
  asked: 'p50 below 20 ms',
  brokers: 1,
  async run({ admin, bootstrapServers }) {
    const topic = uniqueName('pair')
    await admin.createTopics([{ name: topic, numPartitions: 1 }])
    const groupIds = [uniqueName('pair-group'), uniqueName('pair-group')]
    for (const groupId of groupIds) await beginAtEarliest(admin, groupId)
    const both = await measureLatency({ bootstrapServers, topic, partition: 0, groupIds, records: 300, everyMs: 37 })
    const worst = Math.max(...both.map((latencies) => percentile(latencies, 0.5)))
    return {
      measured: both.map(describeTimes).join('; '),
      broken: worst < ASKED_MS ? [] : ['one holds the other up'],
      figures: { worstP50Ms: worst },
    }
  },
}

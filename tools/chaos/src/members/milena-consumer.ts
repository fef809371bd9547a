import { setTimeout as sleep } from 'node:timers/promises'
import { ShareConsumer } from '@milena/client'
import { readOrder } from '../member-lines.js'
import { MemberReport } from './member-report.js'

const { bootstrapServers, topic, groupId, name, partitions, rate, requestTimeoutMs } = readOrder(process.argv.slice(2))
const report = new MemberReport(partitions)
const consumer = new ShareConsumer({
  bootstrapServers,
  groupId,
  clientId: name,
  acknowledgementMode: 'explicit',
  maxPollRecords: 100,
  ...(requestTimeoutMs > 0 && { requestTimeoutMs }),
})
const ended = new AbortController()
process.once('SIGTERM', () => {
  report.stopping()
  ended.abort()
})
consumer.setAcknowledgementCommitCallback(report.verdict)
consumer.subscribe([topic])

while (!ended.signal.aborted) {
  try {
    const records = await consumer.poll({ timeoutMs: 1_000, signal: ended.signal })
    if (records.count === 0) continue
    for (const record of records) report.received(record)
    report.flush()
    await sleep((records.count / rate) * 1_000)
    for (const record of records) report.finished(record)
    report.flush()
    for (const record of records) consumer.acknowledge(record)
  } catch (error) {
    if (ended.signal.aborted) break
    report.error(error, 'poll')
    await sleep(100)
  }
}
try {
  await consumer.close()
} catch (error) {
  report.error(error, 'close')
}
await report.stopped()

import { setTimeout as sleep } from 'node:timers/promises'
import { DefaultShareConsumerFactory, ShareMessageListenerContainer } from '@milena/container'
import { readOrder } from '../member-lines.js'
import { MemberReport } from './member-report.js'

/** Records between two pauses: a timer for each would measure the timers. */
const STRIDE = 50

const { bootstrapServers, topic, groupId, name, partitions, rate, requestTimeoutMs } = readOrder(process.argv.slice(2))
const report = new MemberReport(partitions)
const factory = new DefaultShareConsumerFactory({
  bootstrapServers,
  groupId,
  ...(requestTimeoutMs > 0 && { requestTimeoutMs }),
})
factory.addListener({
  consumerAdded: (_id, consumer) => consumer.setAcknowledgementCommitCallback(report.verdict),
})
const container = new ShareMessageListenerContainer(factory, { id: name, topics: topic })
let worked = 0
container.setupMessageListener((record) => {
  report.received(record)
  worked++
  if (worked % STRIDE !== 0) {
    report.finished(record)
    return undefined
  }
  report.flush()
  return sleep((STRIDE / rate) * 1_000).then(() => report.finished(record))
})
container.on('pollFailed', ({ cause }) => report.error(cause, 'poll'))
container.on('recordLockLost', () => report.error('lock lost', 'before its turn'))
container.on('consumerStopped', ({ reason, cause }) => {
  if (reason !== 'NORMAL') report.error(cause, 'member ended')
})
let stopping: Promise<void> | undefined
const stop = async (): Promise<void> => {
  report.stopping()
  try {
    await container.stop()
  } catch (error) {
    report.error(error, 'stop')
  }
  await report.stopped()
}
process.once('SIGTERM', () => {
  stopping ??= stop()
})
try {
  await container.start()
} catch (error) {
  // A stop that comes while the container is starting ends the start.
  if (stopping === undefined) throw error
}

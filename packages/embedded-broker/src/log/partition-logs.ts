import type { Surroundings } from '../surroundings.js'
import type { LogRetention } from './log-retention.js'
import { logSettings } from './log-settings.js'
import { PartitionLog } from './partition-log.js'

/** Makes the log of a new partition. */
export type MakePartitionLog = (given: {
  readonly topic: string
  readonly partition: number
  readonly onMoved: () => void
}) => PartitionLog

/** @param given.topicValue a topic's value of a configuration, its own or the default */
export function partitionLogs(
  surroundings: Surroundings,
  given: {
    readonly retention: LogRetention
    readonly topicValue: (topic: string, name: string) => string
  },
): MakePartitionLog {
  const { retention, topicValue } = given
  return ({ topic, partition, onMoved }) =>
    new PartitionLog(
      topic,
      partition,
      surroundings,
      () => logSettings((name) => topicValue(topic, name)),
      onMoved,
      retention,
    )
}

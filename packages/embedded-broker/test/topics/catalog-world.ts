import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { ClusterConfigs } from '../../src/configs/cluster-configs.js'
import { DelayedOperations } from '../../src/delayed-operations.js'
import { PartitionLog } from '../../src/log/partition-log.js'
import { logSettings } from '../../src/log/log-settings.js'
import type { Surroundings } from '../../src/surroundings.js'
import { TopicCatalog, type TopicChange, type TopicEntry, type TopicFailure } from '../../src/topics/topic-catalog.js'
import { versionProfile, type KafkaVersion } from '../../src/version-profile.js'

export function surroundingsOf(version: KafkaVersion = '4.4'): Surroundings {
  const clock = new VirtualClock()
  return {
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
    profile: versionProfile(version),
    delayed: new DelayedOperations(clock),
    changed: () => undefined,
  }
}

/** A catalogue on a virtual clock, and what it told its listeners. */
export function catalogWorld(
  options: {
    readonly brokers?: number
    readonly version?: KafkaVersion
    readonly serverProperties?: Readonly<Record<string, string>>
  } = {},
) {
  const surroundings = surroundingsOf(options.version)
  const brokerIds = Array.from({ length: options.brokers ?? 1 }, (_, i) => i + 1)
  const configs = new ClusterConfigs(surroundings, { serverProperties: options.serverProperties ?? {}, brokerIds })
  const closedLogs: string[] = []
  const topics = new TopicCatalog(surroundings, {
    brokerIds,
    configs,
    makeLog: ({ topic, partition, onMoved }) => {
      const settings = () => logSettings((name) => configs.topicValue(topic, name))
      const log = new PartitionLog(topic, partition, surroundings, settings, onMoved)
      const close = log.close.bind(log)
      log.close = () => {
        closedLogs.push(log.label)
        close()
      }
      return log
    },
  })
  const changes: TopicChange[] = []
  topics.onChange((change) => changes.push(change))
  return { surroundings, configs, topics, changes, closedLogs }
}

/** The topic; fails the test when it was refused. */
export function made(result: TopicEntry | TopicFailure): TopicEntry {
  if ('errorCode' in result) throw new Error(`Refused: ${result.errorMessage}`)
  return result
}

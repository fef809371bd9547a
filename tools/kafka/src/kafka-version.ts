/** The releases of Apache Kafka that Milena is tested on, oldest first. */
export const kafkaVersions = ['4.2.1', '4.3.1', '4.4.0'] as const

export type KafkaVersion = (typeof kafkaVersions)[number]

/** What runs where nobody asks for another one; tools/kafka/pom.xml names it too. */
export const defaultKafkaVersion: KafkaVersion = '4.4.0'

/**
 * The release that a setting (MILENA_KAFKA_VERSION, `--version`) names; the default one when it is not set.
 *
 * @throws RangeError for a release that Milena is not tested on
 */
export function kafkaVersionOf(setting: string | undefined): KafkaVersion {
  if (setting === undefined || setting.trim() === '') return defaultKafkaVersion
  const version = kafkaVersions.find((each) => each === setting.trim())
  if (version === undefined) {
    throw new RangeError(
      `"${setting.trim()}" is no release of Kafka that Milena is tested on. Give one of ${kafkaVersions.join(', ')}.`,
    )
  }
  return version
}

/** Whether `version` is of the minor release `first`, such as '4.3', or of a later one. */
export function isSince(version: KafkaVersion, first: '4.2' | '4.3' | '4.4'): boolean {
  return version.slice(0, 3) >= first
}

import { kafkaVersionOf, type KafkaVersion } from '@milena/tools-kafka'

/** A minor release of Kafka, which decides what a broker can do. */
export type MinorRelease = '4.2' | '4.3' | '4.4'

/** The release that this run is on: what MILENA_KAFKA_VERSION names, else the newest. */
export function kafkaVersion(): KafkaVersion {
  return kafkaVersionOf(process.env['MILENA_KAFKA_VERSION'])
}

export function minorOf(version: KafkaVersion): MinorRelease {
  return version.slice(0, 3) as MinorRelease
}

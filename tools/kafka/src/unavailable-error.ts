/** Kafka cannot be run on this machine as it is: no Java, no Maven, no jars. The message names the remedy. */
export class KafkaUnavailableError extends Error {
  override readonly name = 'KafkaUnavailableError'
}

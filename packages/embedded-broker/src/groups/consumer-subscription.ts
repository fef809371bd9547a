import { ByteReader } from '@milena/protocol'

/**
 * The topics that a consumer says it subscribes to, read from what it hands to its group's leader: a version, the names,
 * then whatever the client likes (Kafka's ConsumerProtocolSubscription). Undefined for bytes that are no such thing.
 */
export function subscribedTopics(metadata: Buffer): readonly string[] | undefined {
  const reader = new ByteReader(metadata)
  try {
    reader.int16()
    const count = reader.int32()
    // A name takes two bytes of length at least; a count beyond that is no list of names.
    if (count < 0 || count * 2 > reader.remaining) return undefined
    return Array.from({ length: count }, () => {
      return reader.utf8(reader.uint16())
    })
  } catch {
    return undefined
  }
}

import { KafkaUsageError } from '@milena/protocol'

const LEGAL = /^[a-zA-Z0-9._-]{1,249}$/

/** Throws KafkaUsageError when Kafka could never have a topic of this name. */
export function checkTopicName(name: string): void {
  if (typeof name === 'string' && LEGAL.test(name) && name !== '.' && name !== '..') return
  throw new KafkaUsageError(
    `'${String(name)}' is not a legal topic name. A topic name has 1 to 249 characters out of a-z, A-Z, 0-9, '.', '_' and '-', and is not '.' or '..'.`,
    { code: 'INVALID_TOPIC_EXCEPTION' },
  )
}

import { KafkaUsageError } from '@milena/protocol'
import { shownArgument } from '../config/shown-argument.js'

const LEGAL = /^[a-zA-Z0-9._-]{1,249}$/

/** Throws KafkaUsageError when Kafka could never have a topic of this name. */
export function checkTopicName(name: string): void {
  if (typeof name === 'string' && LEGAL.test(name) && name !== '.' && name !== '..') return
  if (typeof name !== 'string') {
    throw new KafkaUsageError(
      `A topic is named by a text, such as 'orders', not by ${shownArgument(name)}.${isPattern(name) ? ' Patterns are not for share groups: name each topic.' : ''}`,
      { code: 'INVALID_TOPIC_EXCEPTION' },
    )
  }
  throw new KafkaUsageError(
    `'${name}' is not a legal topic name. A topic name has 1 to 249 characters out of a-z, A-Z, 0-9, '.', '_' and '-', and is not '.' or '..'.`,
    { code: 'INVALID_TOPIC_EXCEPTION' },
  )
}

function isPattern(name: unknown): boolean {
  return name instanceof RegExp
}

import { ErrorCode } from '@milena/protocol'

/** Why a topic could not be made or changed, in Kafka's words. */
export interface TopicFailure {
  readonly errorCode: number
  readonly errorMessage: string
}

/** An answer of an old version has no room for a message that repeats everything a client may have sent. */
const MAX_MESSAGE_LENGTH = 4000

/** A refusal in these words, cut where they are too many for an answer. */
export function refused(errorCode: number, errorMessage: string): TopicFailure {
  return { errorCode, errorMessage: errorMessage.slice(0, MAX_MESSAGE_LENGTH) }
}

const MAX_NAME_LENGTH = 249

const METADATA_TOPIC = '__cluster_metadata'
const internalTopics = new Set(['__consumer_offsets', '__transaction_state', '__share_group_state'])

/** Whether Kafka keeps its own state in a topic of this name. The embedded broker keeps that elsewhere and has no such topics. */
function isInternalTopic(name: string): boolean {
  return internalTopics.has(name)
}

/** What is wrong with the name of a topic. */
export function topicNameFailure(name: string): TopicFailure | undefined {
  const why = wrongName(name)
  return why === undefined ? undefined : refused(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${why}`)
}

function wrongName(name: string): string | undefined {
  if (name === '') return 'the empty string is not allowed'
  if (name === '.') return "'.' is not allowed"
  if (name === '..') return "'..' is not allowed"
  if (name.length > MAX_NAME_LENGTH) return `the length of '${name}' is longer than the max allowed length 249`
  if (!/^[A-Za-z0-9._-]+$/.test(name)) {
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  }
  return undefined
}

/** What is wrong with making a topic of this name; `exists` and `collision` ask the catalogue. */
export function newTopicNameFailure(
  name: string,
  ask: { readonly exists: (name: string) => boolean; readonly collision: (key: string) => string | undefined },
): TopicFailure | undefined {
  if (name === METADATA_TOPIC) {
    return refused(ErrorCode.INVALID_REQUEST, `Creation of internal topic ${METADATA_TOPIC} is prohibited.`)
  }
  if (isInternalTopic(name) || ask.exists(name)) {
    return refused(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  }
  const wrong = topicNameFailure(name)
  if (wrong !== undefined) return wrong
  const other = ask.collision(collisionKey(name))
  if (other === undefined) return undefined
  return refused(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${other}`)
}

/** Two names with the same key collide: metric names turn dots into underscores. */
export function collisionKey(name: string): string {
  return name.replaceAll('.', '_')
}

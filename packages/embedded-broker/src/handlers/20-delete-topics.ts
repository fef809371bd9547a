import { DeleteTopics, ErrorCode, ZERO_UUID } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

/** Before it, a disabled deletion has no code of its own. */
const TELLS_DELETION_DISABLED = 3

interface Asked {
  readonly name: string | null
  readonly topicId: string
}

interface Failure {
  readonly errorCode: number
  readonly errorMessage: string
}

/**
 * Behaviour: each topic for itself. A topic is gone, with its log, when the answer comes. Naming one twice, by name, by id or
 * by both, deletes nothing of it.
 *
 * Versions: names up to 5, name or id from 6 on; 5+ have error messages.
 */
export const deleteTopicsHandler = defineHandler(DeleteTopics, (request, context) => {
  const asked: readonly Asked[] =
    context.version >= 6 ? request.topics : request.topicNames.map((name) => ({ name, topicId: ZERO_UUID }))
  const unique = new Map(asked.map((topic) => [pairOf(topic), topic]))
  const counts = countAsked(asked)
  const answers = new Map<string, Asked & Partial<Failure>>()
  for (const topic of unique.values()) {
    const found = topic.name === null ? context.cluster.topics.byId(topic.topicId)?.name : topic.name
    const failure = failureOf(topic, counts, context)
    // The same topic by name and by id is answered once.
    const entry = found === undefined ? undefined : context.cluster.topics.byName(found)
    const isBoth = answers.has(found ?? topic.topicId) && entry !== undefined
    const shown = isBoth ? { name: entry.name, topicId: entry.id } : topic
    answers.set(found ?? topic.topicId, failure === undefined ? shown : { ...shown, ...failure })
  }
  return {
    throttleTimeMs: 0,
    responses: [...answers.values()].map((topic) => {
      const { name, topicId, errorCode, errorMessage } = topic
      if (errorCode !== undefined) return { name, topicId, errorCode, errorMessage: errorMessage ?? null }
      const { topics } = context.cluster
      const entry = name === null ? topics.byId(topicId) : topics.byName(name)
      if (entry !== undefined) topics.delete(entry.name)
      return { name: entry?.name ?? name, topicId: entry?.id ?? topicId, errorCode: 0 }
    }),
  }
})

/** How often each name, id and pair of both was asked for. Counted once: a request may name very many. */
interface AskedCounts {
  readonly names: ReadonlyMap<string, number>
  readonly ids: ReadonlyMap<string, number>
  readonly pairs: ReadonlyMap<string, number>
}

function pairOf({ name, topicId }: Asked): string {
  return `${name}/${topicId}`
}

function countAsked(asked: readonly Asked[]): AskedCounts {
  const [names, ids, pairs] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()]
  const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
  for (const topic of asked) {
    if (topic.name !== null) count(names, topic.name)
    count(ids, topic.topicId)
    count(pairs, pairOf(topic))
  }
  return { names, ids, pairs }
}

function failureOf(topic: Asked, asked: AskedCounts, context: RequestContext): Failure | undefined {
  const { topics, configs } = context.cluster
  const { name, topicId } = topic
  const invalid = (errorMessage: string): Failure => ({ errorCode: ErrorCode.INVALID_REQUEST, errorMessage })
  if (name === null && topicId === ZERO_UUID) return invalid('Neither topic name nor id were specified.')
  if (name !== null && topicId !== ZERO_UUID) return invalid('You may not specify both topic name and topic id.')
  if ((asked.pairs.get(pairOf(topic)) ?? 0) > 1) {
    return invalid(name === null ? 'Duplicate topic id.' : 'Duplicate topic name.')
  }
  const entry = name === null ? topics.byId(topicId) : topics.byName(name)
  // Once by its name, or once by its id, is what this one asks for itself.
  const times = entry === undefined ? 0 : (asked.names.get(entry.name) ?? 0) + (asked.ids.get(entry.id) ?? 0)
  if (times > 1) {
    return invalid('The provided topic name maps to an ID that was already supplied.')
  }
  if (!configs.brokerBoolean('delete.topic.enable')) {
    const { TOPIC_DELETION_DISABLED, INVALID_REQUEST } = ErrorCode
    const errorCode = context.version >= TELLS_DELETION_DISABLED ? TOPIC_DELETION_DISABLED : INVALID_REQUEST
    return { errorCode, errorMessage: 'Topic deletion is disabled.' }
  }
  const known = entry?.name ?? name
  const may = known === null || (context.allows('Describe', 'Topic', known) && context.allows('Delete', 'Topic', known))
  if (!may) return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Topic authorization failed.' }
  if (entry !== undefined) return undefined
  return name === null
    ? { errorCode: ErrorCode.UNKNOWN_TOPIC_ID, errorMessage: 'This server does not host this topic ID.' }
    : {
        errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        errorMessage: 'This server does not host this topic-partition.',
      }
}

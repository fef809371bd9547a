import { KafkaUsageError } from '@milena/protocol'
import { z } from 'zod'
import { checkTopicName } from '../cluster/topic-name.js'
import { nearestName } from '../config/nearest-name.js'
import { withoutFields } from '../config/plain-object.js'
import { shownArgument } from '../config/shown-argument.js'

// What the methods of an admin client take, and how that is checked: before anything is sent, and with a KafkaUsageError that
// shows how the method is called.

/** How a method is called, and what its arguments may be, in their order. */
interface Signature<Arguments extends readonly unknown[]> {
  readonly usage: string
  readonly schemas: { readonly [Index in keyof Arguments]: z.ZodType<Arguments[Index]> }
}

/** A check of a method's arguments: throws KafkaUsageError for what they may not be. */
type ArgumentCheck = (...given: readonly unknown[]) => void

const text = z.string(must('a text'))
const named = text.min(1, 'must not be empty')
const wholeNumber = z.int(must('a whole number')).optional()
const truth = z.boolean(must('true or false')).optional()
const topicName = text.superRefine((name, context) => {
  try {
    checkTopicName(name)
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is wrong: ${error instanceof Error ? error.message : String(error)}` })
  }
})

const newTopic = fields({
  name: topicName,
  numPartitions: wholeNumber,
  replicationFactor: wholeNumber,
  replicaAssignments: list(list(z.int(must('the node id of a broker, a whole number')))).optional(),
  configs: byName(z.string(must("a text, such as '3600000'"))).optional(),
})
const configChanges = byName(z.string(must("a text, such as '3600000', or null for the default")).nullable())
const resourceType = z.enum(['topic', 'broker', 'group'], must("'topic', 'broker' or 'group'"))

export const checkCreateTopics = checkOf({
  usage: "createTopics() takes a list of topics, such as createTopics([{ name: 'orders', numPartitions: 3 }])",
  schemas: [list(newTopic), fields({ ifNotExists: truth, validateOnly: truth, waitUntilReadyMs: durationMs() })],
})

export const checkDeleteTopics = checkOf({
  usage: "deleteTopics() takes a list of names, such as deleteTopics(['orders'], { ifExists: true })",
  schemas: [list(topicName), fields({ ifExists: truth })],
})

export const checkDescribeTopics = checkOf({
  usage: "describeTopics() takes a list of names, such as describeTopics(['orders'])",
  schemas: [list(topicName)],
})

export const checkListTopics = checkOf({
  usage: 'listTopics() takes options, such as listTopics({ includeInternal: true })',
  schemas: [fields({ includeInternal: truth })],
})

export const checkDescribeConfigs = checkOf({
  usage:
    "describeConfigs() takes a list of what has a configuration, such as describeConfigs([{ type: 'topic', name: 'orders' }])",
  schemas: [list(resource({ keys: list(named).optional() }))],
})

export const checkAlterConfigs = checkOf({
  usage:
    "alterConfigs() takes a list of changes, such as alterConfigs([{ type: 'topic', name: 'orders', configs: { 'retention.ms': '3600000' } }])",
  schemas: [list(resource({ configs: configChanges })), fields({ validateOnly: truth })],
})

export const checkAlterTopicConfigs = checkOf({
  usage:
    "alterTopicConfigs() takes a name and changes, such as alterTopicConfigs('orders', { 'retention.ms': '3600000' })",
  schemas: [topicName, configChanges],
})

export const checkAlterGroupConfigs = checkOf({
  usage:
    "alterGroupConfigs() takes a group id and changes, such as alterGroupConfigs('workers', { 'share.auto.offset.reset': 'earliest' })",
  schemas: [named, configChanges],
})

export const checkDescribeShareGroups = checkOf({
  usage: "describeShareGroups() takes a list of group ids, such as describeShareGroups(['workers'])",
  schemas: [list(named)],
})

export const checkListShareGroupOffsets = checkOf({
  usage:
    "listShareGroupOffsets() takes a group id, such as listShareGroupOffsets('workers', { topics: { orders: [0, 1] } })",
  schemas: [
    named,
    fields({
      topics: byName(list(z.int(must('a partition, a whole number')).min(0, 'must be at least 0'))).optional(),
    }),
  ],
})

function checkOf<const Arguments extends readonly unknown[]>({ usage, schemas }: Signature<Arguments>): ArgumentCheck {
  return (...given) => {
    schemas.forEach((schema: z.ZodType, index) => {
      const result = schema.safeParse(given[index])
      const issue = result.error?.issues[0]
      if (issue === undefined) return
      const subject = placeOf(issue.path) ?? (schemas.length === 1 ? 'its argument' : `its ${ORDINALS[index]} argument`)
      const sentence = issue.message.endsWith('?') || issue.message.endsWith('.') ? issue.message : `${issue.message}.`
      throw new KafkaUsageError(`${usage}; ${subject} ${sentence}`)
    })
  }
}

const ORDINALS = ['first', 'second']

/** `[0].name`; undefined for an argument itself. */
function placeOf(path: readonly PropertyKey[]): string | undefined {
  if (path.length === 0) return undefined
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')
}

function must(be: string) {
  return { error: ({ input }: { readonly input?: unknown }) => `must be ${be}, not ${shownArgument(input)}` }
}

function list<T extends z.ZodType>(of: T) {
  return z.array(of, must('a list'))
}

function byName<T extends z.ZodType>(of: T) {
  return z.record(z.string(), of, must('an object of names and values'))
}

function durationMs() {
  return z.number(must('a number of milliseconds')).min(0, 'must be a number of milliseconds, 0 or more').optional()
}

/** An object with these fields and no other. */
function fields<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape)
  const strict = z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? unknownField(issue.keys[0] ?? '', known)
        : `must be an object, not ${shownArgument(issue.input)}`,
  })
  return z
    .unknown()
    .superRefine((given, context) => {
      const wrong = typeof given === 'object' && given !== null ? withoutFields(given) : undefined
      if (wrong !== undefined) context.addIssue({ code: 'custom', message: `must be an object, not ${wrong}` })
    })
    .pipe(strict)
}

function unknownField(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known)
  const hint = nearest === undefined ? '' : ` Did you mean '${nearest}'?`
  return `has '${name}', which is not known.${hint} Known are ${known.join(', ')}`
}

/** What has a configuration, and what is said of it besides. */
function resource<Shape extends z.ZodRawShape>(besides: Shape) {
  return fields({ type: resourceType, name: text, ...besides }).superRefine((given, context) => {
    const { type, name } = given as { readonly type: string; readonly name: string }
    const wrong = (type === 'topic' ? topicName : type === 'group' ? named : text).safeParse(name).error?.issues[0]
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong.message, path: ['name'] })
  })
}

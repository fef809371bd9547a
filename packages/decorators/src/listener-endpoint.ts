import { nearestName } from '@milena/client/internal'
import type { KafkaListenerEndpoint } from '@milena/container'
import { messageOf, type Problems } from './errors.js'
import type { KafkaListenerOptions } from './kafka-listener-options.js'
import type { ExploredListener } from './listener-explorer.js'
import type { PropertyResolver } from './property-resolver.js'

/** What a @KafkaListener says once its placeholders are resolved: an endpoint that lacks only the function to call. */
export type DescribedEndpoint = Omit<KafkaListenerEndpoint, 'listener' | 'kind'> & {
  readonly id: string
  readonly containerFactory: string
}

/** The container factory of a listener that names none. */
export const DEFAULT_CONTAINER_FACTORY = 'default'

type OptionName = keyof KafkaListenerOptions

const OPTIONS: readonly OptionName[] = [
  'id',
  'topics',
  'groupId',
  'containerFactory',
  'concurrency',
  'clientIdPrefix',
  'autoStartup',
  'maxInFlight',
  'properties',
]

/** What Spring's @KafkaListener knows and this one does not, with the reason. */
const REFUSED: Readonly<Record<string, string>> = {
  topicPattern: 'a share group subscribes to topics by name; list them in topics',
  topicPartitions: 'a share group deals records out itself, a member cannot choose partitions; name the topics',
  errorHandler: 'there is no such hook in this version; give the container factory a shareConsumerRecordRecoverer',
  batch: 'records of a share group are delivered and answered one by one; leave it out',
  idIsGroup: 'the id never becomes the group; set groupId',
  ackMode: 'records are acknowledged one by one; leave it out',
  shareAckMode: 'it belongs to the container factory; set it in containerFactories of kafkaModule',
}

/** Turns what a decorator was given into an endpoint description. What is wrong is noted, by class, method and option. */
export function describeEndpoint(
  listener: ExploredListener,
  resolver: PropertyResolver,
  problems: Problems,
): DescribedEndpoint {
  const reader = new OptionReader(listener, resolver, problems)
  reader.checkNames()
  const { options } = listener
  const concurrency = reader.count('concurrency')
  const maxInFlight = reader.count('maxInFlight')
  const properties = options?.properties === undefined ? undefined : reader.properties(options.properties)
  const groupId = reader.text('groupId') ?? groupIn(properties)
  const clientIdPrefix = reader.text('clientIdPrefix')
  const autoStartup = reader.truth('autoStartup')
  return {
    id: reader.text('id') ?? listener.defaultId,
    topics: reader.topics(),
    containerFactory: reader.text('containerFactory') ?? DEFAULT_CONTAINER_FACTORY,
    ...(groupId === undefined ? {} : { groupId }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(clientIdPrefix === undefined ? {} : { clientIdPrefix }),
    ...(autoStartup === undefined ? {} : { autoStartup }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(properties === undefined ? {} : { properties }),
  }
}

/** The group that consumer settings name, by either spelling. */
export function groupIn(properties: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const group = properties?.['group.id'] ?? properties?.['groupId']
  return typeof group === 'string' && group !== '' ? group : undefined
}

class OptionReader {
  constructor(
    private readonly listener: ExploredListener,
    private readonly resolver: PropertyResolver,
    private readonly problems: Problems,
  ) {}

  checkNames(): void {
    const options: unknown = this.listener.options
    if (typeof options !== 'object' || options === null) {
      this.#problem(
        "@KafkaListener needs its options, for example @KafkaListener({ topics: 'orders', groupId: 'order-workers' }).",
      )
      return
    }
    for (const name of Object.keys(options).filter((key) => !OPTIONS.some((option) => option === key))) {
      const reason = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined
      const nearest = nearestName(name, OPTIONS)
      const told =
        reason === undefined
          ? `is not an option of @KafkaListener${nearest === undefined ? '' : `; did you mean '${nearest}'?`}`
          : `cannot be set: ${reason}.`
      this.#problem(`'${name}' ${told}${reason === undefined ? ` Known are ${OPTIONS.join(', ')}.` : ''}`)
    }
  }

  topics(): readonly string[] {
    const given = this.#given('topics')
    // Without any options that is the mistake, and it is noted.
    if (typeof this.listener.options !== 'object') return []
    if (given instanceof RegExp || (Array.isArray(given) && given.some((topic) => topic instanceof RegExp))) {
      this.#problem('topics cannot be a pattern: a share group subscribes to topics by name; list them.')
      return []
    }
    const list: readonly unknown[] = Array.isArray(given) ? given : given === undefined ? [] : [given]
    if (!list.every((topic): topic is string => typeof topic === 'string')) {
      this.#problem('topics must be the name of a topic, or a list of names.')
      return []
    }
    const resolved = list.map((topic) => this.#resolved('topics', topic))
    // A name that could not be resolved is already a problem.
    if (resolved.includes(undefined)) return []
    // No topic's name can hold a comma, so one text may name several.
    const topics = resolved
      .flatMap((text) => (text ?? '').split(','))
      .map((topic) => topic.trim())
      .filter((topic) => topic !== '')
    if (topics.length === 0) this.#problem("It names no topic. Set topics, for example topics: 'orders'.")
    return [...new Set(topics)]
  }

  text(name: OptionName): string | undefined {
    const given = this.#given(name)
    if (given === undefined) return undefined
    if (typeof given !== 'string') {
      this.#problem(`${name} must be a text.`)
      return undefined
    }
    const text = this.#resolved(name, given)?.trim()
    if (text === '')
      this.#problem(`${name} is empty${given === '' ? '' : `, from '${given}'`}. Give it a value or leave it out.`)
    return text === '' ? undefined : text
  }

  /** A whole number of 1 or more, or a text that holds one. */
  count(name: OptionName): number | undefined {
    const given = this.#given(name)
    if (given === undefined) return undefined
    const value = typeof given === 'string' ? this.#resolved(name, given)?.trim() : given
    if (value === undefined) return undefined
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 1) return number
    const shown =
      typeof value === 'string' ? `'${value}'` : typeof value === 'number' ? value : `of type ${typeof value}`
    this.#problem(`${name} is ${shown}; it must be a whole number of 1 or more.`)
    return undefined
  }

  truth(name: OptionName): boolean | undefined {
    const given = this.#given(name)
    if (given === undefined || typeof given === 'boolean') return given
    const value = typeof given === 'string' ? this.#resolved(name, given)?.trim().toLowerCase() : 'no text'
    if (value === undefined) return undefined
    if (value !== 'true' && value !== 'false') this.#problem(`${name} must be true or false.`)
    return value === 'true'
  }

  properties(given: unknown): Readonly<Record<string, unknown>> {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      this.#problem("properties must be an object of consumer settings, for example { 'max.poll.records': 100 }.")
      return {}
    }
    return Object.fromEntries(
      Object.entries(given).map(([name, value]) => [
        name,
        typeof value === 'string' ? this.#resolved(`properties['${name}']`, value) : (value as unknown),
      ]),
    )
  }

  #given(name: OptionName): unknown {
    return this.listener.options?.[name]
  }

  #resolved(option: string, text: string): string | undefined {
    try {
      return this.resolver.resolve(text)
    } catch (error) {
      this.#problem(`${option}: ${messageOf(error)}`)
      return undefined
    }
  }

  #problem(text: string): void {
    this.problems.add(this.listener.where, text)
  }
}

import { nearestName } from '@milena/client/internal'
import { reasonAgainstAckMode, ShareAckMode, type GroupConfigs } from '@milena/container'
import { messageOf, type Problems } from './errors.js'
import type { KafkaListenerOptions } from './kafka-listener-options.js'
import type { ExploredListener } from './listener-explorer.js'
import { isServiceReference } from './instance-resolver.js'
import { unresolvedSecret, type PropertyResolver } from './property-resolver.js'
import { isSecretName } from './secret-redaction.js'

type OptionName = keyof KafkaListenerOptions

const OPTIONS: readonly string[] = [
  'id',
  'topics',
  'groupId',
  'idIsGroup',
  'containerFactory',
  'concurrency',
  'clientIdPrefix',
  'autoStartup',
  'maxInFlight',
  'ackMode',
  'processingDeadlineMs',
  'info',
  'containerGroup',
  'phase',
  'errorHandler',
  'filter',
  'groupConfigs',
  'properties',
] satisfies OptionName[]

/** What Spring's `@KafkaListener` knows and this one does not, with the reason. */
const REFUSED: Readonly<Record<string, string>> = {
  topicPattern: 'a share group subscribes to topics by name; list them in topics',
  topicPartitions: 'a share group deals records out itself, a member cannot choose partitions; name the topics',
  batch: 'records of a share group are delivered and answered one by one; leave it out',
  contentTypeConverter:
    'the deserialiser of the client makes the value and the schema of @Payload(schema) checks it; leave it out',
  contentTypeResolver:
    'the deserialiser of the client makes the value and the schema of @Payload(schema) checks it; leave it out',
  splitIterables: 'a listener that returns sends nothing; produce with the Producer',
  beanRef: 'placeholders are ${name}; leave it out',
  containerPostProcessor:
    'the container is at hand before it starts, by autoStartup: false and the registry; leave it out',
  commonErrorHandler:
    'it has no meaning for share groups; use errorHandler, or a shareConsumerRecordRecoverer of the container factory',
  shareAckMode: 'here it is called ackMode',
  explicitShareAcknowledgment: "it is deprecated; write ackMode: 'MANUAL' for true, or leave it out",
  shareAcknowledgmentTimeoutMs: 'it belongs to the container factory; set it in containerFactories of kafkaModule',
  syncShareCommits: 'it belongs to the container factory; set it in containerFactories of kafkaModule',
  shareConsumerRecordRecoverer: 'it belongs to the container factory; set it in containerFactories of kafkaModule',
}

/** The topics that texts name. No topic's name can hold a comma, so one text may name several. What is no text is left to who checks it. */
export function topicsIn(given: readonly string[]): readonly string[] {
  const names = given.flatMap((each) =>
    typeof each === 'string' ? each.split(',').map((name) => name.trim()) : [each],
  )
  return [...new Set(names.filter((name) => name !== ''))]
}

/** Reads the options of one `@KafkaListener`, placeholders resolved. What is wrong is noted, by class, method and option. */
export class OptionReader {
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
    for (const name of Object.keys(options).filter((key) => !OPTIONS.includes(key))) {
      const reason = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined
      const nearest = nearestName(name, OPTIONS)
      const told =
        reason === undefined
          ? `is not an option of @KafkaListener${nearest === undefined ? '.' : `; did you mean '${nearest}'?`}`
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
    const topics = topicsIn(resolved.map((text) => text ?? ''))
    if (topics.length === 0) this.#problem("It names no topic. Set topics, for example topics: 'orders'.")
    return topics
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
    return this.#number(name, 'a whole number of 1 or more', (value) => Number.isSafeInteger(value) && value >= 1)
  }

  /** A whole number, also below 0, or a text that holds one. */
  whole(name: OptionName): number | undefined {
    return this.#number(name, 'a whole number', Number.isSafeInteger)
  }

  /** Milliseconds, more than 0, or a text that holds them. */
  duration(name: OptionName): number | undefined {
    return this.#number(name, 'a number of milliseconds above 0', (value) => Number.isFinite(value) && value > 0)
  }

  truth(name: OptionName): boolean | undefined {
    const given = this.#given(name)
    if (given === undefined || typeof given === 'boolean') return given
    const value = typeof given === 'string' ? this.#resolved(name, given)?.trim().toLowerCase() : 'no text'
    if (value === undefined) return undefined
    if (value !== 'true' && value !== 'false') this.#problem(`${name} must be true or false.`)
    return value === 'true'
  }

  properties(): Readonly<Record<string, unknown>> | undefined {
    const given = this.#given('properties')
    return given === undefined ? undefined : this.#settings('properties', given, "{ 'max.poll.records': 100 }")
  }

  /** The name of a container factory: a text, or a symbol as it is. */
  factory(name: 'containerFactory'): string | symbol | undefined {
    const given = this.#given(name)
    return typeof given === 'symbol' ? given : this.text(name)
  }

  ackMode(): ShareAckMode | undefined {
    const text = this.text('ackMode')?.toUpperCase()
    if (text === undefined) return undefined
    const mode = Object.values(ShareAckMode).find((known) => known === text)
    if (mode === undefined) {
      const reason = reasonAgainstAckMode(text)
      const told = reason === undefined ? '' : ` ${reason}.`
      this.#problem(`ackMode is '${text}'; it must be ${Object.values(ShareAckMode).join(', ')}.${told}`)
    }
    return mode
  }

  idIsGroup(): boolean {
    const idIsGroup = this.truth('idIsGroup') === true
    if (idIsGroup && this.#given('id') === undefined) {
      this.#problem('idIsGroup is true, and there is no id. Give it one, or set groupId.')
    }
    return idIsGroup
  }

  /** A function, or what to ask the DI container for. */
  hook(name: 'errorHandler' | 'filter'): unknown {
    const given = this.#given(name)
    if (given === undefined || isServiceReference(given) || typeof given === 'function') return given
    this.#problem(`${name} must be a function, or a class, a text or a symbol under which the DI container has one.`)
    return undefined
  }

  groupConfigs(): GroupConfigs | undefined {
    const given = this.#given('groupConfigs')
    if (given === undefined) return undefined
    return this.#settings('groupConfigs', given, "{ 'share.auto.offset.reset': 'earliest' }") as GroupConfigs
  }

  /** An object of settings, with the placeholders of its texts resolved. */
  #settings(name: OptionName, given: unknown, example: string): Readonly<Record<string, unknown>> {
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      this.#problem(`${name} must be an object of settings, for example ${example}.`)
      return {}
    }
    return Object.fromEntries(
      Object.entries(given).map(([key, value]) => [
        key,
        typeof value === 'string' ? this.#resolved(`${name}['${key}']`, value, isSecretName(key)) : (value as unknown),
      ]),
    )
  }

  #number(name: OptionName, wanted: string, fits: (value: number) => boolean): number | undefined {
    const given = this.#given(name)
    if (given === undefined) return undefined
    const value = typeof given === 'string' ? this.#resolved(name, given)?.trim() : given
    if (value === undefined) return undefined
    const number = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && fits(number)) return number
    const shown =
      typeof value === 'string' ? `'${value}'` : typeof value === 'number' ? value : `of type ${typeof value}`
    this.#problem(`${name} is ${shown}; it must be ${wanted}.`)
    return undefined
  }

  #given(name: OptionName): unknown {
    return this.listener.options?.[name]
  }

  #resolved(option: string, text: string, isSecret = false): string | undefined {
    try {
      return this.resolver.resolve(text)
    } catch (error) {
      // The sentence may quote the text.
      this.#problem(isSecret ? unresolvedSecret(option) : `${option}: ${messageOf(error)}`)
      return undefined
    }
  }

  #problem(text: string): void {
    this.problems.add(this.listener.where, text)
  }
}

import { consoleLogger, ShareConsumer, type AcknowledgementMode, type ShareConsumerOptions } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import type { Logger } from '@milena/protocol/runtime'

/** What a container asks of a consumer that it needs. What is left out, the factory decides. */
export interface ShareConsumerRequest {
  readonly groupId?: string | undefined
  readonly clientId?: string | undefined
  readonly acknowledgementMode?: AcknowledgementMode | undefined
  /** Further consumer settings, by the client's names or Kafka's dotted ones; they beat the factory's own. */
  readonly properties?: Readonly<Record<string, unknown>> | undefined
}

/** Makes the share consumers of containers. One's own may stand in for {@link DefaultShareConsumerFactory}. */
export interface ShareConsumerFactory<K = Buffer | null, V = Buffer | null> {
  /** The group of consumers for which no other is asked. */
  readonly groupId?: string | undefined
  /** The logger of containers that are given none. */
  readonly logger?: Logger | undefined
  /** Makes a consumer that is not subscribed yet. Who asked for it closes it. */
  createShareConsumer(request: ShareConsumerRequest): ShareConsumer<K, V>
  addListener(listener: ShareConsumerFactoryListener): void
  removeListener(listener: ShareConsumerFactoryListener): boolean
}

/** @throws KafkaUsageError when `given` cannot make consumers */
export function requireFactory(given: unknown, owner: string): void {
  if (typeof given === 'object' && given !== null && 'createShareConsumer' in given) return
  throw new KafkaUsageError(
    `${owner} needs a consumer factory: new DefaultShareConsumerFactory({ bootstrapServers, groupId }), or an object of your own with createShareConsumer().`,
  )
}

/** Hears of every consumer that a factory makes. `id` is the consumer's client id, with a number where that is not unique. */
export interface ShareConsumerFactoryListener {
  consumerAdded?(id: string, consumer: ShareConsumer<unknown, unknown>): void
  consumerRemoved?(id: string, consumer: ShareConsumer<unknown, unknown>): void
}

/** Makes share consumers from one set of options. */
export class DefaultShareConsumerFactory<K = Buffer | null, V = Buffer | null> implements ShareConsumerFactory<K, V> {
  readonly #options: Partial<ShareConsumerOptions<K, V>>
  readonly #listeners: ShareConsumerFactoryListener[] = []
  readonly #ids = new Set<string>()
  #warnedOfMode = false

  /** @param options those of ShareConsumer; groupId and clientId may be left to the containers */
  constructor(options: Partial<ShareConsumerOptions<K, V>>) {
    if (typeof options !== 'object' || options === null) {
      throw new KafkaUsageError(
        "DefaultShareConsumerFactory takes the options of ShareConsumer, such as { bootstrapServers: 'localhost:9092' }.",
      )
    }
    this.#options = { ...options, properties: { ...options.properties } }
  }

  get groupId(): string | undefined {
    const { properties, groupId } = this.#options
    const given = properties?.['group.id'] ?? properties?.['groupId'] ?? groupId
    return typeof given === 'string' ? given : undefined
  }

  get logger(): Logger | undefined {
    return this.#options.logger
  }

  /** The listeners; the list is a copy. */
  get listeners(): readonly ShareConsumerFactoryListener[] {
    return [...this.#listeners]
  }

  /** Hears of consumers made from now on, and of the end of all. */
  addListener(listener: ShareConsumerFactoryListener): void {
    this.#listeners.push(listener)
  }

  /** True when it was there. */
  removeListener(listener: ShareConsumerFactoryListener): boolean {
    const index = this.#listeners.indexOf(listener)
    if (index >= 0) this.#listeners.splice(index, 1)
    return index >= 0
  }

  createShareConsumer(request: ShareConsumerRequest = {}): ShareConsumer<K, V> {
    const own = this.#options
    const groupId = request.groupId ?? groupOf(request.properties) ?? this.groupId
    if (groupId === undefined) {
      throw new KafkaUsageError(
        'There is no groupId: set it on the listener, in the container properties, or in the options of the consumer factory.',
      )
    }
    this.#checkMode(request)
    // In a consumer's options `properties` win: what is asked for goes there, after everything of the factory's own.
    const properties = {
      ...own.properties,
      ...request.properties,
      'group.id': groupId,
      ...(request.clientId === undefined ? {} : { 'client.id': request.clientId }),
      ...(request.acknowledgementMode === undefined
        ? {}
        : { 'share.acknowledgement.mode': request.acknowledgementMode }),
    }
    const consumer = new ShareConsumer<K, V>({ ...own, groupId, properties } as ShareConsumerOptions<K, V>)
    this.#announce(request.clientId ?? own.clientId ?? 'milena-share-consumer', consumer)
    return consumer
  }

  #announce(clientId: string, consumer: ShareConsumer<K, V>): void {
    let id = clientId
    for (let count = 1; this.#ids.has(id); count++) id = `${clientId}.${count}`
    this.#ids.add(id)
    const heard = consumer as unknown as ShareConsumer<unknown, unknown>
    const close = consumer.close.bind(consumer)
    consumer.close = async (options) => {
      try {
        await close(options)
      } finally {
        if (this.#ids.delete(id)) this.#tell((listener) => listener.consumerRemoved?.(id, heard))
      }
    }
    this.#tell((listener) => listener.consumerAdded?.(id, heard))
  }

  #tell(what: (listener: ShareConsumerFactoryListener) => void): void {
    for (const listener of this.listeners) {
      try {
        what(listener)
      } catch (error) {
        const logger = this.#options.logger ?? consoleLogger()
        logger.error(
          { err: error },
          'A listener of the share consumer factory failed. Consumers are not affected; mend the listener.',
        )
      }
    }
  }

  #checkMode({ acknowledgementMode: asked }: ShareConsumerRequest): void {
    const { properties, acknowledgementMode, logger } = this.#options
    const own = properties?.['share.acknowledgement.mode'] ?? properties?.['acknowledgementMode'] ?? acknowledgementMode
    if (asked === undefined || own === undefined || own === asked || this.#warnedOfMode) return
    this.#warnedOfMode = true
    logger?.warn(
      { given: own, used: asked },
      `The consumer factory sets another acknowledgement mode than '${asked}', which its container needs and which is used. ` +
        'Leave the setting away; the shareAckMode of the container decides.',
    )
  }
}

/** The group that consumer settings name, by either spelling. */
function groupOf(properties: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const given = properties?.['group.id'] ?? properties?.['groupId']
  return typeof given === 'string' ? given : undefined
}

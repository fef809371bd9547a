import type { ShareConsumer } from '@milena/client'
import { KafkaError, KafkaUsageError } from '@milena/protocol'
import type { ContainerEngine } from './container-engine.js'
import type { ShareConsumerFactory, ShareConsumerRequest } from './share-consumer-factory.js'

/** A consumer and the engine inside it. */
export interface MemberConsumer<K, V> {
  readonly consumer: ShareConsumer<K, V>
  readonly engine: ContainerEngine<K, V>
  /** Closes it. Its own close() belongs to nobody any more: a listener that has the consumer must not end a member by it. */
  readonly close: ShareConsumer<K, V>['close']
}

/**
 * Has the factory make a consumer. What turns out to be unfit is closed again.
 * @throws what the factory throws, and KafkaUsageError when it gives no ShareConsumer
 */
export function makeConsumer<K, V>(
  factory: ShareConsumerFactory<K, V>,
  engineOf: (consumer: ShareConsumer<K, V>) => ContainerEngine<K, V>,
  request: ShareConsumerRequest,
): MemberConsumer<K, V> {
  const consumer = madeBy(factory, request)
  const made: unknown = consumer
  if (made instanceof Promise) {
    made.then(closeQuietly, () => undefined)
    throw unfit(request, 'a promise')
  }
  if (typeof made !== 'object' || made === null) throw unfit(request, String(made))
  try {
    const engine = engineOf(consumer)
    const close = consumer.close.bind(consumer)
    consumer.close = refuseClose
    return { consumer, engine, close }
  } catch {
    closeQuietly(made)
    throw unfit(request, `an object of class ${made.constructor?.name ?? 'Object'}`)
  }
}

function madeBy<K, V>(factory: ShareConsumerFactory<K, V>, request: ShareConsumerRequest): ShareConsumer<K, V> {
  try {
    return factory.createShareConsumer(request)
  } catch (cause) {
    if (cause instanceof Error) throw cause
    const thrown = typeof cause === 'string' ? `'${cause}'` : `something that is no error (of type ${typeof cause})`
    throw new KafkaError(
      `The consumer factory threw ${thrown} for ${request.clientId ?? 'a member'}: mend its createShareConsumer(), and have it throw errors.`,
      { cause },
    )
  }
}

function refuseClose(): Promise<never> {
  const refusal =
    'close() is not possible on the consumer of a listener container, which closes it when the container stops: call stop() of the container.'
  return Promise.reject(new KafkaUsageError(refusal, { code: 'CONCURRENT_USE' }))
}

function unfit({ clientId }: ShareConsumerRequest, given: string): KafkaUsageError {
  return new KafkaUsageError(
    `The consumer factory gave no consumer for ${clientId ?? 'a member'}, but ${given}: createShareConsumer() must return a new ` +
      'ShareConsumer of @milena/client.',
  )
}

function closeQuietly(made: unknown): void {
  const close: unknown = typeof made === 'object' && made !== null ? Reflect.get(made, 'close') : undefined
  if (typeof close !== 'function') return
  void Promise.resolve()
    .then(() => close.call(made) as unknown)
    .catch(() => undefined)
}

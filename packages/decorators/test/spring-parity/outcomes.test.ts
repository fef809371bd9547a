import { ConsumerRecord, Producer, string } from '@milena/client'
import {
  ListenerEndpointRegistry,
  type ShareAcknowledgment,
  type ShareConsumerRecordRecoverer,
} from '@milena/container'
import { describeOnBrokers, type TestBroker } from '@milena/tools-test-brokers'
import { Container } from 'inversify'
import { afterEach, expect, it, vi } from 'vitest'
import { Ack, KafkaListener, kafkaModule, Record, startKafkaListeners, type KafkaListeners } from '../../src/index.js'
import { keptLog } from '../fake-kafka.js'

// The listeners that Spring's page shows as examples of acknowledging, with what has to become of each record at the broker.

type Texts = ConsumerRecord<string | null, string | null>

class TransientError extends Error {}
class ValidationError extends Error {}

let running: KafkaListeners | undefined
afterEach(async () => {
  await running?.stop()
  running = undefined
})

interface Outcome {
  /** `value deliveryCount`, in order of value. */
  readonly seen: readonly string[]
  readonly confirmed: { readonly accepted: number; readonly released: number; readonly rejected: number }
}

/** Runs the listener over the values until its group has finished all of them. */
async function outcomeOf(
  broker: TestBroker,
  listener: new () => { readonly seen: string[] },
  values: readonly string[],
  recoverer?: ShareConsumerRecordRecoverer,
): Promise<Outcome> {
  const [topic, group] = await Promise.all([broker.createTopic(), broker.createGroup()])
  const di = new Container()
  di.load(
    kafkaModule({
      client: { bootstrapServers: broker.bootstrapServers, keyDeserializer: string(), valueDeserializer: string() },
      containerFactories: {
        default: recoverer === undefined ? {} : { shareConsumerRecordRecoverer: recoverer },
        manual: { shareAckMode: 'MANUAL' },
      },
      listeners: [listener],
      logger: keptLog().logger,
      properties: { topic, group },
    }),
  )
  di.bind(listener).toSelf().inSingletonScope()
  const producer = di.get(Producer)
  for (const value of values) await producer.send({ topic, value })
  running = await startKafkaListeners(di, { signals: false })
  await vi.waitFor(async () => expect(await broker.lag(group)).toBe(0), { timeout: 15_000, interval: 25 })
  await running.stop()
  const [member] = di.get(ListenerEndpointRegistry).getListenerContainer('listener')?.metrics().values() ?? []
  if (member === undefined) throw new Error('the listener has no member')
  const { accepted, released, rejected } = member.broker
  return { seen: di.get(listener).seen.toSorted(), confirmed: { accepted, released, rejected } }
}

const MANUAL = { id: 'listener', topics: '${topic}', groupId: '${group}', containerFactory: 'manual' } as const

describeOnBrokers("A listener of Spring's page", (broker) => {
  it('S-158. mixes outcomes: valid is accepted or released, invalid is rejected, and so is what throws', async () => {
    class Orders {
      readonly seen: string[] = []
      @KafkaListener(MANUAL)
      async processOrder(@Record() record: Texts, @Ack() acknowledgment: ShareAcknowledgment): Promise<void> {
        this.seen.push(`${record.value} ${record.deliveryCount}`)
        try {
          if (!this.isValid(record)) acknowledgment.reject()
          else if (await this.process(record)) acknowledgment.acknowledge()
          else acknowledgment.release()
        } catch {
          acknowledgment.reject()
        }
      }
      private isValid({ value }: Texts): boolean {
        return value !== 'invalid'
      }
      private async process({ value, deliveryCount }: Texts): Promise<boolean> {
        await Promise.resolve()
        if (value === 'throws') throw new Error('unexpected')
        return value !== 'busy' || deliveryCount > 2
      }
    }
    expect(await outcomeOf(broker, Orders, ['valid', 'busy', 'invalid', 'throws'])).toEqual({
      seen: ['busy 1', 'busy 2', 'busy 3', 'invalid 1', 'throws 1', 'valid 1'],
      confirmed: { accepted: 2, released: 2, rejected: 2 },
    })
  })

  it('S-159. answers by validation status: valid, invalid for now, invalid for good', async () => {
    class Validation {
      readonly seen: string[] = []
      @KafkaListener(MANUAL)
      validate(@Record() record: Texts, @Ack() acknowledgment: ShareAcknowledgment): void {
        this.seen.push(`${record.value} ${record.deliveryCount}`)
        switch (this.statusOf(record)) {
          case 'VALID':
            return acknowledgment.acknowledge()
          case 'INVALID_RETRYABLE':
            return acknowledgment.release()
          case 'INVALID_PERMANENT':
            return acknowledgment.reject()
        }
      }
      private statusOf({ value, deliveryCount }: Texts): 'VALID' | 'INVALID_RETRYABLE' | 'INVALID_PERMANENT' {
        if (value === 'never') return 'INVALID_PERMANENT'
        return value === 'later' && deliveryCount === 1 ? 'INVALID_RETRYABLE' : 'VALID'
      }
    }
    expect(await outcomeOf(broker, Validation, ['now', 'later', 'never'])).toEqual({
      seen: ['later 1', 'later 2', 'never 1', 'now 1'],
      confirmed: { accepted: 2, released: 1, rejected: 1 },
    })
  })

  it('S-165. retries by the class of the error: transient is released, validation and the unknown are rejected', async () => {
    class Retrying {
      readonly seen: string[] = []
      @KafkaListener(MANUAL)
      processOrder(@Record() record: Texts, @Ack() acknowledgment: ShareAcknowledgment): void {
        this.seen.push(`${record.value} ${record.deliveryCount}`)
        try {
          fail(record)
          acknowledgment.acknowledge()
        } catch (error) {
          if (error instanceof TransientError) acknowledgment.release()
          else acknowledgment.reject()
        }
      }
    }
    expect(await outcomeOf(broker, Retrying, ['good', 'transient', 'validation', 'unknown'])).toEqual({
      seen: ['good 1', 'transient 1', 'transient 2', 'unknown 1', 'validation 1'],
      confirmed: { accepted: 2, released: 1, rejected: 2 },
    })
  })

  it('S-148. leaves that to a recoverer of its own in EXPLICIT mode, which may look at the cause of the error', async () => {
    class Throwing {
      readonly seen: string[] = []
      @KafkaListener({ id: 'listener', topics: '${topic}', groupId: '${group}' })
      processOrder(@Record() record: Texts): void {
        this.seen.push(`${record.value} ${record.deliveryCount}`)
        try {
          fail(record)
        } catch (cause) {
          throw new Error('the order could not be processed', { cause })
        }
      }
    }
    const byCause: ShareConsumerRecordRecoverer = (_record, error) =>
      error instanceof Error && error.cause instanceof TransientError ? 'RELEASE' : 'REJECT'
    expect(await outcomeOf(broker, Throwing, ['good', 'transient', 'validation', 'unknown'], byCause)).toEqual({
      seen: ['good 1', 'transient 1', 'transient 2', 'unknown 1', 'validation 1'],
      confirmed: { accepted: 2, released: 1, rejected: 2 },
    })
  })
})

/** Fails as its value says, where that may pass only at first. */
function fail({ value, deliveryCount }: Texts): void {
  if (value === 'transient' && deliveryCount === 1) throw new TransientError('timed out')
  if (value === 'validation') throw new ValidationError('no such product')
  if (value === 'unknown') throw new TypeError('undefined is not a function')
}

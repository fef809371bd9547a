import type { ConsumerRecord } from '@milena/client'
import { type ShareConsumer } from '@milena/client'
import type * as container from '@milena/container'
import { Ack, Consumer, Header, KafkaListener, Payload, Record, Signal, type PayloadOf } from '@milena/decorators'
import { z } from 'zod'
import type { Given } from './sample-listeners.js'

// As sample-listeners.ts, with classes of which nothing is left at run time: each is imported as a type, in the ways there are.

const OrderSchema = z.object({ id: z.string() })
type Order = PayloadOf<typeof OrderSchema>

/** One parameter of each class, and nothing by which it could be told. */
export class ByType {
  static readonly given: unknown[] = []

  @KafkaListener({ id: 'record', topics: '${topic}', groupId: '${group}' })
  onRecord(record: ConsumerRecord): void {
    ByType.given.push(record)
  }

  @KafkaListener({ id: 'acknowledgment', topics: '${topic}', groupId: '${group}' })
  onAcknowledgment(acknowledgment: container.ShareAcknowledgment): void {
    ByType.given.push(acknowledgment)
  }

  @KafkaListener({ id: 'consumer', topics: '${topic}', groupId: '${group}' })
  onConsumer(consumer?: ShareConsumer): void {
    ByType.given.push(consumer)
  }
}

/** Every parameter by decorator. */
export class ByDecorator {
  static readonly given: Given[] = []

  @KafkaListener({ id: 'by-decorator', topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
  onOrder(
    @Payload(OrderSchema) order: Order,
    @Ack() ack: container.ShareAcknowledgment,
    @Header('trace') trace: string | undefined,
    @Record() record: ConsumerRecord,
    @Consumer() consumer: ShareConsumer,
    @Signal() signal: AbortSignal,
  ): void {
    ByDecorator.given.push({ order, topic: record.topic, trace, memberId: consumer.memberId, aborted: signal.aborted })
    ack.acknowledge()
  }
}

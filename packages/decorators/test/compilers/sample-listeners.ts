import { ConsumerRecord, ShareConsumer } from '@milena/client'
import { ShareAcknowledgment } from '@milena/container'
import { Ack, Consumer, Header, KafkaListener, Payload, Record, Signal, type PayloadOf } from '@milena/decorators'
import { z } from 'zod'

// One file for all compilers: what users write. It is compiled by each of them, and run as it comes out.

const OrderSchema = z.object({ id: z.string() })
type Order = PayloadOf<typeof OrderSchema>

/** What a listener was given, as it can be told between processes. */
export interface Given {
  readonly order: Order
  readonly topic: string
  readonly trace: string | undefined
  readonly memberId: string
  readonly aborted: boolean
}

/** Every parameter that can be told by its type is. */
export class ByType {
  static readonly given: Given[] = []

  @KafkaListener({ id: 'by-type', topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
  onOrder(
    @Payload(OrderSchema) order: Order,
    ack: ShareAcknowledgment,
    @Header('trace') trace: string | undefined,
    record: ConsumerRecord,
    consumer: ShareConsumer,
    signal: AbortSignal,
  ): void {
    ByType.given.push({ order, topic: record.topic, trace, memberId: consumer.memberId, aborted: signal.aborted })
    ack.acknowledge()
  }
}

/** The same, by decorator. */
export class ByDecorator {
  static readonly given: Given[] = []

  @KafkaListener({ id: 'by-decorator', topics: '${topic}', groupId: '${group}', ackMode: 'MANUAL' })
  onOrder(
    @Payload(OrderSchema) order: Order,
    @Ack() ack: ShareAcknowledgment,
    @Header('trace') trace: string | undefined,
    @Record() record: ConsumerRecord,
    @Consumer() consumer: ShareConsumer,
    @Signal() signal: AbortSignal,
  ): void {
    ByDecorator.given.push({ order, topic: record.topic, trace, memberId: consumer.memberId, aborted: signal.aborted })
    ack.acknowledge()
  }
}

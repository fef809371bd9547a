import type { ConsumerRecord, RecordHeaders, ShareConsumer } from '@milena/client'
import { ShareAcknowledgment, type PayloadSchema } from '@milena/container'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { KafkaHandler } from '../src/kafka-handler.js'
import { KafkaListener } from '../src/kafka-listener.js'
import {
  Ack,
  Consumer,
  DeliveryCount,
  Header,
  Headers,
  Key,
  Offset,
  Partition,
  Payload,
  Record,
  Signal,
  Timestamp,
  Topic,
  type PayloadOf,
} from '../src/listener-params.js'

// What these classes say is checked by the compiler (tsc -b tsconfig.check.json): a line below @ts-expect-error that compiles is an error.

const OrderSchema = z.object({ id: z.string(), amount: z.coerce.number() })
type Order = PayloadOf<typeof OrderSchema>
interface Narrow {
  readonly id: string
}

describe('the type of a payload', () => {
  it('is what its schema gives', () => {
    expectTypeOf<Order>().toEqualTypeOf<{ id: string; amount: number }>()
    const own = {} as PayloadSchema<'a' | 'b'>
    expectTypeOf<PayloadOf<typeof own>>().toEqualTypeOf<'a' | 'b'>()
    const Transformed = z.string().transform((text) => text.length)
    expectTypeOf<PayloadOf<typeof Transformed>>().toEqualTypeOf<number>()
  })
})

describe('a parameter that can take what its decorator gives', () => {
  it('compiles', () => {
    class Listener {
      @KafkaListener({ topics: 't' })
      payloads(
        @Payload(OrderSchema) _order: Order,
        @Payload(OrderSchema) _narrow: Narrow,
        @Payload(OrderSchema) _unknown: unknown,
        @Payload() _anything: Date,
        @Payload(OrderSchema) _optional?: Order,
      ): void {}
      @KafkaListener({ topics: 't' })
      records(
        @Record() _record: ConsumerRecord,
        @Record() _typed: ConsumerRecord<string, Order>,
        @Record() _part: Pick<ConsumerRecord, 'topic' | 'offset'>,
        @Key() _key: string,
        @Topic() _topic: string,
        @Partition() _partition: number,
        @Offset() _offset: number,
        @Timestamp() _timestamp: number,
        @DeliveryCount() _deliveryCount: number,
      ): void {}
      @KafkaListener({ topics: 't' })
      headers(
        @Headers() _headers: RecordHeaders,
        @Header('text') _text: string | undefined,
        @Header('text') _withDefault = 'none',
        @Header('bytes', { as: 'bytes' }) _bytes: Buffer | null | undefined,
        @Header('text', { required: true }) _required: string,
        @Header('bytes', { as: 'bytes', required: true }) _requiredBytes: Buffer,
      ): void {}
      @KafkaListener({ topics: 't' })
      others(
        @Ack() _ack: ShareAcknowledgment,
        @Ack({ optional: true }) _optional: ShareAcknowledgment | undefined,
        @Consumer() _consumer: ShareConsumer,
        @Consumer() _typed: ShareConsumer<string, Order>,
        @Signal() _signal: AbortSignal,
      ): void {}
    }
    abstract class Generic<P> {
      @KafkaListener({ topics: 't' })
      on(@Record() _record: ConsumerRecord<Buffer, P>, @Payload() _payload: P): void {}
    }
    expect([Listener, Generic]).toHaveLength(2)
  })
})

describe('a parameter that cannot take what its decorator gives', () => {
  it('does not compile', () => {
    class Listener {
      // @ts-expect-error the schema gives an object
      payload(@Payload(OrderSchema) _order: string): void {}
      // @ts-expect-error the schema does not give this field
      missing(@Payload(OrderSchema) _order: Order & { readonly more: true }): void {}
      // @ts-expect-error a topic is a text
      topic(@Topic() _topic: number): void {}
      // @ts-expect-error an offset is a number
      offset(_first: string, @Offset() _offset: bigint): void {}
      // @ts-expect-error a header may be missing
      header(@Header('text') _text: string): void {}
      // @ts-expect-error a header may have no value, which bytes tell by null
      bytes(@Header('bytes', { as: 'bytes' }) _bytes: Buffer | undefined): void {}
      // @ts-expect-error an optional acknowledgment may be undefined
      optional(@Ack({ optional: true }) _ack: ShareAcknowledgment): void {}
      // @ts-expect-error the acknowledgment is no record
      swapped(@Ack() _record: ConsumerRecord): void {}
      // @ts-expect-error the record is no acknowledgment
      record(@Record() _ack: ShareAcknowledgment): void {}
      // @ts-expect-error headers cannot be changed
      headers(@Headers() _headers: { key: string; value: Buffer | null }[]): void {}
    }
    expect(Listener).toBeDefined()
    // @ts-expect-error something that is no schema
    expect(() => Payload(class Order {})).not.toThrow()
  })
})

describe('a MANUAL listener', () => {
  it('compiles with a parameter that takes the acknowledgment', () => {
    class Listener {
      @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
      byDecorator(@Payload(OrderSchema) _order: Order, @Ack() _ack: ShareAcknowledgment): void {}
      @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
      byType(_record: ConsumerRecord, _ack: ShareAcknowledgment): void {}
      @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
      optional(_record: ConsumerRecord, _ack?: ShareAcknowledgment): void {}
      @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
      part(@Ack() _ack: Pick<ShareAcknowledgment, 'acknowledge'>): void {}
      @KafkaListener({ topics: 't', ackMode: '${mode:MANUAL}' })
      seenAtStart(_record: ConsumerRecord): void {}
      @KafkaListener({ topics: 't', ackMode: 'EXPLICIT' })
      explicit(_record: ConsumerRecord): void {}
      @KafkaListener({ topics: 't' })
      ofTheFactory(_record: ConsumerRecord): void {}
    }
    @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
    class Handlers {
      @KafkaHandler()
      on(@Payload(OrderSchema) _order: Order, @Ack() _ack: ShareAcknowledgment): void {}
    }
    expect([Listener, Handlers]).toHaveLength(2)
  })

  it('does not compile without one', () => {
    class Listener {
      // @ts-expect-error nothing takes the acknowledgment
      @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
      on(@Payload(OrderSchema) _order: Order, @Record() _record: ConsumerRecord): void {}
      // @ts-expect-error there are no parameters at all
      @KafkaListener({ topics: 't', ackMode: 'MANUAL' })
      none(): void {}
    }
    expect(Listener).toBeDefined()
  })
})

describe('the options of a listener', () => {
  it('do not compile with a name, a mode or a value that they do not know', () => {
    const options = () => [
      // @ts-expect-error a misspelt name
      KafkaListener({ topics: 't', groupID: 'g' }),
      // @ts-expect-error no topics
      KafkaListener({ groupId: 'g' }),
      // @ts-expect-error an unknown mode
      KafkaListener({ topics: 't', ackMode: 'BATCH' }),
      // @ts-expect-error an error handler that answers something else
      KafkaListener({ topics: 't', errorHandler: () => 'SOMETHING' }),
      // @ts-expect-error a class that is no error handler
      KafkaListener({ topics: 't', errorHandler: Map }),
      // @ts-expect-error a filter that decides nothing
      KafkaListener({ topics: 't', filter: () => undefined }),
      // @ts-expect-error a pattern
      KafkaListener({ topics: /orders-.*/ }),
    ]
    expect(options).not.toThrow()
  })

  it('teach the types of hooks', () => {
    class Handler {
      handleError(_record: ConsumerRecord<string, Order>, _error: unknown) {
        return 'RELEASE' as const
      }
    }
    const decorators = [
      KafkaListener({
        topics: 't',
        errorHandler: (record, error, { logger, acknowledgment }) => {
          expectTypeOf(record).toEqualTypeOf<ConsumerRecord<unknown, unknown>>()
          expectTypeOf(error).toBeUnknown()
          expectTypeOf(acknowledgment).toEqualTypeOf<ShareAcknowledgment | undefined>()
          logger.info({}, 'failed')
          return { type: 'RELEASE', delayMs: 100 }
        },
        filter: (record) => record.deliveryCount < 3,
      }),
      KafkaListener({ topics: 't', errorHandler: Handler, filter: Symbol('filter') }),
      KafkaListener({ topics: 't', filter: async (record: ConsumerRecord<string, Order>) => record.value.amount > 0 }),
    ]
    expect(decorators).toHaveLength(3)
  })
})

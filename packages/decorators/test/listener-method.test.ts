import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import type { PayloadSchema, ShareAcknowledgment } from '@milena/container'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Problems, type ListenerClass } from '../src/errors.js'
import { NoHandlerError } from '../src/handler-choice.js'
import type { ListenerInstance } from '../src/instance-resolver.js'
import { KafkaHandler } from '../src/kafka-handler.js'
import { KafkaListener } from '../src/kafka-listener.js'
import { exploreListenerClass, type ExploredListener } from '../src/listener-explorer.js'
import { checkAckMode, endpointListener } from '../src/listener-method.js'
import { Ack, Consumer, Offset, Payload, Signal } from '../src/listener-params.js'

const recordOf = (value: unknown) =>
  ({ topic: 'orders', partition: 0, offset: 7, headers: [], value }) as unknown as ConsumerRecord<unknown, unknown>
const acknowledgment = { isAcknowledged: false } as unknown as ShareAcknowledgment
const consumer = { memberId: 'm' } as unknown as ShareConsumer<unknown, unknown>
const { signal } = new AbortController()

const explore = (listenerClass: ListenerClass): ExploredListener => {
  const problems = new Problems()
  const [listener] = exploreListenerClass(listenerClass, problems).listeners
  problems.throwIfAny()
  if (listener === undefined) throw new Error('it has no listener')
  return listener
}
const on = (instance: object): ListenerInstance => ({ scope: 'singleton', instance })
const facts = (listenerClass: ListenerClass) => {
  const { listener: _call, ...rest } = endpointListener(explore(listenerClass), on(listenerClass.prototype as object))
  return rest
}
const deliver = (instance: ListenerInstance, listenerClass: ListenerClass, value: unknown) =>
  endpointListener(explore(listenerClass), instance).listener(recordOf(value), acknowledgment, consumer, signal)

describe('what a listener is handed', () => {
  it('is what its parameters ask for, and no more', () => {
    class Plain {
      @KafkaListener({ topics: 't' })
      on(@Payload() _value: unknown): void {}
    }
    class Aware {
      @KafkaListener({ topics: 't' })
      on(@Consumer() _consumer: unknown): void {}
    }
    class Signalled {
      @KafkaListener({ topics: 't' })
      on(@Signal() _signal: AbortSignal): void {}
    }
    class Answering {
      @KafkaListener({ topics: 't' })
      on(@Consumer() _consumer: unknown, @Ack() _ack: unknown): void {}
    }
    class AnsweringAtTimes {
      @KafkaListener({ topics: 't' })
      on(@Ack({ optional: true }) _ack: unknown, @Signal() _signal: AbortSignal): void {}
    }
    expect(facts(Plain)).toMatchObject({ kind: 'plain', takesSignal: false })
    expect(facts(Aware)).toMatchObject({ kind: 'consumerAware', takesSignal: false })
    expect(facts(Signalled)).toMatchObject({ kind: 'consumerAware', takesSignal: true })
    expect(facts(Answering)).toEqual({ kind: 'acknowledging', takesSignal: false, acknowledgmentOptional: false })
    expect(facts(AnsweringAtTimes)).toEqual({ kind: 'acknowledging', takesSignal: true, acknowledgmentOptional: true })
  })

  it('is for a class what one of its handlers asks for; the acknowledgment is optional when it is to all that take it', () => {
    @KafkaListener({ topics: 't' })
    class Listener {
      @KafkaHandler()
      text(@Payload(z.string()) _text: string, @Ack({ optional: true }) _ack: unknown): void {}
      @KafkaHandler({ isDefault: true })
      rest(@Signal() _signal: AbortSignal): void {}
    }
    class Strict extends Listener {
      @KafkaHandler()
      count(@Payload(z.number()) _count: number, @Ack() _ack: unknown): void {}
    }
    expect(facts(Listener)).toEqual({ kind: 'acknowledging', takesSignal: true, acknowledgmentOptional: true })
    expect(facts(Strict)).toMatchObject({ acknowledgmentOptional: false })
  })
})

describe('a listener in MANUAL mode', () => {
  const told = (listenerClass: ListenerClass, mode: 'MANUAL' | 'EXPLICIT' | 'IMPLICIT') => () => {
    const problems = new Problems()
    checkAckMode(explore(listenerClass), mode, problems)
    problems.throwIfAny()
  }

  it('needs the acknowledgment, in each method that may be called', () => {
    class Without {
      @KafkaListener({ topics: 't' })
      on(@Payload() _value: unknown): void {}
    }
    class With {
      @KafkaListener({ topics: 't' })
      on(@Payload() _value: unknown, @Ack() _ack: unknown): void {}
    }
    @KafkaListener({ topics: 't' })
    class Handlers {
      @KafkaHandler()
      text(@Payload(z.string()) _text: string, @Ack() _ack: unknown): void {}
      @KafkaHandler({ isDefault: true })
      rest(): void {}
    }
    expect(told(Without, 'MANUAL')).toThrow(
      /^Without\.on\(\): It listens in MANUAL mode and has no parameter for the acknowledgment.*Add @Ack\(\)/,
    )
    expect(told(Handlers, 'MANUAL')).toThrow(/^Handlers\.rest\(\): It listens in MANUAL mode/)
    expect(told(With, 'MANUAL')).not.toThrow()
    expect(told(Without, 'EXPLICIT')).not.toThrow()
    expect(told(Without, 'IMPLICIT')).not.toThrow()
  })
})

describe('an instance for each record', () => {
  class Listener {
    readonly got: unknown[] = []
    @KafkaListener({ topics: 't' })
    on(@Payload(z.object({ id: z.string() })) order: { id: string }, @Ack() ack: unknown): string {
      this.got.push(order, ack)
      return order.id
    }
  }

  it.each(['at once', 'later'])('is asked for with the record, and called when it is there: %s', async (when) => {
    const made: Listener[] = []
    const subjects: object[] = []
    const create = (subject: object) => {
      const listener = new Listener()
      made.push(listener)
      subjects.push(subject)
      return when === 'later' ? Promise.resolve(listener) : listener
    }
    const { listener } = endpointListener(explore(Listener), { scope: 'perCall', create })
    const records = ['a', 'b'].map((id) => recordOf({ id }))
    const outcomes = await Promise.all(records.map((record) => listener(record, acknowledgment, consumer, signal)))
    expect(outcomes).toEqual(['a', 'b'])
    expect(subjects).toEqual(records)
    expect(made.map(({ got }) => got)).toEqual([
      [{ id: 'a' }, acknowledgment],
      [{ id: 'b' }, acknowledgment],
    ])
  })

  it('that has no such method is an error that names the listener', () => {
    expect(() => deliver({ scope: 'perCall', create: () => new Map() }, Listener, { id: 'a' })).toThrow(
      /^Listener\.on\(\): What the DI container gave for the class has no such method \(it gave Map\)/,
    )
  })
})

describe('the handler of a record', () => {
  const Created = z.object({ type: z.literal('created'), id: z.string() })
  const Paid = z.object({ type: z.literal('paid'), amount: z.number() })

  @KafkaListener({ topics: 't' })
  class Orders {
    readonly calls: unknown[] = []
    @KafkaHandler()
    created(@Payload(Created) order: z.infer<typeof Created>, @Offset() offset: number): string {
      this.calls.push(['created', order.id, offset])
      return 'created'
    }
    @KafkaHandler()
    paid(@Ack() ack: unknown, @Payload(Paid) paid: z.infer<typeof Paid>): string {
      this.calls.push(['paid', paid.amount, ack])
      return 'paid'
    }
  }
  class WithDefault extends Orders {
    @KafkaHandler({ isDefault: true })
    rest(@Payload() value: unknown): string {
      this.calls.push(['rest', value])
      return 'rest'
    }
  }
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))

  it('is the first whose schema takes the payload, as the schema makes it', () => {
    const orders = new Orders()
    expect(deliver(on(orders), Orders, bytes({ type: 'paid', amount: 3, more: true }))).toBe('paid')
    expect(deliver(on(orders), Orders, { type: 'created', id: 'a' })).toBe('created')
    expect(orders.calls).toEqual([
      ['paid', 3, acknowledgment],
      ['created', 'a', 7],
    ])
  })

  it('is the default one where no schema takes it, with the value as the deserialiser left it', () => {
    const orders = new WithDefault()
    const unknownType = bytes({ type: 'lost' })
    const noJson = Buffer.from('no json')
    expect(deliver(on(orders), WithDefault, unknownType)).toBe('rest')
    expect(deliver(on(orders), WithDefault, noJson)).toBe('rest')
    expect(deliver(on(orders), WithDefault, bytes({ type: 'created', id: 'a' }))).toBe('created')
    expect(orders.calls).toEqual([
      ['rest', unknownType],
      ['rest', noJson],
      ['created', 'a', 7],
    ])
  })

  it('is missing: an error says what each held against the payload', () => {
    const orders = new Orders()
    const outcome = () => deliver(on(orders), Orders, bytes({ type: 'paid', amount: 'three' }))
    expect(outcome).toThrow(NoHandlerError)
    expect(outcome).toThrow(
      /^No @KafkaHandler of Orders takes the payload of the record at offset 7 of orders-0\. Orders\.created\(\): type: .* \| Orders\.paid\(\): amount: .*\. Add one for it/,
    )
    expect(() => deliver(on(orders), Orders, Buffer.from('no json'))).toThrow(/Orders: its text is not JSON/)
    expect(orders.calls).toEqual([])
  })

  it('with a schema may be the default one, and is then asked last', () => {
    @KafkaListener({ topics: 't' })
    class Listener {
      @KafkaHandler({ isDefault: true })
      any(@Payload(z.looseObject({})) _order: object): string {
        return 'any'
      }
      @KafkaHandler()
      paid(@Payload(Paid) _paid: object): string {
        return 'paid'
      }
    }
    expect(deliver(on(new Listener()), Listener, { type: 'paid', amount: 3 })).toBe('paid')
    expect(deliver(on(new Listener()), Listener, { type: 'lost' })).toBe('any')
    expect(() => deliver(on(new Listener()), Listener, 7)).toThrow(NoHandlerError)
  })

  it('is waited for where schemas work asynchronously, in their order', async () => {
    const asked: string[] = []
    const later = (name: string, takes: boolean): PayloadSchema => ({
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => {
          await Promise.resolve()
          asked.push(name)
          return takes ? { value } : { issues: [{ message: 'no' }] }
        },
      },
    })
    @KafkaListener({ topics: 't' })
    class Listener {
      @KafkaHandler()
      one(@Payload(later('one', false)) _value: unknown): string {
        return 'one'
      }
      @KafkaHandler()
      two(@Payload(Paid) _paid: unknown): string {
        return 'two'
      }
      @KafkaHandler()
      three(@Payload(later('three', true)) _value: unknown): string {
        return 'three'
      }
    }
    await expect(deliver(on(new Listener()), Listener, 'x')).resolves.toBe('three')
    expect(asked).toEqual(['one', 'three'])
    await expect(deliver(on(new Listener()), Listener, { type: 'paid', amount: 3 })).resolves.toBe('two')
    @KafkaListener({ topics: 't' })
    class None {
      @KafkaHandler()
      one(@Payload(later('none', false)) _value: unknown): void {}
    }
    await expect(deliver(on(new None()), None, 'x')).rejects.toThrow(/^No @KafkaHandler of None takes the payload/)
  })

  it('is missing where schemas work asynchronously, too: the error has what each of them held against the payload', async () => {
    const refusing = (message: string): PayloadSchema => ({
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => Promise.resolve({ issues: [{ message, path: ['id'] }] }),
      },
    })
    @KafkaListener({ topics: 't' })
    class Listener {
      @KafkaHandler()
      one(@Payload(refusing('is short')) _value: unknown): void {}
      @KafkaHandler()
      two(@Payload(Paid) _paid: unknown): void {}
      @KafkaHandler()
      three(@Payload(refusing('is long')) _value: unknown): void {}
    }
    await expect(deliver(on(new Listener()), Listener, { type: 'paid' })).rejects.toMatchObject({
      refusals: [
        { handler: 'Listener.one()', issues: [{ path: 'id', message: 'is short' }] },
        { handler: 'Listener.two()', issues: [{ path: 'amount' }] },
        { handler: 'Listener.three()', issues: [{ path: 'id', message: 'is long' }] },
      ],
    })
  })

  it('is looked for on an instance of its own for each record', () => {
    const made: Orders[] = []
    const create = () => {
      const orders = new Orders()
      made.push(orders)
      return orders
    }
    deliver({ scope: 'perCall', create }, Orders, { type: 'paid', amount: 3 })
    deliver({ scope: 'perCall', create }, Orders, { type: 'created', id: 'a' })
    expect(made.map(({ calls }) => calls)).toEqual([[['paid', 3, acknowledgment]], [['created', 'a', 7]]])
  })
})

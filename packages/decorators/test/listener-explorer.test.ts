import { ConsumerRecord, ShareConsumer } from '@milena/client'
import { ConsumerStartedEvent, ConsumerStoppedEvent, ShareAcknowledgment } from '@milena/container'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Problems, type ListenerClass } from '../src/errors.js'
import { EventListener } from '../src/event-listener.js'
import { KafkaHandler } from '../src/kafka-handler.js'
import { KafkaListener } from '../src/kafka-listener.js'
import { exploreListenerClass } from '../src/listener-explorer.js'
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
} from '../src/listener-params.js'

class Order {
  constructor(readonly id: string) {}
}
interface Shape {
  readonly id: string
}

const explore = (listenerClass: ListenerClass) => {
  const problems = new Problems()
  const explored = exploreListenerClass(listenerClass, problems)
  problems.throwIfAny()
  return explored
}
/** The plan of each method that the class's first listener may call. */
const plansOf = (listenerClass: ListenerClass, nth = 0) => {
  const target = explore(listenerClass).listeners[nth]?.target
  return target?.kind === 'method' ? [target.method.plan] : target?.handlers.map(({ plan }) => plan)
}
const kindsOf = (listenerClass: ListenerClass) => plansOf(listenerClass)?.[0]?.map((source) => source.kind)

describe('a listener class', () => {
  it('tells what its decorators were given, and nothing was called', () => {
    let made = 0
    class Listener {
      constructor() {
        made++
      }
      @KafkaListener({ topics: 'orders', groupId: 'workers' })
      onOrder(@Record() _record: unknown): void {}
    }
    const [listener] = explore(Listener).listeners
    expect(listener).toMatchObject({
      where: 'Listener.onOrder()',
      target: { kind: 'method', method: { name: 'onOrder', where: 'Listener.onOrder()' } },
      defaultId: 'Listener.onOrder',
      options: { topics: 'orders', groupId: 'workers' },
    })
    expect(made).toBe(0)
  })

  it('has a listener for each @KafkaListener of a method, in the order in which they are written', () => {
    class Listener {
      @KafkaListener({ topics: 'first' })
      @KafkaListener({ topics: 'second' })
      on(): void {}
    }
    const { listeners } = explore(Listener)
    expect(listeners.map(({ options, defaultId }) => [options.topics, defaultId])).toEqual([
      ['first', 'Listener.on'],
      ['second', 'Listener.on-2'],
    ])
  })

  it('has the listeners of several methods in the order in which they are written', () => {
    class Listener {
      @KafkaListener({ topics: 'a' })
      one(): void {}
      @KafkaListener({ topics: 'b' })
      @KafkaListener({ topics: 'c' })
      two(): void {}
      @KafkaListener({ topics: 'd' })
      three(): void {}
    }
    expect(explore(Listener).listeners.map(({ options }) => options.topics)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('inherits the listeners of its base class, also for a method that it overrides', () => {
    class Base {
      @KafkaListener({ topics: 'base' })
      on(@Payload() _order: unknown): void {}
    }
    class Derived extends Base {
      override on(_order: unknown): void {}
    }
    const [listener] = explore(Derived).listeners
    expect(listener).toMatchObject({ where: 'Derived.on()', options: { topics: 'base' } })
    expect(kindsOf(Derived)).toEqual(['payload'])
    expect(explore(Base).listeners).toHaveLength(1)
  })

  it('replaces what its base class said of a method by decorating it again', () => {
    class Base {
      @KafkaListener({ topics: 'base' })
      on(@Payload() _order: unknown): void {}
    }
    class Derived extends Base {
      @KafkaListener({ topics: 'derived' })
      override on(@Record() _record: unknown): void {}
    }
    const { listeners } = explore(Derived)
    expect(listeners.map(({ options }) => options.topics)).toEqual(['derived'])
    expect(kindsOf(Derived)).toEqual(['record'])
  })

  it('tells its event listeners with their classes', () => {
    class Watcher {
      @EventListener(ConsumerStartedEvent, ConsumerStoppedEvent)
      changed(_event: ConsumerStartedEvent | ConsumerStoppedEvent): void {}
    }
    expect(explore(Watcher).eventListeners).toEqual([
      { method: 'changed', where: 'Watcher.changed()', eventClasses: [ConsumerStartedEvent, ConsumerStoppedEvent] },
    ])
  })
})

describe('the event listeners of a class', () => {
  const eventsOf = (listenerClass: ListenerClass) =>
    explore(listenerClass).eventListeners.map(({ method, eventClasses }) => [method, ...eventClasses])
  class Watcher {
    @EventListener(ConsumerStartedEvent)
    first(_event: object): void {}
    @EventListener(ConsumerStoppedEvent)
    second(_event: object): void {}
  }

  it('are in the order in which they are written', () => {
    expect(eventsOf(Watcher)).toEqual([
      ['first', ConsumerStartedEvent],
      ['second', ConsumerStoppedEvent],
    ])
  })

  it('are replaced by a subclass that decorates them again, and kept by one that only overrides them', () => {
    class Derived extends Watcher {
      @EventListener(ConsumerStoppedEvent)
      override first(_event: object): void {}
      override second(_event: object): void {}
    }
    expect(eventsOf(Derived)).toEqual([
      ['first', ConsumerStoppedEvent],
      ['second', ConsumerStoppedEvent],
    ])
  })
})

describe('a class that listens itself', () => {
  const Text = z.string()
  const Count = z.number()
  const namesOf = (listenerClass: ListenerClass) => {
    const target = explore(listenerClass).listeners[0]?.target
    return target?.kind === 'handlers' ? target.handlers.map(({ name, isDefault }) => [name, isDefault]) : target?.kind
  }

  it('is one listener, with its handlers in the order in which they are written', () => {
    @KafkaListener({ topics: 't' })
    class Listener {
      @KafkaHandler({ isDefault: true })
      rest(): void {}
      @KafkaHandler()
      text(@Payload(Text) _text: string): void {}
      @KafkaHandler()
      count(@Payload(Count) _count: number): void {}
    }
    const { listeners } = explore(Listener)
    expect(listeners).toMatchObject([{ where: 'Listener', defaultId: 'Listener', options: { topics: 't' } }])
    expect(namesOf(Listener)).toEqual([
      ['rest', true],
      ['text', false],
      ['count', false],
    ])
  })

  it('may do so several times, beside methods that listen on their own', () => {
    @KafkaListener({ topics: 'one' })
    @KafkaListener({ topics: 'two' })
    class Listener {
      @KafkaHandler()
      text(@Payload(Text) _text: string): void {}
      @KafkaListener({ topics: 'three' })
      own(): void {}
    }
    expect(explore(Listener).listeners.map(({ defaultId, options }) => [defaultId, options.topics])).toEqual([
      ['Listener', 'one'],
      ['Listener-2', 'two'],
      ['Listener.own', 'three'],
    ])
  })

  it('passes that on to its subclasses, with its handlers, which come after theirs', () => {
    @KafkaListener({ topics: 'base' })
    class Base {
      @KafkaHandler()
      text(@Payload(Text) _text: string): void {}
      @KafkaHandler()
      count(@Payload(Count) _count: number): void {}
    }
    class Derived extends Base {
      @KafkaHandler({ isDefault: true })
      override count(@Payload(Count) _count: number): void {}
      override text(_text: string): void {}
    }
    @KafkaListener({ topics: 'own' })
    class Own extends Base {}
    expect(explore(Derived).listeners).toMatchObject([{ where: 'Derived', options: { topics: 'base' } }])
    expect(namesOf(Derived)).toEqual([
      ['count', true],
      ['text', false],
    ])
    expect(explore(Own).listeners).toMatchObject([{ where: 'Own', defaultId: 'Own', options: { topics: 'own' } }])
    expect(namesOf(Base)).toEqual([
      ['text', false],
      ['count', false],
    ])
  })
})

describe('the parameters of a listener', () => {
  it('are what their decorators say, in any order', () => {
    const schema = z.object({ id: z.string() })
    class Listener {
      @KafkaListener({ topics: 't' })
      on(
        @Header('trace') _trace: string | undefined,
        @Payload(schema) _order: Shape,
        @Consumer() _consumer: unknown,
        @Headers() _headers: unknown,
        @Record() _record: unknown,
        @Header('raw', { as: 'bytes' }) _raw: Buffer | null | undefined,
        @Ack() _ack: unknown,
        @Ack({ optional: true }) _optional: unknown,
        @Key() _key: unknown,
        @Topic() _topic: string,
        @Partition() _partition: number,
        @Offset() _offset: number,
        @Timestamp() _timestamp: number,
        @DeliveryCount() _deliveryCount: number,
        @Header('tenant', { required: true }) _tenant: string,
        @Signal() _signal: AbortSignal,
      ): void {}
    }
    expect(plansOf(Listener)?.[0]).toEqual([
      { kind: 'header', name: 'trace', as: 'string', required: false },
      { kind: 'payload', schema },
      { kind: 'consumer' },
      { kind: 'headers' },
      { kind: 'record' },
      { kind: 'header', name: 'raw', as: 'bytes', required: false },
      { kind: 'ack', optional: false },
      { kind: 'ack', optional: true },
      { kind: 'key' },
      { kind: 'topic' },
      { kind: 'partition' },
      { kind: 'offset' },
      { kind: 'timestamp' },
      { kind: 'deliveryCount' },
      { kind: 'header', name: 'tenant', as: 'string', required: true },
      { kind: 'signal' },
    ])
  })

  it('are found by type: ConsumerRecord, ShareAcknowledgment, ShareConsumer, AbortSignal, and one other is the payload', () => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(
        _consumer: ShareConsumer,
        _order: Order,
        _signal: AbortSignal,
        _record: ConsumerRecord,
        _ack: ShareAcknowledgment,
      ): void {}
    }
    expect(kindsOf(Listener)).toEqual(['consumer', 'payload', 'signal', 'record', 'ack'])
  })

  it('are found by type when they may be undefined, where the compiler keeps the class', () => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(_record: ConsumerRecord, _ack?: ShareAcknowledgment): void {}
    }
    expect(kindsOf(Listener)).toEqual(['record', 'ack'])
  })

  it('are found by type also behind one that has a default value', () => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(_order: Order = new Order('none'), _record: ConsumerRecord, _signal?: AbortSignal): void {}
    }
    expect(kindsOf(Listener)).toEqual(['payload', 'record', 'signal'])
  })

  it('may be just one of another type, which is the payload', () => {
    class Text {
      @KafkaListener({ topics: 't' })
      on(_value: string): void {}
    }
    class Bytes {
      @KafkaListener({ topics: 't' })
      on(_value: Buffer): void {}
    }
    class Own {
      @KafkaListener({ topics: 't' })
      on(@Headers() _headers: unknown, _value: Order): void {}
    }
    expect(kindsOf(Text)).toEqual(['payload'])
    expect(kindsOf(Bytes)).toEqual(['payload'])
    expect(kindsOf(Own)).toEqual(['headers', 'payload'])
  })

  it('may be missing altogether', () => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(): void {}
    }
    expect(kindsOf(Listener)).toEqual([])
  })

  it('need no emitted types when all are decorated', () => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(@Record() _record: unknown, @Payload() _order: unknown): void {}
    }
    Reflect.deleteMetadata('design:paramtypes', Listener.prototype, 'on')
    expect(kindsOf(Listener)).toEqual(['record', 'payload'])
  })
})

describe('a mistake in a listener class', () => {
  class Nothing {
    on(): void {}
  }
  class OnlyParameters {
    on(@Payload() _order: unknown): void {}
  }
  class TwoDecorators {
    @KafkaListener({ topics: 't' })
    on(@Record() @Payload() _order: unknown): void {}
  }
  class Interface {
    @KafkaListener({ topics: 't' })
    on(_order: Shape): void {}
  }
  class TwoPayloads {
    @KafkaListener({ topics: 't' })
    on(_one: Order, _two: string): void {}
  }
  class DecoratedAndGuessed {
    @KafkaListener({ topics: 't' })
    on(@Payload() _one: unknown, _two: string): void {}
  }
  class TwoSchemas {
    @KafkaListener({ topics: 't' })
    on(@Payload(z.string()) _one: string, @Payload(z.unknown()) _two: unknown): void {}
  }
  @KafkaListener({ topics: 't' })
  class WithoutHandlers {
    on(): void {}
  }
  class HandlerAlone {
    @KafkaHandler()
    on(@Payload(z.string()) _text: string): void {}
  }
  class DefaultHandlerAlone {
    @KafkaHandler({ isDefault: true })
    on(): void {}
  }
  @KafkaListener({ topics: 't' })
  class HandlerWithoutSchema {
    @KafkaHandler()
    on(@Payload() _text: string): void {}
  }
  @KafkaListener({ topics: 't' })
  class TwoDefaults {
    @KafkaHandler({ isDefault: true })
    one(): void {}
    @KafkaHandler({ isDefault: true })
    two(): void {}
  }
  class WithoutMetadata {
    @KafkaListener({ topics: 't' })
    on(@Payload() _order: unknown, _record: ConsumerRecord): void {}
  }
  Reflect.deleteMetadata('design:paramtypes', WithoutMetadata.prototype, 'on')
  class CircularImport {
    @KafkaListener({ topics: 't' })
    on(_order: Order): void {}
  }
  Reflect.defineMetadata('design:paramtypes', [undefined], CircularImport.prototype, 'on')
  const otherCopy = { ShareAcknowledgment: class ShareAcknowledgment {} }
  class TwoCopies {
    @KafkaListener({ topics: 't' })
    on(_ack: Order): void {}
  }
  Reflect.defineMetadata('design:paramtypes', [otherCopy.ShareAcknowledgment], TwoCopies.prototype, 'on')

  it.each([
    [
      'no decorated method',
      Nothing,
      /^Nothing: Neither it nor one of its methods has @KafkaListener or @EventListener/,
    ],
    [
      'parameters without a listener',
      OnlyParameters,
      /^OnlyParameters\.on\(\): Its parameters are decorated, and it has neither @KafkaListener nor @KafkaHandler/,
    ],
    [
      'two decorators on one parameter',
      TwoDecorators,
      /^TwoDecorators\.on\(\): Its first parameter has @Record and @Payload\. Keep one/,
    ],
    [
      'an interface without decorator',
      Interface,
      /^Interface\.on\(\): Its first parameter .* nothing is left of its type .* Say what it is: @Payload\(\)/,
    ],
    [
      'two undecorated parameters',
      TwoPayloads,
      /^TwoPayloads\.on\(\): Its first and second parameters have no decorator, and only one can be the payload/,
    ],
    [
      'a second payload',
      DecoratedAndGuessed,
      /^DecoratedAndGuessed\.on\(\): Its second parameter has no decorator, and another one is the payload/,
    ],
    [
      'two schemas',
      TwoSchemas,
      /^TwoSchemas\.on\(\): Its first and second parameters each have a schema\. Keep one @Payload\(schema\)/,
    ],
    [
      'a class that listens and has no handlers',
      WithoutHandlers,
      /^WithoutHandlers: It has @KafkaListener, and none of its methods has @KafkaHandler/,
    ],
    [
      'a handler in a class that does not listen',
      HandlerAlone,
      /^HandlerAlone\.on\(\): It has @KafkaHandler, and its class has no @KafkaListener/,
    ],
    [
      'a default handler in a class that does not listen',
      DefaultHandlerAlone,
      /^DefaultHandlerAlone\.on\(\): It has @KafkaHandler, and its class has no @KafkaListener/,
    ],
    [
      'a handler that nothing chooses',
      HandlerWithoutSchema,
      /^HandlerWithoutSchema\.on\(\): It has @KafkaHandler and no schema .* Write @Payload\(schema\)/,
    ],
    [
      'two default handlers',
      TwoDefaults,
      /^TwoDefaults: one\(\) and two\(\) are both @KafkaHandler\(\{ isDefault: true \}\)\. Keep one default/,
    ],
    [
      'no emitted types',
      WithoutMetadata,
      /^WithoutMetadata\.on\(\): Its second parameter .* emitted no parameter types .*esbuild.*emitDecoratorMetadata/,
    ],
    [
      'a class of another copy of a package',
      TwoCopies,
      /^TwoCopies\.on\(\): Its first parameter is a ShareAcknowledgment, and not that of the @milena\/container that runs here/,
    ],
    [
      'a type that was not there yet',
      CircularImport,
      /^CircularImport\.on\(\): Its first parameter .* two modules import each other/,
    ],
  ] as const)('%s is explained by class, method and remedy', (_name, listenerClass, message) => {
    expect(() => explore(listenerClass)).toThrow(message)
  })

  it('is told together with all others', () => {
    const problems = new Problems()
    exploreListenerClass(Interface, problems)
    exploreListenerClass(Nothing, problems)
    expect(() => problems.throwIfAny()).toThrow(/for 2 reasons:\n {2}- Interface\.on\(\).*\n {2}- Nothing:/)
  })
})

describe('a decorator in the wrong place', () => {
  it('is refused on static methods', () => {
    expect(() => {
      class Listener {
        @KafkaListener({ topics: 't' })
        static on(): void {}
      }
      return Listener
    }).toThrow(/@KafkaListener stands on the static member Listener\.on\. Make it an instance method/)
  })

  it('is refused on constructor parameters', () => {
    expect(() => {
      class Listener {
        // @ts-expect-error a constructor is no method, which the compiler sees too
        constructor(@Payload() readonly order: unknown) {}
      }
      return Listener
    }).toThrow(/@Payload \(on Listener\) belongs on an instance method, or on a parameter of one/)
  })

  it('is refused on accessors', () => {
    expect(() => {
      class Listener {
        // @ts-expect-error an accessor is no method, which the compiler sees too
        @KafkaListener({ topics: 't' })
        get on(): string {
          return 'on'
        }
      }
      return Listener
    }).toThrow(/belongs on a method, not on an accessor/)
  })

  it('is explained when it was compiled as a standard decorator', () => {
    const decorate = KafkaListener({ topics: 't' }) as unknown as (method: unknown, context: object) => void
    expect(() => decorate(() => undefined, { kind: 'method', name: 'on' })).toThrow(
      /Set "experimentalDecorators": true/,
    )
  })

  it('is explained when a class was compiled with standard decorators', () => {
    const decorate = KafkaListener({ topics: 't' }) as unknown as (target: unknown, context: object) => void
    expect(() => decorate(class {}, { kind: 'class', name: 'Listener' })).toThrow(/Set "experimentalDecorators": true/)
  })

  it('@KafkaHandler is refused on accessors and static methods', () => {
    expect(() => {
      class Listener {
        @KafkaHandler()
        static on(): void {}
      }
      return Listener
    }).toThrow(/@KafkaHandler stands on the static member Listener\.on/)
    expect(() => {
      class Listener {
        // @ts-expect-error an accessor is no method, which the compiler sees too
        @KafkaHandler()
        get on(): string {
          return 'on'
        }
      }
      return Listener
    }).toThrow(/@KafkaHandler on Listener\.on belongs on a method/)
  })

  it('@EventListener without a class is refused where it stands', () => {
    const missing = undefined as unknown as typeof ConsumerStoppedEvent
    expect(() => {
      class Watcher {
        @EventListener(missing)
        on(): void {}
      }
      return Watcher
    }).toThrow(/@EventListener on Watcher\.on needs the class of the event.*circular import/)
  })

  it('@EventListener of a class that no event has is refused; a base of one is heard', () => {
    expect(() => {
      class Watcher {
        @EventListener(Date)
        on(): void {}
      }
      void Watcher
    }).toThrow(/@EventListener on Watcher\.on names Date, which is the class of no event.*ConsumerStartingEvent/)
    class Everything {
      @EventListener(Object)
      on(): void {}
    }
    expect(explore(Everything).eventListeners).toHaveLength(1)
  })

  it('@EventListener on a method that takes another event does not compile', () => {
    class Watcher {
      // @ts-expect-error the method takes another event than the decorator names
      @EventListener(ConsumerStoppedEvent)
      on(_event: ConsumerStartedEvent): void {}
    }
    expect(explore(Watcher).eventListeners).toHaveLength(1)
  })

  it.each([undefined, null, {}, class OrderDto {}, { '~standard': { version: 1 } }])(
    '@Payload with %s for a schema is refused where it stands, instead of letting every payload pass',
    (schema) => {
      expect(() => {
        class Listener {
          on(@Payload(schema as never) _order: unknown): void {}
        }
        return Listener
      }).toThrow(/@Payload on Listener\.on was given something that is no schema.*zod 4.*circular import/)
    },
  )

  it('@Header without a name is refused', () => {
    expect(() => Header('')).toThrow(/@Header needs the name of the header/)
  })
})

describe('a parameter that is an array', () => {
  it('is refused: records are delivered one by one; a payload may be one where it is said', () => {
    class Batch {
      @KafkaListener({ topics: 'orders' })
      byType(records: ConsumerRecord[]): void {
        void records
      }
      @KafkaListener({ topics: 'orders' })
      decorated(@Record() records: unknown): void {
        void records
      }
    }
    // As the compiler would tell of `records: ConsumerRecord[]`, where somebody has it run without checks.
    Reflect.defineMetadata('design:paramtypes', [Array], Batch.prototype, 'decorated')
    expect(() => explore(Batch)).toThrow(
      /Batch\.byType\(\): Its first parameter is an array: records are delivered one by one/,
    )
    expect(() => explore(Batch)).toThrow(/Batch\.decorated\(\): Its first parameter has @Record and is an array/)
    class Right {
      @KafkaListener({ topics: 'orders' })
      on(@Payload() orders: Order[]): void {
        void orders
      }
    }
    expect(kindsOf(Right)).toEqual(['payload'])
  })
})

describe('a parameter whose type the compiler erased', () => {
  // What is left of it: Object under every compiler, Function under tsc of a class that came by `import type`.
  const erased = [
    ['Object', Object],
    ['Function', Function],
  ] as const

  it.each(erased)('and left %s is not taken for the payload', (_name, type) => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(record: ConsumerRecord): void {
        void record
      }
    }
    expect(kindsOf(Listener)).toEqual(['record'])
    Reflect.defineMetadata('design:paramtypes', [type], Listener.prototype, 'on')
    expect(() => explore(Listener)).toThrow(
      /^Listener\.on\(\): Its first parameter has no decorator, and nothing is left of its type .* Import a class without "type", or give the parameter a decorator/,
    )
  })

  it.each(erased)('and left %s is refused beside a payload, too, and in a @KafkaHandler', (_name, type) => {
    @KafkaListener({ topics: 't' })
    class Listener {
      @KafkaHandler()
      on(@Payload(z.string()) text: string, acknowledgment: ShareAcknowledgment): void {
        void text
        void acknowledgment
      }
    }
    expect(kindsOf(Listener)).toEqual(['payload', 'ack'])
    Reflect.defineMetadata('design:paramtypes', [String, type], Listener.prototype, 'on')
    expect(() => explore(Listener)).toThrow(/^Listener\.on\(\): Its second parameter .* nothing is left of its type/)
  })

  it.each(erased)('and left %s is what its decorator says', (_name, type) => {
    class Listener {
      @KafkaListener({ topics: 't' })
      on(
        @Record() _record: ConsumerRecord,
        @Ack() _ack: ShareAcknowledgment,
        @Consumer() _consumer: ShareConsumer,
        @Signal() _signal: AbortSignal,
        @Payload() _order: Order,
      ): void {}
    }
    Reflect.defineMetadata('design:paramtypes', [type, type, type, type, type], Listener.prototype, 'on')
    expect(kindsOf(Listener)).toEqual(['record', 'ack', 'consumer', 'signal', 'payload'])
  })
})

describe('a parameter whose decorator gives another class than its type', () => {
  it('is told', () => {
    class Wrong {
      @KafkaListener({ topics: 'orders' })
      on(@Record() order: unknown, @Ack() acknowledgment: ShareAcknowledgment): void {
        void order
        void acknowledgment
      }
    }
    Reflect.defineMetadata('design:paramtypes', [Order, ShareAcknowledgment], Wrong.prototype, 'on')
    expect(() => explore(Wrong)).toThrow(
      /^Wrong\.on\(\): Its first parameter has @Record, which gives a ConsumerRecord, and is of type Order/,
    )
  })

  it('is given what extends its type', () => {
    class Listener {
      @KafkaListener({ topics: 'orders' })
      on(@Signal() signal: EventTarget): void {
        void signal
      }
    }
    expect(kindsOf(Listener)).toEqual(['signal'])
  })
})

import type { ConsumerRecord } from '@milena/client'
import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import type {
  AcknowledgingShareConsumerAwareMessageListenerObject,
  MessageListenerObject,
  ShareAcknowledgment,
} from '../src/index.js'
import { checkListener, type ListenerCheck } from '../src/listener-check.js'
import { resolveListener } from '../src/message-listener.js'

test('a function tells by its parameters what it takes, where nothing is said of it', () => {
  const kindOf = (listener: (...args: never[]) => unknown): string =>
    resolveListener(listener as never, {}, 'orders').kind
  expect(kindOf(() => undefined)).toBe('plain')
  expect(kindOf((_record) => undefined)).toBe('plain')
  expect(kindOf((..._all) => undefined)).toBe('plain')
  expect(kindOf((_record, _acknowledgment) => undefined)).toBe('acknowledging')
  expect(kindOf((_record, _acknowledgment, _consumer) => undefined)).toBe('acknowledging')
})

test('what is said of a function counts', () => {
  const listener = (_record: unknown, _acknowledgment: unknown): void => undefined
  expect(resolveListener(listener, { kind: 'plain' }, 'orders')).toMatchObject({ kind: 'plain', call: listener })
  expect(resolveListener(listener, { kind: 'consumerAware' }, 'orders').kind).toBe('consumerAware')
  expect(resolveListener(listener, { acknowledging: false }, 'orders').kind).toBe('plain')
  expect(resolveListener(() => undefined, { acknowledging: true }, 'orders').kind).toBe('acknowledging')
})

test('an object tells by its method, whatever is said', () => {
  expect(resolveListener({ onMessage: () => undefined }, { kind: 'acknowledging' }, 'orders').kind).toBe('plain')
  expect(resolveListener({ onShareRecord: () => undefined }, { kind: 'plain' }, 'orders').kind).toBe('acknowledging')
})

test('a listener takes its signal when it declares a fourth parameter, or when it is said to', () => {
  const takes = (listener: never, options = {}): boolean => resolveListener(listener, options, 'orders').takesSignal
  const four = (_record: unknown, _acknowledgment: unknown, _consumer: unknown, _signal: unknown): void => undefined
  expect(takes(four as never)).toBe(true)
  expect(takes({ onShareRecord: four } as never)).toBe(true)
  expect(takes(four as never, { takesSignal: false })).toBe(false)
  expect(takes(((_record: unknown, _acknowledgment: unknown) => undefined) as never)).toBe(false)
  expect(takes((() => undefined) as never, { kind: 'acknowledging', takesSignal: true })).toBe(true)
})

test('a listener has a name for log lines', () => {
  class Orders {
    onMessage(): void {}
  }
  const nameOf = (listener: never, options = {}): string => resolveListener(listener, options, 'orders').name
  expect(nameOf(new Orders() as never)).toBe('Orders.onMessage()')
  expect(nameOf(function handle() {} as never)).toBe('handle()')
  expect(nameOf((() => undefined) as never)).toBe('an unnamed function')
  expect(nameOf(new Orders() as never, { name: 'Orders.onOrder()' })).toBe('Orders.onOrder()')
  expect(nameOf(Object.assign(Object.create(null), { onMessage: () => undefined }) as never)).toBe('Object.onMessage()')
})

test('anything else is refused, naming the container and the forms', () => {
  for (const listener of [undefined, null, 'onMessage', {}, { onMessage: 1 }]) {
    expect(() => resolveListener(listener as never, {}, 'orders')).toThrow(KafkaUsageError)
    expect(() => resolveListener(listener as never, {}, 'orders')).toThrow(
      /container 'orders'.*onMessage.*onShareRecord/,
    )
  }
})

describe('the check of a listener against its ack mode', () => {
  const check = (over: Partial<ListenerCheck> & { readonly optional?: boolean }): readonly string[] =>
    checkListener({
      containerId: 'orders',
      mode: 'EXPLICIT',
      listener: { kind: 'plain', name: 'Orders.onOrder()', acknowledgmentOptional: over.optional ?? false },
      hasRecoverer: false,
      hasErrorHandler: false,
      ...over,
    })
  const listener = (kind: 'plain' | 'consumerAware' | 'acknowledging', acknowledgmentOptional = false) => ({
    listener: { kind, name: 'Orders.onOrder()', acknowledgmentOptional },
  })

  test.each(['plain', 'consumerAware'] as const)('MANUAL refuses a %s one, naming it and the remedies', (kind) => {
    expect(() => check({ mode: 'MANUAL', ...listener(kind) })).toThrow(KafkaUsageError)
    expect(() => check({ mode: 'MANUAL', ...listener(kind) })).toThrow(
      /^Container 'orders': shareAckMode MANUAL.*Orders\.onOrder\(\).*acknowledgment parameter.*kind: 'acknowledging'.*EXPLICIT/,
    )
  })

  test('MANUAL takes an acknowledging one without a word', () => {
    expect(check({ mode: 'MANUAL', ...listener('acknowledging'), hasRecoverer: true })).toEqual([])
  })

  test.each(['EXPLICIT', 'IMPLICIT'] as const)('%s warns of an acknowledgment, unless it is optional', (mode) => {
    expect(check({ mode, ...listener('acknowledging') })).toEqual([
      expect.stringMatching(new RegExp(`Orders\\.onOrder\\(\\).*undefined in shareAckMode ${mode}.*MANUAL`)),
    ])
    expect(check({ mode, ...listener('acknowledging', true) })).toEqual([])
    expect(check({ mode, ...listener('plain') })).toEqual([])
  })

  test('IMPLICIT warns that recoverer and error handler are not asked', () => {
    expect(check({ mode: 'IMPLICIT', hasRecoverer: true })).toEqual([
      expect.stringMatching(/^Container 'orders': shareConsumerRecordRecoverer will not be asked.*EXPLICIT/),
    ])
    expect(check({ mode: 'IMPLICIT', hasRecoverer: true, hasErrorHandler: true })[0]).toContain(
      'errorHandler and shareConsumerRecordRecoverer',
    )
    expect(check({ mode: 'EXPLICIT', hasRecoverer: true, hasErrorHandler: true })).toEqual([])
  })
})

test('classes implement the object forms by their names', () => {
  class Plain implements MessageListenerObject<string, number> {
    onMessage(record: ConsumerRecord<string, number>): number {
      return record.value
    }
  }
  class Acknowledging implements AcknowledgingShareConsumerAwareMessageListenerObject<string, number> {
    onShareRecord(_record: ConsumerRecord<string, number>, acknowledgment: ShareAcknowledgment | undefined): void {
      acknowledgment?.acknowledge()
    }
  }
  expect(resolveListener(new Plain(), {}, 'orders')).toMatchObject({ kind: 'plain' })
  expect(resolveListener(new Acknowledging(), {}, 'orders')).toMatchObject({ kind: 'acknowledging' })
})

test('an object with onShareRecord may take the consumer and no acknowledgment', () => {
  const listener = { onShareRecord: () => undefined }
  expect(resolveListener(listener, { kind: 'consumerAware' }, 'orders').kind).toBe('consumerAware')
  expect(resolveListener(listener, {}, 'orders').kind).toBe('acknowledging')
})

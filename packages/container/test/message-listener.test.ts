import { KafkaUsageError } from '@milena/protocol'
import { expect, test } from 'vitest'
import { resolveListener } from '../src/message-listener.js'

test('a function is plain unless it is said to be acknowledging', () => {
  const listener = (): void => undefined
  expect(resolveListener(listener, undefined, 'orders')).toEqual({ kind: 'plain', call: listener })
  expect(resolveListener(listener, 'acknowledging', 'orders').kind).toBe('acknowledging')
})

test('an object tells by its method, whatever is said', () => {
  expect(resolveListener({ onMessage: () => undefined }, 'acknowledging', 'orders').kind).toBe('plain')
  expect(resolveListener({ onShareRecord: () => undefined }, 'plain', 'orders').kind).toBe('acknowledging')
})

test('anything else is refused, naming the container and the forms', () => {
  for (const listener of [undefined, null, 'onMessage', {}, { onMessage: 1 }]) {
    expect(() => resolveListener(listener as never, undefined, 'orders')).toThrow(KafkaUsageError)
    expect(() => resolveListener(listener as never, undefined, 'orders')).toThrow(
      /container 'orders'.*onMessage.*onShareRecord/,
    )
  }
})

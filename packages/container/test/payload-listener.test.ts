import { KafkaUsageError } from '@milena/protocol'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { z } from 'zod'
import { PayloadValidationError, withPayload, type ShareAcknowledgment } from '../src/index.js'
import { resolveListener } from '../src/message-listener.js'
import { ContainerHarness } from './container-harness.js'

const Order = z.object({ id: z.number(), note: z.string().default('none') })

describe('a listener of checked payloads', () => {
  test('gets the payload as the schema makes it, typed, and the record', async () => {
    const seen: unknown[] = []
    const harness = new ContainerHarness({
      listener: withPayload(Order, (order, record) => {
        expectTypeOf(order).toEqualTypeOf<{ id: number; note: string }>()
        seen.push([order, record.offset])
      }),
    })
    await harness.container.start()
    harness.engine().feed({ offset: 7, value: Buffer.from('{"id":1}') })
    await harness.settle()
    expect(seen).toEqual([[{ id: 1, note: 'none' }, 7]])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@7'])
  })

  test('is not called with what the schema refuses: the recoverer decides, with a PayloadValidationError', async () => {
    const listener = vi.fn()
    const recoverer = vi.fn(() => 'RELEASE' as const)
    const harness = new ContainerHarness({
      properties: { shareConsumerRecordRecoverer: recoverer },
      listener: withPayload(Order, (order) => void listener(order)),
    })
    await harness.container.start()
    harness.engine().feed({ offset: 0, value: { id: 'no number' } })
    await harness.settle()
    expect(listener).not.toHaveBeenCalled()
    expect(recoverer.mock.calls[0]?.at(1)).toSatisfy(PayloadValidationError.is)
    expect(harness.engine().answers).toEqual(['RELEASE orders-0@0'])
  })

  test('waits for a schema that works asynchronously', async () => {
    const Slow = Order.refine(async ({ id }) => Promise.resolve(id > 0), 'too small')
    const seen: number[] = []
    const harness = new ContainerHarness({ listener: withPayload(Slow, ({ id }) => void seen.push(id)) })
    await harness.container.start()
    harness.engine().feed({ offset: 0, value: { id: 1 } }, { offset: 1, value: { id: 0 } })
    await harness.settle()
    expect(seen).toEqual([1])
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'REJECT orders-0@1'])
  })

  test('takes the acknowledgment and the consumer where it declares them, so that it fits MANUAL mode', async () => {
    const calls: unknown[] = []
    const harness = new ContainerHarness({
      properties: { shareAckMode: 'MANUAL' },
      listener: withPayload(Order, (order, _record, acknowledgment, consumer) => {
        expectTypeOf(acknowledgment).toEqualTypeOf<ShareAcknowledgment | undefined>()
        acknowledgment?.reject()
        calls.push([order.id, consumer])
      }),
      acknowledging: true,
    })
    await harness.container.start()
    harness.engine().feed({ offset: 0, value: { id: 1 } })
    await harness.settle()
    expect(calls).toEqual([[1, harness.factory.at(0)]])
    expect(harness.engine().answers).toEqual(['REJECT orders-0@0'])
  })

  test('is of the kind that its parameters say', () => {
    const facts = (listener: Parameters<typeof withPayload>[1]): unknown[] => {
      const { kind, takesSignal } = resolveListener(withPayload(Order, listener), {}, 'orders')
      return [kind, takesSignal]
    }
    expect(facts((_payload, _record) => undefined)).toEqual(['plain', false])
    expect(facts((_payload, _record, _acknowledgment) => undefined)).toEqual(['acknowledging', false])
    expect(facts((_payload, _record, _acknowledgment, _consumer) => undefined)).toEqual(['acknowledging', false])
    expect(facts((_payload, _record, _acknowledgment, _consumer, _signal) => undefined)).toEqual([
      'acknowledging',
      true,
    ])
  })

  test('without a schema, or without a listener, is refused', () => {
    expect(() => withPayload({ '~standard': 1 } as unknown as typeof Order, () => undefined)).toThrow(KafkaUsageError)
    expect(() => withPayload(undefined as never, () => undefined)).toThrow(/takes a schema first/)
    expect(() => withPayload(Order, 'x' as unknown as () => void)).toThrow(/takes a listener second/)
  })
})

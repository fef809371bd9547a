import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import { PayloadValidationError, type ShareAcknowledgment } from '@milena/container'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { ArgumentPlan } from '../src/argument-plan.js'
import { compileCall, MissingHeaderError } from '../src/planned-call.js'

const recordOf = (fields: object) =>
  ({ topic: 'orders', partition: 0, offset: 7, headers: [], ...fields }) as unknown as ConsumerRecord<unknown, unknown>
const acknowledgment = { isAcknowledged: false } as unknown as ShareAcknowledgment
const consumer = { memberId: 'm' } as unknown as ShareConsumer<unknown, unknown>
const { signal } = new AbortController()

class Subject {
  readonly got: unknown[][] = []
  on(...args: unknown[]): string {
    this.got.push(args)
    return 'returned'
  }
}

function call(
  plan: ArgumentPlan,
  record: ConsumerRecord<unknown, unknown>,
): { readonly subject: Subject; readonly outcome: unknown } {
  const subject = new Subject()
  const outcome = compileCall(plan, subject.on, subject)(record, acknowledgment, consumer, signal)
  return { subject, outcome }
}

const schemaLess = { kind: 'payload', schema: undefined } as const
const OrderSchema = z.object({ id: z.string(), amount: z.coerce.number() })

describe('a planned call', () => {
  const sources: ArgumentPlan = [
    { kind: 'record' },
    schemaLess,
    { kind: 'ack', optional: false },
    { kind: 'consumer' },
    { kind: 'signal' },
    { kind: 'key' },
    { kind: 'topic' },
    { kind: 'partition' },
    { kind: 'offset' },
    { kind: 'timestamp' },
    { kind: 'deliveryCount' },
    { kind: 'headers' },
  ]
  const record = recordOf({ key: 'k', value: 'v', partition: 3, timestamp: 5, deliveryCount: 2 })
  const given = [record, 'v', acknowledgment, consumer, signal, 'k', 'orders', 3, 7, 5, 2, record.headers]

  it.each([0, 1, 2, 3, 4, 5, 6, 12])(
    'hands over %i arguments in their order, on the instance, and passes on what is returned',
    (count) => {
      const { subject, outcome } = call(sources.slice(0, count), record)
      expect(subject.got).toEqual([given.slice(0, count)])
      expect(outcome).toBe('returned')
    },
  )

  it('hands over whatever parameters a method has, however many, in their order', () => {
    const parameters = fc.array(fc.nat(sources.length - 1), { maxLength: 15 })
    fc.assert(
      fc.property(parameters, (picked) => {
        const plan = picked.flatMap((index) => sources[index] ?? [])
        expect(call(plan, record).subject.got).toEqual([picked.map((index) => given[index])])
      }),
    )
  })

  it('throws what the method throws', () => {
    const failing = () => {
      throw new Error('no')
    }
    const planned = compileCall([{ kind: 'record' }], failing, {})
    expect(() => planned(recordOf({}), undefined, undefined, undefined)).toThrow('no')
  })
})

describe('a header argument', () => {
  const record = recordOf({
    headers: [
      { key: 'trace', value: Buffer.from('first') },
      { key: 'trace', value: Buffer.from('last') },
      { key: 'empty', value: null },
      { key: 'blank', value: Buffer.alloc(0) },
    ],
  })
  const header = (name: string, as: 'string' | 'bytes' = 'string') =>
    call([{ kind: 'header', name, as, required: false }], record).subject.got[0]?.[0]

  it('is the text of the last header of that name', () => {
    expect(header('trace')).toBe('last')
  })

  it('is the bytes themselves when asked for', () => {
    expect(header('trace', 'bytes')).toEqual(Buffer.from('last'))
  })

  it('is undefined without the header, and without a value, which bytes tell apart', () => {
    expect(header('absent')).toBeUndefined()
    expect(header('empty')).toBeUndefined()
    expect(header('absent', 'bytes')).toBeUndefined()
    expect(header('empty', 'bytes')).toBeNull()
  })

  it('is an empty text where its value is empty, which is a value', () => {
    expect(header('blank')).toBe('')
    expect(header('blank', 'bytes')).toEqual(Buffer.alloc(0))
    const plan: ArgumentPlan = [{ kind: 'header', name: 'blank', as: 'string', required: true }]
    expect(call(plan, record).subject.got).toEqual([['']])
  })

  it.each(['absent', 'empty'])('that is required and %s is an error, and the method is not called', (name) => {
    const subject = new Subject()
    const planned = compileCall([{ kind: 'header', name, as: 'string', required: true }], subject.on, subject)
    expect(() => planned(record, undefined, undefined, undefined)).toThrow(MissingHeaderError)
    expect(() => planned(record, undefined, undefined, undefined)).toThrow(
      `The record at offset 7 of orders-0 has no header '${name}'`,
    )
    expect(subject.got).toEqual([])
  })

  it('that is required and there is its value', () => {
    const plan: ArgumentPlan = [{ kind: 'header', name: 'trace', as: 'string', required: true }]
    expect(call(plan, record).subject.got).toEqual([['last']])
  })
})

describe('a payload argument', () => {
  it('is the value as it is without a schema', () => {
    const value = Buffer.from('bytes')
    expect(call([schemaLess], recordOf({ value })).subject.got[0]?.[0]).toBe(value)
  })

  it('is what the schema makes of the JSON in the bytes', () => {
    const value = Buffer.from('{"id":"a","amount":"12","more":1}')
    const { subject, outcome } = call([{ kind: 'payload', schema: OrderSchema }], recordOf({ value }))
    expect(subject.got).toEqual([[{ id: 'a', amount: 12 }]])
    expect(outcome).toBe('returned')
  })

  it('that the schema refuses is an error, and the method is not called', () => {
    const subject = new Subject()
    const planned = compileCall([{ kind: 'payload', schema: OrderSchema }], subject.on, subject)
    const bad = recordOf({ value: Buffer.from('{"id":1}') })
    expect(() => planned(bad, undefined, undefined, undefined)).toThrow(PayloadValidationError)
    expect(subject.got).toEqual([])
  })

  it('is waited for when the schema works asynchronously, among other arguments', async () => {
    const schema = OrderSchema.refine(async (order) => order.amount > 0, 'must be positive')
    const plan: ArgumentPlan = [{ kind: 'record' }, { kind: 'payload', schema }]
    const good = recordOf({ value: { id: 'a', amount: 1 } })
    const { subject, outcome } = call(plan, good)
    expect(subject.got).toEqual([])
    expect(await outcome).toBe('returned')
    expect(subject.got).toEqual([[good, { id: 'a', amount: 1 }]])
    const bad = call(plan, recordOf({ value: { id: 'a', amount: 0 } }))
    await expect(bad.outcome).rejects.toThrow(/amount|must be positive/)
    expect(bad.subject.got).toEqual([])
  })

  it('may stand beside the value as the deserialiser left it, and is validated once', () => {
    let validated = 0
    const schema = OrderSchema.transform((order) => {
      validated++
      return order.id
    })
    const value = Buffer.from('{"id":"a","amount":1}')
    const plan: ArgumentPlan = [schemaLess, { kind: 'payload', schema }, { kind: 'offset' }]
    expect(call(plan, recordOf({ value })).subject.got).toEqual([[value, 'a', 7]])
    expect(validated).toBe(1)
  })
})

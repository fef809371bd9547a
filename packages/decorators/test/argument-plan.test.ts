import type { ConsumerRecord, ShareConsumer } from '@milena/client'
import { PayloadValidationError } from '@milena/container'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { compileCall, takesConsumer, type ArgumentPlan } from '../src/argument-plan.js'

const recordOf = (fields: object) =>
  ({ topic: 'orders', partition: 0, offset: 7, headers: [], ...fields }) as unknown as ConsumerRecord<unknown, unknown>
const consumer = { memberId: 'm' } as unknown as ShareConsumer<unknown, unknown>

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
  const outcome = compileCall(plan, subject.on, subject)(record, consumer)
  return { subject, outcome }
}

const schemaLess = { kind: 'payload', schema: undefined } as const
const OrderSchema = z.object({ id: z.string(), amount: z.coerce.number() })

describe('a planned call', () => {
  const sources = [{ kind: 'record' }, schemaLess, { kind: 'headers' }, { kind: 'consumer' }] as const

  it.each([0, 1, 2, 3, 4])(
    'hands over %i arguments in their order, on the instance, and passes on what is returned',
    (count) => {
      const record = recordOf({ value: 'v' })
      const { subject, outcome } = call(sources.slice(0, count), record)
      expect(subject.got).toEqual([[record, 'v', record.headers, consumer].slice(0, count)])
      expect(outcome).toBe('returned')
    },
  )

  it('says whether it takes the consumer', () => {
    expect(takesConsumer([{ kind: 'record' }])).toBe(false)
    expect(takesConsumer([{ kind: 'record' }, { kind: 'consumer' }])).toBe(true)
  })

  it('throws what the method throws', () => {
    const failing = () => {
      throw new Error('no')
    }
    expect(() => compileCall([{ kind: 'record' }], failing, {})(recordOf({}), undefined)).toThrow('no')
  })
})

describe('a header argument', () => {
  const record = recordOf({
    headers: [
      { key: 'trace', value: Buffer.from('first') },
      { key: 'trace', value: Buffer.from('last') },
      { key: 'empty', value: null },
    ],
  })
  const header = (name: string, as: 'string' | 'bytes' = 'string') =>
    call([{ kind: 'header', name, as }], record).subject.got[0]?.[0]

  it('is the text of the last header of that name', () => {
    expect(header('trace')).toBe('last')
  })

  it('is the bytes themselves when asked for', () => {
    expect(header('trace', 'bytes')).toEqual(Buffer.from('last'))
  })

  it('is undefined without the header and null without a value', () => {
    expect(header('absent')).toBeUndefined()
    expect(header('empty')).toBeNull()
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
    expect(() => planned(recordOf({ value: Buffer.from('{"id":1}') }), undefined)).toThrow(PayloadValidationError)
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

  it('refused while another argument has failed already leaves no rejection that nobody handles', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const later = OrderSchema.refine(async () => false, 'refused later')
      const plan: ArgumentPlan = [
        { kind: 'payload', schema: later },
        { kind: 'payload', schema: z.string() },
      ]
      const planned = compileCall(plan, () => undefined, {})
      expect(() => planned(recordOf({ value: { id: 'a', amount: 1 } }), undefined)).toThrow(PayloadValidationError)
      await new Promise((resolve) => setImmediate(resolve))
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      process.off('unhandledRejection', note)
    }
    expect(unhandled).toEqual([])
  })
})

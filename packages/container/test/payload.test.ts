import { inspect } from 'node:util'
import type { ConsumerRecord } from '@milena/client'
import { KafkaError } from '@milena/protocol'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { PayloadValidationError, readPayload, type PayloadSchema } from '../src/index.js'
import { ContainerHarness } from './container-harness.js'

const Order = z.object({ id: z.number(), items: z.array(z.object({ price: z.number() })).default([]) })

function recordOf(value: unknown): ConsumerRecord<unknown, unknown> {
  return { topic: 'orders', partition: 2, offset: 42, value } as ConsumerRecord<unknown, unknown>
}

function refusalOf(value: unknown): PayloadValidationError {
  try {
    void readPayload(recordOf(value), Order)
  } catch (error) {
    if (PayloadValidationError.is(error)) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe('readPayload', () => {
  test('reads bytes as UTF-8 JSON, then gives what the schema makes of it', () => {
    expect(readPayload(recordOf(Buffer.from('{"id":7,"name":"Ž"}')), Order)).toEqual({ id: 7, items: [] })
  })

  test('gives a value that is no bytes to the schema as it is, a tombstone too', () => {
    expect(readPayload(recordOf({ id: 1 }), Order)).toEqual({ id: 1, items: [] })
    expect(readPayload(recordOf(null), z.null())).toBeNull()
    expect(readPayload(recordOf('text'), z.string())).toBe('text')
  })

  test('says of text that is JSON, and not read as that, what reads it', () => {
    expect(refusalOf(' {"id":1}').message).toMatch(/the value is a text, which is not read as JSON: use json\(\)/)
    expect(refusalOf('plain').message).not.toMatch(/JSON/)
  })

  test('refuses what the schema refuses, with place and issues', () => {
    const error = refusalOf(Buffer.from('{"items":[{"price":"much"}]}'))
    expect(error).toMatchObject({
      topic: 'orders',
      partition: 2,
      offset: 42,
      code: 'INVALID_PAYLOAD',
      retriable: false,
    })
    expect(error.issues.map(({ path }) => path)).toEqual(['id', 'items.0.price'])
    expect(error.message).toMatch(/^The payload of orders-2@42 is refused: id: .*; items\.0\.price: /)
    expect(KafkaError.is(error)).toBe(true)
  })

  test('refuses bytes that are no UTF-8, and text that is no JSON, without quoting it', () => {
    expect(refusalOf(Buffer.from([0x7b, 0xff])).message).toBe(
      'The payload of orders-2@42 is refused: its bytes are not UTF-8',
    )
    const error = refusalOf(Buffer.from('secret token'))
    expect(error.message).toBe('The payload of orders-2@42 is refused: its text is not JSON')
    expect(inspect(error, { depth: null })).not.toContain('secret')
    expect(refusalOf(Buffer.alloc(0)).message).toContain('its text is not JSON')
  })

  test('returns a promise only for a schema that works asynchronously', async () => {
    const later: PayloadSchema<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          Promise.resolve(
            typeof value === 'number' ? { value } : { issues: [{ message: 'no number', path: [{ key: 'a' }, 'b'] }] },
          ),
      },
    }
    await expect(readPayload(recordOf(5), later)).resolves.toBe(5)
    await expect(readPayload(recordOf('x'), later)).rejects.toThrow('a.b: no number')
  })

  test("waits also for a schema whose promise is of another kind than the language's own", async () => {
    const refusing: PayloadSchema<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () =>
          ({
            then: (resolve: (result: object) => void) => resolve({ issues: [{ message: 'no' }] }),
          }) as unknown as Promise<{ value: number }>,
      },
    }
    await expect(readPayload(recordOf(5), refusing)).rejects.toThrow('is refused: no')
  })

  test('in a listener: a refused payload goes to the recoverer', async () => {
    const errors: unknown[] = []
    const harness = new ContainerHarness({
      properties: {
        shareConsumerRecordRecoverer: (_record, error) => {
          errors.push(error)
          return 'REJECT'
        },
      },
      listener: (record) => readPayload(record, Order),
    })
    await harness.container.start()
    harness.engine().feed({ offset: 0, value: Buffer.from('{"id":1}') }, { offset: 1, value: Buffer.from('{}') })
    await harness.settle()
    expect(harness.engine().answers).toEqual(['ACCEPT orders-0@0', 'REJECT orders-0@1'])
    expect(errors.every((error) => PayloadValidationError.is(error))).toBe(true)
  })
})

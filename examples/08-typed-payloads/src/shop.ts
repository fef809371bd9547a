import type { PayloadOf } from '@milena/decorators'
import { z } from 'zod'

/** What happens in the shop. Each kind of event has a schema, and its type follows from that: it is written once. */
export const OrderPlaced = z.object({
  type: z.literal('placed'),
  order: z.string(),
  cents: z.number().int().positive(),
  at: z.iso.datetime().transform((text) => new Date(text)), // a text in the record, a Date for the listener
})
export type OrderPlaced = PayloadOf<typeof OrderPlaced>

export const OrderCancelled = z.object({
  type: z.literal('cancelled'),
  order: z.string(),
  reason: z.string().default('none given'),
})
export type OrderCancelled = PayloadOf<typeof OrderCancelled>

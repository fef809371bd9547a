import { z } from 'zod'

export const PaymentSchema = z.object({
  id: z.string(),
  cents: z.number().int().positive(),
})
export type Payment = z.infer<typeof PaymentSchema>

/** Takes the money. A class of its own, so that a test can bind another in its place. */
export abstract class PaymentGateway {
  /** Throws GatewayBusyError when asking again later is worth it. A payment that was charged before is not charged again. */
  abstract charge(payment: Payment): Promise<void>
}

export class GatewayBusyError extends Error {}

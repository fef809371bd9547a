import { setTimeout as sleep } from 'node:timers/promises'
import { injectable } from 'inversify'
import { z } from 'zod'

export const OrderSchema = z.object({ id: z.string(), kind: z.string() })
export type Order = z.infer<typeof OrderSchema>

/** What an order is found to be. */
export type Finding = 'valid' | 'retriable' | 'permanent' | 'needs a look'

/** Looks at orders. It knows nothing of Kafka. */
@injectable()
export class Validation {
  async examine({ id, kind }: Order, attempt: number): Promise<Finding> {
    switch (kind) {
      case 'good':
        return 'valid'
      case 'out of stock': // the next delivery finds the shelf filled
        return attempt === 1 ? 'retriable' : 'valid'
      case 'unknown article':
        return 'permanent'
      case 'large':
        return 'needs a look'
      default:
        throw new Error(`Nobody knows what to do with ${id}, of kind '${kind}'.`)
    }
  }

  /** Somebody looks at it, in their own time. */
  async haveALook(_order: Order): Promise<void> {
    await sleep(300)
  }
}

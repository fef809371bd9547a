import { injectable } from 'inversify'
import type { Order } from './orders.js'

/** Trouble that passes. */
export class WarehouseBusyError extends Error {
  override readonly name = 'WarehouseBusyError'
}

/** Trouble that stays. */
class UnknownArticleError extends Error {
  override readonly name = 'UnknownArticleError'
}

/** What the listener works with. It knows nothing of Kafka. */
@injectable()
export class Warehouse {
  shipped = 0

  ship(order: Order, { customer, attempt }: { readonly customer: string | undefined; readonly attempt: number }): void {
    if (order.article === 'unknown')
      throw new UnknownArticleError(`There is no article for ${order.id} of ${customer ?? 'nobody'}.`)
    if (order.article === 'heavy' && attempt === 1)
      throw new WarehouseBusyError(`The lift is taken; ${order.id} has to wait.`)
    this.shipped++
  }
}

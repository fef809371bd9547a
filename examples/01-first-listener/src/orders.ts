import { z } from 'zod'

export const OrderSchema = z.object({
  id: z.string(),
  article: z.string(),
  amount: z.number().int().positive(),
})
export type Order = z.infer<typeof OrderSchema>

/** How many orders there are, and how many of them meet trouble. */
export const ORDERS = 10_000
/** Of an article that nobody sells: they fail however often they are tried. */
export const UNKNOWN_ARTICLES = 100
/** They find the warehouse busy when they come first. */
export const BUSY_AT_FIRST = 50

/** The orders, with the troublesome ones spread among them. */
export function* allOrders(): Generator<Order> {
  for (let number = 0; number < ORDERS; number++) {
    yield { id: `order-${number}`, article: articleOf(number), amount: 1 + (number % 5) }
  }
}

function articleOf(number: number): string {
  if (number % (ORDERS / UNKNOWN_ARTICLES) === 7) return 'unknown'
  if (number % (ORDERS / BUSY_AT_FIRST) === 42) return 'heavy'
  return 'light'
}

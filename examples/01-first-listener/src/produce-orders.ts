import type { Producer } from '@milena/client'
import { allOrders, ORDERS } from './orders.js'

const CUSTOMERS = ['Milena', 'Franz', 'Max', 'Ottla']

/** Sends all orders; resolves when the broker has every one of them. */
export async function produceOrders(producer: Producer, topic: string): Promise<void> {
  const began = performance.now()
  const sent: Promise<unknown>[] = []
  for (const order of allOrders()) {
    const customer = CUSTOMERS[sent.length % CUSTOMERS.length] ?? ''
    sent.push(
      producer.send({
        topic,
        key: order.id,
        value: JSON.stringify(order),
        headers: [{ key: 'customer', value: Buffer.from(customer) }],
      }),
    )
  }
  // They travel together: nothing is gained by awaiting each before the next is sent.
  await Promise.all(sent)
  console.log(`${format(ORDERS)} orders produced in ${Math.round(performance.now() - began)} ms`)
}

/** 10000 as people write it: 10,000. */
export function format(count: number): string {
  return count.toLocaleString('en')
}

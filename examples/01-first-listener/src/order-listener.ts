import { ConsumerRecord } from '@milena/client'
import { ConsumerStartedEvent } from '@milena/container'
import { EventListener, Header, KafkaListener, Payload } from '@milena/decorators'
import { injectable } from 'inversify'
import { OrderSchema, type Order } from './orders.js'
import { Warehouse } from './warehouse.js'

@injectable()
export class OrderListener {
  constructor(private readonly warehouse: Warehouse) {}

  // Returned: the broker is told ACCEPT. Thrown: the recoverer decides (order-recoverer.ts).
  @KafkaListener({
    id: 'orders',
    topics: '${orders.topic}',
    groupId: '${orders.group}',
    concurrency: '${orders.workers:2}',
  })
  onOrder(
    @Payload(OrderSchema) order: Order,
    @Header('customer') customer: string | undefined,
    record: ConsumerRecord,
  ): void {
    this.warehouse.ship(order, { customer, attempt: record.deliveryCount })
  }

  @EventListener(ConsumerStartedEvent)
  started({ clientId }: ConsumerStartedEvent): void {
    console.log(`  ${clientId} has joined the group`)
  }
}

import type { ShareConsumerRecordRecoverer } from '@milena/container'
import { KafkaListener, Payload } from '@milena/decorators'
import { injectable } from 'inversify'
import { GatewayBusyError, PaymentGateway, PaymentSchema, type Payment } from './payments.js'

// The code under test, which knows nothing of tests.

@injectable()
export class PaymentListener {
  constructor(private readonly gateway: PaymentGateway) {}

  @KafkaListener({ id: 'payments', topics: 'payments', groupId: 'cashiers' })
  async onPayment(@Payload(PaymentSchema) payment: Payment): Promise<void> {
    await this.gateway.charge(payment)
  }
}

/** A busy gateway is asked again two seconds later; what cannot succeed is rejected. */
export const paymentRecoverer: ShareConsumerRecordRecoverer = (_record, error) =>
  error instanceof GatewayBusyError ? { type: 'RELEASE', delayMs: 2_000 } : 'REJECT'

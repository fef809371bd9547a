import { PayloadValidationError, type ShareConsumerRecordRecoverer } from '@milena/container'
import { BankTimeoutError } from './payments.js'

/** Decides what becomes of a payment whose listener threw. It only decides: the container tells the broker. */
export const paymentRecoverer: ShareConsumerRecordRecoverer = (record, error, { logger }) => {
  const facts = { err: error, offset: record.offset, delivery: record.deliveryCount }
  if (isTransient(error)) {
    logger.warn(facts, 'The bank was slow; the payment is tried again in 200 ms, by any member of the group.')
    return { type: 'RELEASE', delayMs: 200 }
  }
  if (error instanceof PayloadValidationError) {
    logger.error(facts, 'This is no payment, and will never be one.')
    return 'REJECT'
  }
  logger.error(facts, 'Nobody knows this error, so nobody knows that another try would help.')
  return 'REJECT'
}

/** Trouble that passes, however deep it lies. */
function isTransient(error: unknown): boolean {
  if (error instanceof BankTimeoutError) return true
  return error instanceof Error && error.cause !== undefined && isTransient(error.cause)
}

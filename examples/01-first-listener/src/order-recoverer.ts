import type { ShareConsumerRecordRecoverer } from '@milena/container'
import { WarehouseBusyError } from './warehouse.js'

/** What passes is tried again, by any member of the group. What cannot succeed is rejected for good. */
export const orderRecoverer: ShareConsumerRecordRecoverer = (_record, error) =>
  error instanceof WarehouseBusyError ? 'RELEASE' : 'REJECT'

import { ControlRecordType, RecordBatchBuilder } from '@milena/protocol'

/** The end of a producer's transaction in one partition. */
export interface TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  readonly coordinatorEpoch: number
}

/** The control batch that ends a transaction: one record, whose key tells commit or abort (KIP-98). */
export function transactionMarkerBatch(marker: TransactionMarker, timestampMs: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.committed ? ControlRecordType.COMMIT : ControlRecordType.ABORT, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  const builder = new RecordBatchBuilder({ initialBytes: 96 })
  builder.append({ timestamp: timestampMs, key, value })
  const batch = builder.build({
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    isTransactional: true,
    isControl: true,
  })
  if (batch instanceof Promise) throw new TypeError('An uncompressed batch is built at once.')
  return batch
}

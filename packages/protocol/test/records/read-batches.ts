import {
  compressionName,
  crc32c,
  defaultCompressionCodecs,
  KafkaProtocolError,
  RecordBatchReader,
  type CompressionCodecs,
  type RecordBatch,
  type RecordCursor,
} from '@milena/protocol'
import { described, type DescribedBatch, type DescribedRecord } from './golden-batches.js'

export function batchesOf(records: Buffer): RecordBatch[] {
  const reader = new RecordBatchReader(records)
  const batches: RecordBatch[] = []
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) batches.push(batch)
  return batches
}

export function onlyBatch(records: Buffer): RecordBatch {
  const [batch, ...others] = batchesOf(records)
  if (batch === undefined || others.length > 0) throw new Error(`expected one batch, found ${others.length + 1}`)
  return batch
}

export function describeRecords(cursor: RecordCursor): DescribedRecord[] {
  const records: DescribedRecord[] = []
  while (cursor.next()) {
    records.push({
      offset: cursor.offset,
      timestamp: cursor.timestamp,
      key: described(cursor.key),
      value: described(cursor.value),
      headers: cursor.headers().map(({ key, value }) => ({ key, value: described(value) })),
    })
  }
  return records
}

/** What we read, in the words in which the golden fixtures say what Java reads. `bytes` is the batch by itself. */
export async function describeBatch(
  batch: RecordBatch,
  bytes: Buffer,
  codecs: CompressionCodecs = defaultCompressionCodecs,
): Promise<DescribedBatch> {
  return {
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    partitionLeaderEpoch: batch.leaderEpoch,
    magic: 2,
    crc: crc32c(bytes, 21),
    compression: compressionName(batch.compression) ?? '?',
    timestampType: batch.timestampType === 'create' ? 'CreateTime' : 'LogAppendTime',
    isTransactional: batch.isTransactional,
    isControl: batch.isControl,
    deleteHorizonMs: batch.deleteHorizonMs ?? null,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    records: describeRecords(await batch.open(codecs)),
  }
}

/** Each batch with its own bytes. */
export function slices(records: Buffer): Array<{ readonly batch: RecordBatch; readonly bytes: Buffer }> {
  let at = 0
  return batchesOf(records).map((batch) => {
    const bytes = records.subarray(at, at + batch.sizeInBytes)
    at += batch.sizeInBytes
    return { batch, bytes }
  })
}

/** What `work` returns or resolves to; undefined where it ends in a KafkaProtocolError. Any other error goes on. */
export async function unlessMalformed<T>(work: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (KafkaProtocolError.is(error)) return undefined
    throw error
  }
}

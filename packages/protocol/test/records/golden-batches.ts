import { readFileSync } from 'node:fs'

/** A batch as Kafka's own decoder describes it; bytes in hex, a long run of one byte as an object. */
export interface DescribedBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly compression: string
  readonly timestampType: 'CreateTime' | 'LogAppendTime'
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly deleteHorizonMs: number | null
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly records: readonly DescribedRecord[]
}

export interface DescribedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: DescribedBytes
  readonly value: DescribedBytes
  readonly headers: ReadonlyArray<{ readonly key: string; readonly value: DescribedBytes }>
}

export type DescribedBytes = string | { readonly byte: string; readonly times: number } | null

export interface GoldenCase {
  readonly shape: string
  readonly batches: readonly DescribedBatch[]
  readonly bytes: Buffer
}

/** The batches that Kafka 4.4's own serialisers have written with one compression (tools/golden). */
export function goldenBatches(compression: string): GoldenCase[] {
  const url = new URL(`../golden/batches/${compression}.json`, import.meta.url)
  const file = JSON.parse(readFileSync(url, 'utf8')) as {
    readonly cases: ReadonlyArray<{
      readonly shape: string
      readonly batches: readonly DescribedBatch[]
      readonly hex: string
    }>
  }
  return file.cases.map(({ shape, batches, hex }) => ({ shape, batches, bytes: Buffer.from(hex, 'hex') }))
}

/** As the generator writes bytes, so that both sides can be compared. */
export function described(bytes: Buffer | null): DescribedBytes {
  if (bytes === null) return null
  const isRun = bytes.length > 64 && bytes.every((byte) => byte === bytes[0])
  return isRun ? { byte: bytes.toString('hex', 0, 1), times: bytes.length } : bytes.toString('hex')
}

import { Admin, Producer } from '@milena/client'

export interface FilledTopic {
  readonly name: string
  readonly records: number
  readonly recordBytes: number
  /** Sum of the first and last byte of each value. */
  readonly checksum: number
}

export const PARTITIONS = 4
/** Sent before their promises are awaited. */
const CHUNK = 20_000

/** Makes a topic and fills its partitions evenly, in batches as large as producers make by default. */
export async function fillTopic(
  bootstrapServers: string,
  given: { readonly name: string; readonly records: number; readonly recordBytes: number },
): Promise<FilledTopic> {
  const { name, records, recordBytes } = given
  const admin = new Admin({ bootstrapServers })
  await admin.createTopics([{ name, numPartitions: PARTITIONS, replicationFactor: 1 }])
  await admin.close()
  // Long enough for every batch to be full.
  const producer = new Producer({ bootstrapServers, lingerMs: 500, bufferMemory: 256 * 1024 * 1024 })
  let checksum = 0
  for (let from = 0; from < records; from += CHUNK) {
    const sent: Promise<unknown>[] = []
    for (let index = from; index < Math.min(from + CHUNK, records); index++) {
      const value = Buffer.alloc(recordBytes, 'x')
      const first = index % 251
      const last = (index * 7) % 253
      value[recordBytes - 1] = last
      value[0] = first
      checksum += first + (value[recordBytes - 1] ?? 0)
      sent.push(producer.send({ topic: name, partition: index % PARTITIONS, value }))
    }
    await Promise.all(sent)
  }
  await producer.close()
  return { name, records, recordBytes, checksum }
}

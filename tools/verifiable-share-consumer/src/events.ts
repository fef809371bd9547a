// The lines of VerifiableShareConsumer, as Kafka's system tests read them. The order of the keys is part of them.

import type { AcknowledgementVerdict, ConsumerRecord } from '@milena/client'

/** The offsets of one partition in an event, in ascending order. */
interface PartitionOffsets {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly offsets: readonly number[]
}

export type Records = readonly ConsumerRecord<string | null, string | null>[]

const line = (name: string, rest: object = {}): string => JSON.stringify({ timestamp: Date.now(), name, ...rest })

export const startupComplete = (): string => line('startup_complete')

export const shutdownComplete = (): string => line('shutdown_complete')

export const offsetResetStrategySet = (offsetResetStrategy: string): string =>
  line('offset_reset_strategy_set', { offsetResetStrategy })

/** The lines for what one poll returned: with `verbose` each record, partition by partition, then the summary. */
export function* recordsConsumed(records: Records, verbose: boolean): Generator<string> {
  const partitions: PartitionOffsets[] = []
  for (const list of byPartition(records)) {
    const [{ topic, partition }] = list
    const offsets = list.map((record) => record.offset).toSorted((a, b) => a - b)
    partitions.push({ topic, partition, count: offsets.length, offsets })
    if (!verbose) continue
    for (const { key, value, offset } of list) yield line('record_data', { key, value, topic, partition, offset })
  }
  yield line('records_consumed', { count: records.length, partitions })
}

/** The type of an answer that gives a record back, as it stands in a batch. */
const RELEASE = 2

/**
 * The line for a verdict on the acknowledgements of one partition; `error` is there only where they failed. Undefined where nothing
 * was acknowledged: what the consumer gives back unread when it closes is no event (Java's leaves that to the broker).
 */
export function offsetsAcknowledged(
  verdict: AcknowledgementVerdict,
): { readonly line: string; readonly count: number } | undefined {
  const { error } = verdict
  const { topic, partition } = verdict.partition
  const offsets = verdict.batches.flatMap(acknowledgedIn)
  const count = offsets.length
  if (count === 0) return undefined
  return {
    count,
    line: line('offsets_acknowledged', {
      count,
      partitions: [{ topic, partition, count, offsets }],
      success: error === undefined,
      ...(error !== undefined && { error: error.message }),
    }),
  }
}

type Batch = AcknowledgementVerdict['batches'][number]

/** The offsets of a batch but for those given back. Its types are one for all offsets, or one for each. */
function acknowledgedIn({ firstOffset, lastOffset, acknowledgeTypes }: Batch): number[] {
  const offsets: number[] = []
  for (let at = 0; firstOffset + at <= lastOffset; at += 1) {
    const type = acknowledgeTypes.length === 1 ? acknowledgeTypes[0] : acknowledgeTypes[at]
    if (type !== RELEASE) offsets.push(firstOffset + at)
  }
  return offsets
}

type PartitionRecords = [Records[number], ...Records]

function byPartition(records: Records): Iterable<PartitionRecords> {
  const lists = new Map<string, PartitionRecords>()
  for (const record of records) {
    const name = `${record.topic}-${record.partition}`
    const list = lists.get(name)
    if (list === undefined) lists.set(name, [record])
    else list.push(record)
  }
  return lists.values()
}

import { RecordBatchReader, errorName, type ResponseOf, type ShareAcknowledge, type ShareFetch } from '@milena/protocol'

/** What came of one step: what was asked, and what the broker said, without anything that differs from play to play. */
export interface TraceEntry {
  /** Position in the sequence; -1 before the first step, and the number of steps after the last. */
  readonly step: number
  readonly asked: unknown
  readonly said: unknown
}

/** How often something occurred, for the table at the end. */
export type Tally = Map<string, number>

/** The level an error was told at. */
export type ErrorLevel =
  | 'fetch, whole answer'
  | 'fetch, partition'
  | 'fetch, acknowledgement'
  | 'acknowledge, whole answer'
  | 'acknowledge, partition'
  | 'heartbeat'
  | 'offsets'

export interface Trace {
  readonly entries: readonly TraceEntry[]
  readonly operations: Tally
  readonly errors: Tally
  /** Why this play says nothing: the machine was too slow for what its locks were meant to show. */
  readonly invalid: string | undefined
}

export function count(tally: Tally, name: string, times = 1): void {
  tally.set(name, (tally.get(name) ?? 0) + times)
}

export function nameOfError(code: number): string {
  return code === 0 ? 'NONE' : errorName(code)
}

export interface SaidByFetch {
  readonly error: string
  readonly lockMs: number
  readonly partitions: Readonly<
    Record<
      string,
      { readonly error: string; readonly ackError: string; readonly acquired: string; readonly batches: string }
    >
  >
}

export interface SaidByAcknowledge {
  readonly error: string
  readonly lockMs: number
  readonly partitions: Readonly<Record<string, string>>
}

/** `nameOf` gives topics the names that all plays share. */
export function saidByFetch(
  response: ResponseOf<typeof ShareFetch>,
  nameOf: (topicId: string, partition: number) => string,
): SaidByFetch {
  const partitions = response.responses.flatMap(({ topicId, partitions: each }) =>
    each.map((partition): [string, SaidByFetch['partitions'][string]] => [
      nameOf(topicId, partition.partitionIndex),
      {
        error: nameOfError(partition.errorCode),
        ackError: nameOfError(partition.acknowledgeErrorCode),
        acquired: partition.acquiredRecords
          .map(({ firstOffset, lastOffset, deliveryCount }) => `${firstOffset}-${lastOffset}x${deliveryCount}`)
          .join(' '),
        batches: batchesIn(partition.records),
      },
    ]),
  )
  return {
    error: nameOfError(response.errorCode),
    lockMs: response.acquisitionLockTimeoutMs,
    partitions: sorted(partitions),
  }
}

export function saidByAcknowledge(
  response: ResponseOf<typeof ShareAcknowledge>,
  version: number,
  nameOf: (topicId: string, partition: number) => string,
): SaidByAcknowledge {
  const partitions = response.responses.flatMap(({ topicId, partitions: each }) =>
    each.map(({ partitionIndex, errorCode }): [string, string] => [
      nameOf(topicId, partitionIndex),
      nameOfError(errorCode),
    ]),
  )
  return {
    error: nameOfError(response.errorCode),
    lockMs: version >= 2 ? response.acquisitionLockTimeoutMs : 0,
    partitions: sorted(partitions),
  }
}

/** First and last offset of each batch; `c` for control, `t` for transactional ones. A part of a batch at the end, which a limit of bytes leaves, is nobody's. */
function batchesIn(records: Buffer | null): string {
  const reader = new RecordBatchReader(records ?? Buffer.alloc(0))
  const found: string[] = []
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    const kind = batch.isControl ? 'c' : batch.isTransactional ? 't' : ''
    found.push(`${batch.baseOffset}-${batch.lastOffset}${kind}`)
  }
  return found.join(' ')
}

function sorted<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
}

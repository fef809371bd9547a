import type { Exchange, FetchRequest } from './wire-tap.js'

/** What a request acknowledges of one partition. */
export type AckBatches = FetchRequest['topics'][number]['partitions'][number]['acknowledgementBatches']

/** By what the hook of the broker and the tap on the wire know the same request. */
export function injectionKey(
  request: { readonly memberId: string | null; readonly shareSessionEpoch: number },
  nodeId: number,
  api: string,
): string {
  return `${request.memberId} ${nodeId} ${api} ${request.shareSessionEpoch}`
}

/** Every offset with its type. */
export function eachOffset(batches: AckBatches, tell: (offset: number, type: number) => void): void {
  for (const { firstOffset, lastOffset, acknowledgeTypes } of batches) {
    for (let offset = firstOffset; offset <= lastOffset; offset++) {
      const type = acknowledgeTypes.length === 1 ? acknowledgeTypes[0] : acknowledgeTypes[offset - firstOffset]
      if (type !== undefined) tell(offset, type)
    }
  }
}

/** The acknowledgements of a request, by partition. */
export function acknowledgementsOf(
  { request }: Exchange,
  topicNames: ReadonlyMap<string, string>,
): { readonly place: string; readonly batches: AckBatches }[] {
  return request.topics.flatMap(({ topicId, partitions }) =>
    partitions.map(({ partitionIndex, acknowledgementBatches }) => ({
      place: `${topicNames.get(topicId) ?? topicId}-${partitionIndex}`,
      batches: acknowledgementBatches,
    })),
  )
}

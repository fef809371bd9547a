import { errorName } from '@milena/protocol'
import type { Exchange } from './wire-tap.js'

type TopicNames = ReadonlyMap<string, string>

/** A share request as a line of the story: its partitions with `first-last:types`. */
export function requestLine({ api, request, tap }: Exchange, names: TopicNames): string {
  const partitions = request.topics.flatMap(({ topicId, partitions: each }) =>
    each.map(({ partitionIndex, acknowledgementBatches }) => {
      const acknowledgements = acknowledgementBatches.map(
        ({ firstOffset, lastOffset, acknowledgeTypes }) => `${firstOffset}-${lastOffset}:${acknowledgeTypes.join('')}`,
      )
      return `${names.get(topicId) ?? topicId}-${partitionIndex}[${acknowledgements.join(' ')}]`
    }),
  )
  const limits = 'maxRecords' in request ? ` max ${request.maxRecords} wait ${request.maxWaitMs}` : ''
  const forgotten = ('forgottenTopicsData' in request ? request.forgottenTopicsData : []).flatMap(
    ({ topicId, partitions: each }) => each.map((index) => ` forget ${names.get(topicId) ?? topicId}-${index}`),
  )
  return `${tap.process.name} > ${tap.nodeId} ${api} ${request.memberId?.slice(0, 6)} epoch ${request.shareSessionEpoch}${limits} ${partitions.join(' ')}${forgotten.join('')}`
}

/** Its answer: what was acquired as `first-last x deliveryCount`, and errors by name. */
export function responseLine(
  { api, request, tap }: Exchange,
  response: NonNullable<Exchange['response']>,
  names: TopicNames,
): string {
  const partitions = response.responses.flatMap(({ topicId, partitions: each }) =>
    each.map((partition) => {
      const acquired =
        'acquiredRecords' in partition
          ? partition.acquiredRecords.map((a) => `${a.firstOffset}-${a.lastOffset}x${a.deliveryCount}`)
          : []
      const refusals = [
        partition.errorCode === 0 ? '' : ` ${errorName(partition.errorCode)}`,
        'acknowledgeErrorCode' in partition && partition.acknowledgeErrorCode !== 0
          ? ` ack ${errorName(partition.acknowledgeErrorCode)}`
          : '',
      ]
      return `${names.get(topicId) ?? topicId}-${partition.partitionIndex}[${acquired.join(' ')}]${refusals.join('')}`
    }),
  )
  const error = response.errorCode === 0 ? '' : errorName(response.errorCode)
  return `${tap.process.name} < ${tap.nodeId} ${api} ${request.memberId?.slice(0, 6)} epoch ${request.shareSessionEpoch} ${error} ${partitions.join(' ')}`
}

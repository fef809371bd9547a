/**
 * Behaviour: forgets committed positions of a group, but not of topics that a member subscribes to. Topics and partitions
 * that do not exist are refused for themselves.
 */
import { ErrorCode, OffsetDelete } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'

export const offsetDelete = defineHandler(OffsetDelete, (request, context) => {
  const { groupId } = request
  const { classicGroups, topics } = context.cluster
  if (!context.allows('Delete', 'Group', groupId)) return refused(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return refused(notHere)
  const errorCode = classicGroups.deleteOffsetsError(groupId)
  if (errorCode !== 0) return refused(errorCode)
  return {
    errorCode: 0,
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        if (!context.allows('Read', 'Topic', name)) {
          return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }
        }
        const isThere = topics.byName(name)?.partitions[partitionIndex] !== undefined
        return {
          partitionIndex,
          errorCode: isThere
            ? classicGroups.deleteOffset(groupId, { topic: name, partition: partitionIndex })
            : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        }
      }),
    })),
  }
})

function refused(errorCode: number) {
  return { errorCode, throttleTimeMs: 0, topics: [] }
}

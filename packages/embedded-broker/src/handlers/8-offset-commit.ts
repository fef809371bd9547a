/**
 * Behaviour: keeps where a group has read to. Topics and partitions that do not exist are refused for themselves; the rest
 * is committed if the member may (see ClassicGroup.commitError). Without a generation the group is made if need be, so that
 * consumers which assign their partitions themselves can commit. Retention times are taken no notice of, as in Kafka.
 *
 * Versions: from 9 on a member of a group that does not exist is told GROUP_ID_NOT_FOUND, before ILLEGAL_GENERATION. 10 names
 * topics by id.
 */
import { ErrorCode, OffsetCommit } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { sortOffsets } from './offset-topics.js'

export const offsetCommit = defineHandler(OffsetCommit, (request, context) => {
  const { groupId, topics } = request
  if (!context.allows('Read', 'Group', groupId)) {
    return sortOffsets(topics, context).allRefused(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  }
  const sorted = sortOffsets(topics, context)
  if (sorted.offsets.length === 0) return sorted.answer([])
  const notHere = context.cluster.coordinatorError(groupId, context.node)
  if (notHere !== 0) return sorted.answer(notHere)
  return sorted.answer(
    context.cluster.classicGroups.commit(groupId, {
      claim: {
        memberId: request.memberId,
        groupInstanceId: request.groupInstanceId,
        generationId: request.generationIdOrMemberEpoch,
      },
      offsets: sorted.offsets,
      unknownGroupError: context.version >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION,
    }),
  )
})

import { AlterShareGroupOffsets, ZERO_UUID } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { isFault, type GroupFault } from '../share/coordinator/share-group-faults.js'
import { accessFault, coordinatorFault, TOPIC_REFUSED } from './share-group-access.js'

// AlterShareGroupOffsets (91): sets where share partitions begin.
//
// Behaviour: the group must have no members; one that does not exist comes to be, unless nothing is altered. Any offset is
//   taken, also behind the log's end. Unknown topics and partitions fail on their own. Read of the group and of the topics.
// Versions: 0 only.
export const alterShareGroupOffsets = defineHandler(AlterShareGroupOffsets, ({ groupId, topics }, context) => {
  const fault = accessFault(context, groupId, 'Read')
  if (fault !== undefined) return refuse(fault)
  const mayRead = (topicName: string): boolean => context.allows('Read', 'Topic', topicName)
  const outcome =
    coordinatorFault(context, groupId) ??
    context.cluster.shareGroups.alterOffsets(
      groupId,
      topics.filter(({ topicName }) => mayRead(topicName)),
    )
  if (isFault(outcome)) return refuse(outcome)
  const refused = topics
    .filter(({ topicName }) => !mayRead(topicName))
    .map(({ topicName, partitions }) => ({
      topicName,
      topicId: ZERO_UUID,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...TOPIC_REFUSED })),
    }))
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, responses: [...refused, ...outcome] }
})

function refuse(fault: GroupFault) {
  return { throttleTimeMs: 0, ...fault, responses: [] }
}

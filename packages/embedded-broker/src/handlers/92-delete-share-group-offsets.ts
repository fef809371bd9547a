import { DeleteShareGroupOffsets, ZERO_UUID } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import { isFault, type GroupFault } from '../share/coordinator/share-group-faults.js'
import { accessFault, coordinatorFault, TOPIC_REFUSED } from './share-group-access.js'

// DeleteShareGroupOffsets (92): forgets what a share group has of whole topics.
//
// Behaviour: the group must exist and have no members. Unknown topics, and those of which it has nothing, fail on their own.
//   Delete of the group and Read of the topics.
// Versions: 0 only.
export const deleteShareGroupOffsets = defineHandler(DeleteShareGroupOffsets, ({ groupId, topics }, context) => {
  const fault = accessFault(context, groupId, 'Delete')
  if (fault !== undefined) return refuse(fault)
  const names = topics.map(({ topicName }) => topicName)
  const mayRead = (topicName: string): boolean => context.allows('Read', 'Topic', topicName)
  const outcome =
    coordinatorFault(context, groupId) ?? context.cluster.shareGroups.deleteOffsets(groupId, names.filter(mayRead))
  if (isFault(outcome)) return refuse(outcome)
  const refused = names
    .filter((topicName) => !mayRead(topicName))
    .map((topicName) => ({ topicName, topicId: ZERO_UUID, ...TOPIC_REFUSED }))
  return { throttleTimeMs: 0, errorCode: 0, errorMessage: null, responses: [...refused, ...outcome] }
})

function refuse(fault: GroupFault) {
  return { throttleTimeMs: 0, ...fault, responses: [] }
}

import { ErrorCode, ListPartitionReassignments } from '@milena/protocol'
import { CLUSTER_NAME } from '../security/authorizer.js'
import { defineHandler } from '../server/handler.js'

/** Behaviour: replicas are never being moved here, so there are none to tell. Versions: one. */
export const listPartitionReassignmentsHandler = defineHandler(ListPartitionReassignments, (_, context) =>
  context.allows('Describe', 'Cluster', CLUSTER_NAME)
    ? { throttleTimeMs: 0, errorMessage: null, errorCode: 0, topics: [] }
    : {
        throttleTimeMs: 0,
        errorMessage: 'Cluster authorization failed.',
        errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
        topics: [],
      },
)

/**
 * Behaviour: every group, transactional id and share partition has one coordinating broker; here all live brokers can be it,
 * chosen by Kafka's hash of the key. Without a live broker: COORDINATOR_NOT_AVAILABLE. A key type that does not exist, and a
 * share partition key that is none (`group:topicId:partition`), are INVALID_REQUEST.
 *
 * Versions: up to 3 one key, answered in the fields of the answer itself; from 4 on many. Share partitions since 6.
 */
import { ErrorCode, errorMessageOf, FindCoordinator } from '@milena/protocol'
import { defineHandler } from '../server/handler.js'
import type { RequestContext } from '../server/request-context.js'

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2
const SHARE_SINCE_VERSION = 6
const LAST_VERSION_WITH_ONE_KEY = 3

/** Group id, topic id and partition. */
const sharePartitionKey = /^.+:[A-Za-z0-9_-]{22}:\d+$/s

interface Found {
  readonly errorCode: number
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export const findCoordinator = defineHandler(FindCoordinator, (request, context) => {
  if (context.version > LAST_VERSION_WITH_ONE_KEY) {
    return {
      coordinators: request.coordinatorKeys.map((key) => {
        const found = find(request.keyType, key, context)
        return { key, ...found, errorMessage: found.errorCode === 0 ? '' : errorMessageOf(found.errorCode) }
      }),
    }
  }
  const found = find(request.keyType, request.key, context)
  return { ...found, errorMessage: found.errorCode === 0 ? 'NONE' : errorMessageOf(found.errorCode) }
})

function find(keyType: number, key: string, context: RequestContext): Found {
  const refused = (errorCode: number): Found => ({ errorCode, nodeId: -1, host: '', port: -1 })
  switch (keyType) {
    case GROUP:
      if (!context.allows('Describe', 'Group', key)) return refused(ErrorCode.GROUP_AUTHORIZATION_FAILED)
      break
    case TRANSACTION:
      if (!context.allows('Describe', 'TransactionalId', key)) {
        return refused(ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
      }
      break
    case SHARE:
      if (context.version < SHARE_SINCE_VERSION) return refused(ErrorCode.INVALID_REQUEST)
      if (!context.allows('ClusterAction', 'Cluster', 'kafka-cluster')) {
        return refused(ErrorCode.CLUSTER_AUTHORIZATION_FAILED)
      }
      if (!sharePartitionKey.test(key)) return refused(ErrorCode.INVALID_REQUEST)
      break
    default:
      return refused(ErrorCode.INVALID_REQUEST)
  }
  const coordinator = context.cluster.coordinatorOf(key)
  if (coordinator === undefined) return refused(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  return { errorCode: 0, nodeId: coordinator.id, host: coordinator.host, port: coordinator.port }
}

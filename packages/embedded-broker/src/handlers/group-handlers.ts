import type { Handler } from '../server/handler.js'
import { offsetCommit } from './8-offset-commit.js'
import { offsetFetch } from './9-offset-fetch.js'
import { findCoordinator } from './10-find-coordinator.js'
import { joinGroup } from './11-join-group.js'
import { heartbeat } from './12-heartbeat.js'
import { leaveGroup } from './13-leave-group.js'
import { syncGroup } from './14-sync-group.js'
import { describeGroups } from './15-describe-groups.js'
import { listGroups } from './16-list-groups.js'
import { txnOffsetCommit } from './28-txn-offset-commit.js'
import { deleteGroups } from './42-delete-groups.js'
import { offsetDelete } from './47-offset-delete.js'

/** One line per API. */
export const groupHandlers: readonly Handler[] = [
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  txnOffsetCommit,
  deleteGroups,
  offsetDelete,
]

import type { Handler } from '../server/handler.js'
import { shareGroupHeartbeat } from './76-share-group-heartbeat.js'
import { shareGroupDescribe } from './77-share-group-describe.js'
import { describeShareGroupOffsets } from './90-describe-share-group-offsets.js'
import { alterShareGroupOffsets } from './91-alter-share-group-offsets.js'
import { deleteShareGroupOffsets } from './92-delete-share-group-offsets.js'

/** One line per API. */
export const shareGroupHandlers: readonly Handler[] = [
  shareGroupHeartbeat,
  shareGroupDescribe,
  describeShareGroupOffsets,
  alterShareGroupOffsets,
  deleteShareGroupOffsets,
]

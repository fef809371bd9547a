import { ShareAcknowledge } from '@milena/protocol'
import { PlayerMember } from './player-member.js'
import { topicsOf } from './request-parts.js'
import type { Stage } from './stage.js'
import type { Seat } from './step.js'
import type { SaidByFetch } from './trace.js'

/** A fetch for a group that nobody ever joined. */
export async function fetchUninitialised(stage: Stage, seat: Seat): Promise<SaidByFetch> {
  const stranger = new PlayerMember('stranger')
  const groupId = `${stage.prefix}-nobody`
  const said = await stage.fetchElsewhere(stranger, {
    groupId,
    memberId: stranger.id,
    shareSessionEpoch: 0,
    maxWaitMs: 150,
    minBytes: 1,
    maxRecords: 10,
    batchSize: 10,
    topics: topicsOf(stage, [seat], []),
    forgottenTopicsData: [],
  })
  const wire = await stage.wireOf(stranger)
  const close = { groupId, memberId: stranger.id, shareSessionEpoch: -1, topics: [] }
  await stage.target.answered(wire.send(ShareAcknowledge, 2, close), 0)
  return said
}

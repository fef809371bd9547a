import { ShareAcknowledge } from '@milena/protocol'
import { PlayerMember } from './player-member.js'
import type { Stage } from './stage.js'
import type { Seat, Step } from './step.js'

const seats: readonly Seat[] = [0, 1, 2]
const FETCHES = 9
const RECORDS = 12
const WARM_UP_MS = 400

/**
 * Whose turn it is when a fetch cannot have all there is: in a group of its own, on partitions with plenty. It ends with the first
 * incremental answer that several partitions gave to: those go behind the others in an order that is another in every play.
 */
export async function playTurns(
  stage: Stage,
  { mode, maxRecords, maxBytes }: Extract<Step, { kind: 'turns' }>,
  round: number,
): Promise<unknown> {
  const groupId = `${stage.prefix}-turns${round}`
  const said: unknown[] = []
  const [warmer, member] = [new PlayerMember('warmer'), new PlayerMember('member')]
  const topics = (chosen: readonly Seat[]) =>
    chosen.map((seat) => ({
      topicId: stage.topicId(seat),
      partitions: [{ partitionIndex: stage.partition(seat), acknowledgementBatches: [] }],
    }))
  const request = { groupId, minBytes: 1, batchSize: RECORDS, forgottenTopicsData: [] }
  for (const seat of seats) {
    const from = stage.world.seat(seat).logEnd
    const batch = { records: RECORDS, valueBytes: 20, compression: 0, ageMs: 0 } as const
    await stage.produce(seat, [batch, batch])
    said.push(await stage.admin.alterOffset(groupId, stage.topicName(seat), stage.partition(seat), from))
  }
  for (const seat of seats) {
    const body = { ...request, memberId: warmer.id, shareSessionEpoch: 0, maxWaitMs: WARM_UP_MS, maxRecords: 1 }
    said.push(await stage.fetchElsewhere(warmer, { ...body, shareAcquireMode: 1, topics: topics([seat]) }))
  }
  for (let epoch = 0; epoch < FETCHES; epoch++) {
    const body = { ...request, memberId: member.id, shareSessionEpoch: epoch, maxWaitMs: 0, maxRecords, maxBytes }
    const answer = await stage.fetchElsewhere(member, {
      ...body,
      shareAcquireMode: mode,
      topics: epoch === 0 ? topics(seats) : [],
    })
    said.push(answer)
    const given = Object.values(answer.partitions).filter(({ batches }) => batches !== '').length
    if (epoch > 0 && given > 1) break
  }
  for (const each of [warmer, member]) {
    const wire = await stage.wireOf(each)
    const body = { groupId, memberId: each.id, shareSessionEpoch: -1, topics: [] }
    await stage.target.answered(wire.send(ShareAcknowledge, 2, body), 0)
  }
  return said
}

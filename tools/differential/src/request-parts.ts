import type { RequestInput, ShareAcknowledge } from '@milena/protocol'
import { batchesOf, type AckBatch } from './ack-shapes.js'
import type { PlayerMember } from './player-member.js'
import type { Stage } from './stage.js'
import type { AckPlan, AckStep, FetchStep, Seat } from './step.js'

/** The acknowledgements of one partition in one request. */
export interface AckPartition {
  readonly seat: Seat
  readonly batches: readonly AckBatch[]
  readonly plan: AckPlan
}

/** The session epoch that a step sends. */
export function epochOf({ fault, close }: FetchStep | AckStep, member: PlayerMember, opens: boolean): number {
  switch (fault) {
    case 'reopen':
    case 'epochZeroWithAcks':
      return 0
    case 'epochAhead':
      return member.epoch + 3
    case 'epochBehind':
      return member.epoch >= 2 ? member.epoch - 1 : member.epoch + 1
    case 'neverOpened':
      return 3
    case 'closeNeverOpened':
      return -1
    default:
      if (close) return -1
      return opens ? 0 : Math.max(1, member.epoch)
  }
}

/** The member id that a step sends. */
export function identityOf({ fault }: FetchStep | AckStep, member: PlayerMember): string | null {
  switch (fault) {
    case 'neverOpened':
    case 'closeNeverOpened':
      return 'stranger'
    case 'nullMember':
      return null
    case 'emptyMember':
      return ''
    case 'longMember':
      return 'm'.repeat(37)
    default:
      return member.id
  }
}

/** What a step acknowledges, in offsets. */
export function ackPartitions(stage: Stage, plans: readonly AckPlan[], member: PlayerMember): AckPartition[] {
  const parts = plans.map((plan) => {
    const view = stage.world.view(plan.seat, member.id)
    return {
      seat: plan.seat,
      plan,
      batches: batchesOf(plan, view),
      mayGoWithOthers: plan.seat >= 8 || (view.mine.length > 0 && plan.shape !== 'below'),
    }
  })
  // Offsets that the member does not hold may lie across the start offset. Kafka 4.4.0 fails the whole request when nothing is
  // tracked there, after or before it has applied what the request says of other partitions; so such ranges go alone.
  const together = parts.filter(({ mayGoWithOthers }) => mayGoWithOthers)
  return together.length > 0 ? together : parts.slice(0, 1)
}

export function topicsOf(
  stage: Stage,
  seats: readonly Seat[],
  acks: readonly AckPartition[],
): RequestInput<typeof ShareAcknowledge>['topics'] {
  const topics = new Map<
    string,
    { topicId: string; partitions: { partitionIndex: number; acknowledgementBatches: AckBatch[] }[] }
  >()
  for (const seat of seats) {
    const topicId = stage.topicId(seat)
    let topic = topics.get(topicId)
    if (topic === undefined) topics.set(topicId, (topic = { topicId, partitions: [] }))
    const batches = acks.find((ack) => ack.seat === seat)?.batches ?? []
    topic.partitions.push({ partitionIndex: stage.partition(seat), acknowledgementBatches: [...batches] })
  }
  return [...topics.values()]
}

/** A request as a trace tells it: without what differs from play to play. */
export function readable(stage: Stage, body: { topics: RequestInput<typeof ShareAcknowledge>['topics'] }): unknown {
  const { topics, ...rest } = body
  const partitions = topics.flatMap(({ topicId, partitions: each }) =>
    each.map(({ partitionIndex, acknowledgementBatches }) => [
      stage.nameOf(topicId, partitionIndex),
      ...acknowledgementBatches.map(
        ({ firstOffset, lastOffset, acknowledgeTypes }) =>
          `${firstOffset}-${lastOffset}:${Array.from(acknowledgeTypes).join(',')}`,
      ),
    ]),
  )
  const forgotten =
    'forgottenTopicsData' in rest ? (rest.forgottenTopicsData as { topicId: string; partitions: number[] }[]) : []
  const said: Record<string, unknown> = { ...rest, partitions }
  delete said['groupId']
  delete said['memberId']
  delete said['forgottenTopicsData']
  if (forgotten.length > 0) {
    said['forgets'] = forgotten.flatMap(({ topicId, partitions: each }) =>
      each.map((index) => stage.nameOf(topicId, index)),
    )
  }
  return said
}

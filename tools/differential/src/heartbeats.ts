import { nameOfError } from './trace.js'
import type { Stage } from './stage.js'
import type { HeartbeatCase } from './step.js'

interface HeartbeatMember {
  readonly id: string
  epoch: number
  previousEpoch: number
}

/** The members of a sequence as the group coordinator sees them; the leaders know nothing of these. */
export class HeartbeatMembers {
  readonly stage: Stage
  #members: HeartbeatMember[] = []

  constructor(stage: Stage) {
    this.stage = stage
  }

  member(index: number): HeartbeatMember {
    return (this.#members[index] ??= { id: `h${index}`, epoch: 0, previousEpoch: 0 })
  }

  joined(): { id: string }[] {
    return this.#members.filter((member) => member !== undefined && member.epoch > 0)
  }

  forget(): void {
    this.#members = []
  }
}

/** What only a member that has joined can do. */
const ofMembers: ReadonlySet<HeartbeatCase> = new Set(['beat', 'previousEpoch', 'wrongEpoch', 'rejoin', 'leave'])

async function join({ stage }: HeartbeatMembers, member: HeartbeatMember, topics: string[]): Promise<void> {
  const { errorCode, memberEpoch } = await stage.heartbeat({
    groupId: stage.groupId,
    memberId: member.id,
    memberEpoch: 0,
    rackId: null,
    subscribedTopicNames: topics,
  })
  if (errorCode !== 0) throw new Error(`A member that joins was answered ${nameOfError(errorCode)}.`)
  member.epoch = memberEpoch
}

/** One heartbeat. Assignments depend on when partitions were initialised and are not compared. */
export async function beat(
  { of, member: index }: { readonly of: HeartbeatCase; readonly member: number },
  members: HeartbeatMembers,
): Promise<{ error: string; left: boolean }> {
  const { stage } = members
  const member = members.member(index)
  const topics = [stage.topicName(0), stage.topicName(2)]
  const plain = { groupId: stage.groupId, memberId: member.id, rackId: null, subscribedTopicNames: null }
  const bodies = () =>
    ({
      join: { ...plain, memberEpoch: 0, subscribedTopicNames: topics },
      rejoin: { ...plain, memberEpoch: 0, subscribedTopicNames: topics },
      beat: { ...plain, memberEpoch: Math.max(1, member.epoch) },
      previousEpoch: {
        ...plain,
        memberEpoch: member.previousEpoch > 0 ? member.previousEpoch : Math.max(1, member.epoch),
      },
      wrongEpoch: { ...plain, memberEpoch: member.epoch + 1000 },
      leave: { ...plain, memberEpoch: -1 },
      unknownMember: { ...plain, memberId: 'nobody', memberEpoch: 3 },
      leaveUnknownMember: { ...plain, memberId: 'nobody', memberEpoch: -1 },
      unknownGroup: { ...plain, groupId: `${stage.prefix}-no-group`, memberEpoch: 3 },
      leaveUnknownGroup: { ...plain, groupId: `${stage.prefix}-no-group`, memberEpoch: -1 },
      emptyMember: { ...plain, memberId: '', memberEpoch: 0, subscribedTopicNames: topics },
      longMember: { ...plain, memberId: 'm'.repeat(37), memberEpoch: 0, subscribedTopicNames: topics },
      emptyGroup: { ...plain, groupId: '', memberEpoch: 0, subscribedTopicNames: topics },
      emptyRack: { ...plain, rackId: '', memberEpoch: 0, subscribedTopicNames: topics },
      joinWithoutTopics: { ...plain, memberEpoch: 0, subscribedTopicNames: [] },
      epochBelowLeave: { ...plain, memberEpoch: -2 },
    }) as const
  if (member.epoch === 0 && ofMembers.has(of)) await join(members, member, topics)
  const { subscribedTopicNames, ...body } = bodies()[of]
  const answer = await stage.heartbeat({
    ...body,
    subscribedTopicNames: subscribedTopicNames === null ? null : [...subscribedTopicNames],
  })
  if (answer.errorCode === 0 && body.memberId === member.id) {
    if (answer.memberEpoch !== member.epoch) member.previousEpoch = answer.memberEpoch === -1 ? 0 : member.epoch
    member.epoch = Math.max(0, answer.memberEpoch)
  }
  return { error: nameOfError(answer.errorCode), left: answer.memberEpoch === -1 }
}

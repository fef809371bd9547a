import type { Timer } from '@milena/protocol/runtime'
import type { JoinAnswer, JoinAsk, SyncAnswer } from './group-answers.js'
import type { MemberProtocol } from './group-protocols.js'

/** One member of a classic group, as the coordinator knows it. */
export interface ClassicMember {
  /** Changes when a static member comes back: it gets a new one and the old one is fenced. */
  id: string
  /** Of a static member (KIP-345), else null. */
  readonly groupInstanceId: string | null
  clientId: string
  clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  /** In the order in which the member prefers them. */
  protocols: readonly MemberProtocol[]
  /** What the leader gave it in this generation; the coordinator does not read it. */
  assignment: Buffer
  /** It has not yet been in a generation: it knows no id to send heartbeats with. */
  isNew: boolean
  /** Answers its JoinGroup, which waits for the others. */
  waitingJoin: ((answer: JoinAnswer) => void) | undefined
  /** Answers its SyncGroup, which waits for the leader. */
  waitingSync: ((answer: SyncAnswer) => void) | undefined
  sessionTimer: Timer | undefined
}

export function newMember(memberId: string, ask: JoinAsk): ClassicMember {
  return {
    id: memberId,
    groupInstanceId: ask.groupInstanceId,
    clientId: ask.clientId,
    clientHost: ask.clientHost,
    sessionTimeoutMs: ask.sessionTimeoutMs,
    rebalanceTimeoutMs: ask.rebalanceTimeoutMs,
    protocols: ask.protocols,
    assignment: Buffer.alloc(0),
    isNew: true,
    waitingJoin: undefined,
    waitingSync: undefined,
    sessionTimer: undefined,
  }
}

/** What the member says of itself under this protocol; empty when it does not speak it. */
export function metadataFor(member: ClassicMember, protocolName: string | null): Buffer {
  return member.protocols.find((protocol) => protocol.name === protocolName)?.metadata ?? Buffer.alloc(0)
}

/** Answers the member's waiting JoinGroup, if it has one. */
export function answerJoin(member: ClassicMember, answer: JoinAnswer): void {
  const waiting = member.waitingJoin
  member.waitingJoin = undefined
  waiting?.(answer)
}

/** Answers the member's waiting SyncGroup, if it has one. */
export function answerSync(member: ClassicMember, answer: SyncAnswer): void {
  const waiting = member.waitingSync
  member.waitingSync = undefined
  waiting?.(answer)
}

import type { MemberProtocol } from './group-protocols.js'

/** A JoinGroup as the group needs it. */
export interface JoinAsk {
  /** Empty: a new member. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  /** A new dynamic member is sent back once to come with the id it was given (version 4, KIP-394). */
  readonly requiresKnownMemberId: boolean
  /** A static leader that comes back may be told to keep the assignment as it is (version 9, KIP-814). */
  readonly supportsSkippingAssignment: boolean
}

export interface JoinAnswer {
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** All of the group for its leader, nobody for the others. */
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Buffer
  }[]
}

/** A SyncGroup as the group needs it. */
export interface SyncAsk {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
  /** Null where the version has none, or the client says nothing of it. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface SyncAnswer {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

/** Who speaks, in the requests that only members of a generation may send. */
export interface MemberClaim {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export function refusedJoin(memberId: string, errorCode: number): JoinAnswer {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function refusedSync(errorCode: number): SyncAnswer {
  return { errorCode, protocolType: null, protocolName: null, assignment: Buffer.alloc(0) }
}

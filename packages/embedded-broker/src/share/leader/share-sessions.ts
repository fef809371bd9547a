import { ErrorCode } from '@milena/protocol'
import { SessionEpoch, ShareSession, type NamedPartition } from './share-session.js'

/*
 * The share sessions of one broker. The rules, as Kafka keeps them:
 * 1. One session to a group and member. Epoch 0 replaces it, also when the broker holds as many sessions as it may.
 * 2. A wrong epoch changes nothing. A right one is used up at once, whatever becomes of the request.
 * 3. A session ends with the connection that opened it, if that is the last one which that connection opened; requests may
 *    come by others.
 * 4. A connection that closes while one of its requests is served is taken to close when that is done: a broker does not
 *    look at a socket whose request it works on.
 */

/** A connection as sessions see it. */
export interface SessionConnection {
  readonly id: string
  onClose(fn: () => void): void
}

export interface ShareSessionsGiven {
  /** How many sessions this broker keeps at most. */
  readonly limit: () => number
  /** The session ended with its connection; it is not among the sessions any more. */
  readonly onLost: (session: ShareSession) => void
  /** A connection that had a session of this group closed, and no session of the group is left. */
  readonly onGroupGone: (groupId: string) => void
}

interface KnownConnection {
  /** The session it opened last. */
  opened: { readonly groupId: string; readonly memberId: string; readonly session: ShareSession }
  isBusy: boolean
  isClosed: boolean
}

export interface SessionRequest {
  readonly groupId: string
  readonly memberId: string
  readonly epoch: number
}

/** Either the session that a request goes on with, or why there is none. */
export type SessionLookup =
  | { readonly errorCode: 0; readonly session: ShareSession }
  | { readonly errorCode: Exclude<number, 0>; readonly session?: undefined }

export class ShareSessions {
  readonly #given: ShareSessionsGiven
  /** By group, then by member. */
  readonly #groups = new Map<string, Map<string, ShareSession>>()
  readonly #connections = new Map<string, KnownConnection>()
  #count = 0

  constructor(given: ShareSessionsGiven) {
    this.#given = given
  }

  get count(): number {
    return this.#count
  }

  all(): readonly ShareSession[] {
    return [...this.#groups.values()].flatMap((members) => [...members.values()])
  }

  find(groupId: string, memberId: string): ShareSession | undefined {
    return this.#groups.get(groupId)?.get(memberId)
  }

  /** Epoch 0. @returns undefined when this broker has no room for another session */
  open(given: {
    readonly groupId: string
    readonly memberId: string
    readonly partitions: readonly NamedPartition[]
    readonly connection: SessionConnection
  }): ShareSession | undefined {
    const { groupId, memberId, partitions, connection } = given
    this.#remove(groupId, memberId)
    if (this.#count >= this.#given.limit()) return undefined
    const session = new ShareSession({ groupId, memberId, partitions, connectionId: connection.id })
    const members = this.#groups.get(groupId)
    if (members === undefined) this.#groups.set(groupId, new Map([[memberId, session]]))
    else members.set(memberId, session)
    this.#count++
    this.#openedBy(connection, session)
    return session
  }

  /** A fetch that goes on with a session: the right epoch is used up and the partitions are brought up to date. */
  fetch(
    request: SessionRequest,
    change: {
      readonly wanted: readonly NamedPartition[]
      readonly forgotten: readonly Pick<NamedPartition, 'topicId' | 'partition'>[]
    },
  ): SessionLookup {
    const found = this.#lookUp(request)
    if (found.session !== undefined && request.epoch !== SessionEpoch.FINAL) {
      found.session.update(change.wanted, change.forgotten)
      found.session.advance()
    }
    return found
  }

  /** An acknowledgement: it cannot open a session. */
  acknowledge(request: SessionRequest): SessionLookup {
    if (request.epoch === SessionEpoch.INITIAL) return { errorCode: ErrorCode.INVALID_SHARE_SESSION_EPOCH }
    const found = this.#lookUp(request)
    if (found.session !== undefined && request.epoch !== SessionEpoch.FINAL) found.session.advance()
    return found
  }

  /** The member closed it. Nothing is told to the listeners. */
  close(session: ShareSession): void {
    if (this.find(session.groupId, session.memberId) === session) this.#remove(session.groupId, session.memberId)
  }

  /** A request at epoch 0 failed after the session before it was gone; what its member holds stays acquired. */
  discard(groupId: string, memberId: string): void {
    this.#remove(groupId, memberId)
  }

  /** A request that came by this connection waits. */
  busy(connectionId: string): void {
    const known = this.#connections.get(connectionId)
    if (known !== undefined) known.isBusy = true
  }

  /** It is answered. */
  idle(connectionId: string): void {
    const known = this.#connections.get(connectionId)
    if (known === undefined) return
    known.isBusy = false
    if (known.isClosed) this.#lost(connectionId, known)
  }

  /** The broker was killed: all is forgotten and nobody is told. */
  clear(): void {
    this.#groups.clear()
    this.#connections.clear()
    this.#count = 0
  }

  #lookUp({ groupId, memberId, epoch }: SessionRequest): SessionLookup {
    const session = this.find(groupId, memberId)
    if (session === undefined) return { errorCode: ErrorCode.SHARE_SESSION_NOT_FOUND }
    if (epoch !== SessionEpoch.FINAL && epoch !== session.nextEpoch) {
      return { errorCode: ErrorCode.INVALID_SHARE_SESSION_EPOCH }
    }
    return { errorCode: 0, session }
  }

  #remove(groupId: string, memberId: string): void {
    const members = this.#groups.get(groupId)
    if (members?.delete(memberId) !== true) return
    this.#count--
    if (members.size === 0) this.#groups.delete(groupId)
  }

  #openedBy(connection: SessionConnection, session: ShareSession): void {
    const opened = { groupId: session.groupId, memberId: session.memberId, session }
    const known = this.#connections.get(connection.id)
    if (known !== undefined) {
      known.opened = opened
      return
    }
    const fresh: KnownConnection = { opened, isBusy: false, isClosed: false }
    this.#connections.set(connection.id, fresh)
    connection.onClose(() => {
      if (this.#connections.get(connection.id) !== fresh) return
      fresh.isClosed = true
      if (!fresh.isBusy) this.#lost(connection.id, fresh)
    })
  }

  #lost(connectionId: string, known: KnownConnection): void {
    this.#connections.delete(connectionId)
    const { groupId, memberId, session } = known.opened
    // It may have been replaced by way of another connection, and lives on then.
    if (this.find(groupId, memberId) === session) {
      this.#remove(groupId, memberId)
      this.#given.onLost(session)
    }
    if (!this.#groups.has(groupId)) this.#given.onGroupGone(groupId)
  }
}

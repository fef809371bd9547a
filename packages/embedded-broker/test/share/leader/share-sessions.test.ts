import { ErrorCode } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShareSessions } from '../../../src/share/leader/share-sessions.js'

class FakeConnection {
  readonly #onClose: (() => void)[] = []
  constructor(readonly id: string) {}
  onClose(fn: () => void): void {
    this.#onClose.push(fn)
  }
  close(): void {
    for (const fn of this.#onClose.splice(0)) fn()
  }
}

function sessionsOf({ limit = 10 } = {}) {
  const told: string[] = []
  const sessions = new ShareSessions({
    limit: () => limit,
    onLost: ({ groupId, memberId }) => told.push(`lost ${groupId}/${memberId}`),
    onGroupGone: (groupId) => told.push(`gone ${groupId}`),
  })
  const open = (connection: FakeConnection, memberId = 'm', groupId = 'g') =>
    sessions.open({ groupId, memberId, partitions: [], connection })
  const fetch = (epoch: number, memberId = 'm', groupId = 'g') =>
    sessions.fetch({ groupId, memberId, epoch }, { wanted: [], forgotten: [] }).errorCode
  const acknowledge = (epoch: number, memberId = 'm', groupId = 'g') =>
    sessions.acknowledge({ groupId, memberId, epoch }).errorCode
  return { sessions, told, open, fetch, acknowledge }
}

const { SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH } = ErrorCode

describe('share sessions', () => {
  it('count fetches and acknowledgements with one counter', () => {
    const { open, fetch, acknowledge } = sessionsOf()
    open(new FakeConnection('1'))
    expect([fetch(1), acknowledge(2), fetch(3)]).toEqual([0, 0, 0])
  })
  it('refuse a wrong epoch and still take the right one', () => {
    const { open, fetch, acknowledge } = sessionsOf()
    open(new FakeConnection('1'))
    expect([fetch(2), acknowledge(7), fetch(1)]).toEqual([INVALID_SHARE_SESSION_EPOCH, INVALID_SHARE_SESSION_EPOCH, 0])
  })
  it('are not there before they are opened, and not opened by an acknowledgement', () => {
    const { fetch, acknowledge } = sessionsOf()
    expect([fetch(1), fetch(-1), acknowledge(-1), acknowledge(1)]).toEqual(Array(4).fill(SHARE_SESSION_NOT_FOUND))
    expect(acknowledge(0)).toBe(INVALID_SHARE_SESSION_EPOCH)
  })
  it('are replaced by epoch 0, also where there is no room for more', () => {
    const { sessions, open, fetch } = sessionsOf({ limit: 1 })
    const connection = new FakeConnection('1')
    open(connection)
    expect(fetch(1)).toBe(0)
    expect(open(connection)).toBeDefined()
    expect(fetch(2)).toBe(INVALID_SHARE_SESSION_EPOCH)
    expect(open(connection, 'other')).toBeUndefined()
    expect(sessions.count).toBe(1)
  })
  it('end with the connection that opened them', () => {
    const { sessions, told, open } = sessionsOf()
    const [one, two] = [new FakeConnection('1'), new FakeConnection('2')]
    open(one, 'm1')
    open(two, 'm2')
    one.close()
    expect(told).toEqual(['lost g/m1'])
    two.close()
    expect(told).toEqual(['lost g/m1', 'lost g/m2', 'gone g'])
    expect(sessions.count).toBe(0)
  })
  it('end with their connection only when it opened no other after them', () => {
    const { sessions, told, open } = sessionsOf()
    const connection = new FakeConnection('1')
    open(connection, 'first')
    open(connection, 'second')
    connection.close()
    expect(told).toEqual(['lost g/second'])
    expect(sessions.find('g', 'first')).toBeDefined()
  })
  it('live on when another connection has opened them anew', () => {
    const { sessions, told, open } = sessionsOf()
    const [one, two] = [new FakeConnection('1'), new FakeConnection('2')]
    open(one)
    open(two)
    one.close()
    expect(told).toEqual([])
    expect(sessions.find('g', 'm')).toBeDefined()
  })
  it('leave a group gone when its connection closes after the member has ended the session', () => {
    const { sessions, told, open } = sessionsOf()
    const connection = new FakeConnection('1')
    const session = open(connection)
    if (session !== undefined) sessions.close(session)
    expect(told).toEqual([])
    connection.close()
    expect(told).toEqual(['gone g'])
  })
  it('end only after the request that their connection is busy with', () => {
    const { sessions, told, open } = sessionsOf()
    const connection = new FakeConnection('1')
    open(connection)
    sessions.busy('1')
    connection.close()
    expect(told).toEqual([])
    sessions.idle('1')
    expect(told).toEqual(['lost g/m', 'gone g'])
  })
  it('are forgotten without a word when the broker is killed', () => {
    const { sessions, told, open } = sessionsOf()
    const connection = new FakeConnection('1')
    open(connection)
    sessions.clear()
    connection.close()
    expect(told).toEqual([])
    expect(sessions.all()).toEqual([])
  })
})

interface ModelSession {
  next: number
  connection: number
}

describe('share sessions, over random requests', () => {
  const member = fc.constantFrom('a', 'b', 'c', 'd')
  const connection = fc.integer({ min: 0, max: 2 })
  const step = fc.oneof(
    fc.record({ do: fc.constant('open' as const), member, connection }),
    fc.record({ do: fc.constant('fetch' as const), member, epoch: fc.integer({ min: -1, max: 4 }) }),
    fc.record({ do: fc.constant('acknowledge' as const), member, epoch: fc.integer({ min: -1, max: 4 }) }),
    fc.record({ do: fc.constant('disconnect' as const), connection }),
  )

  it('are what a list of members with epochs says', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { sessions, told, open, fetch, acknowledge } = sessionsOf({ limit: 3 })
        const model = new Map<string, ModelSession>()
        const lastOpened = new Map<number, { member: string; session: ModelSession }>()
        const connections = [0, 1, 2].map((id) => new FakeConnection(`${id}-0`))
        const expectedLost: string[] = []
        let fresh = 1
        for (const each of steps) {
          if (each.do === 'open') {
            const at = connections[each.connection] ?? new FakeConnection('none')
            const opened = open(at, each.member)
            model.delete(each.member)
            expect(opened !== undefined).toBe(model.size < 3)
            if (opened === undefined) continue
            const session = { next: 1, connection: each.connection }
            model.set(each.member, session)
            lastOpened.set(each.connection, { member: each.member, session })
          } else if (each.do === 'disconnect') {
            connections[each.connection]?.close()
            connections[each.connection] = new FakeConnection(`${each.connection}-${fresh++}`)
            const last = lastOpened.get(each.connection)
            lastOpened.delete(each.connection)
            if (last !== undefined && model.get(last.member) === last.session) {
              model.delete(last.member)
              expectedLost.push(`lost g/${last.member}`)
            }
          } else {
            const known = model.get(each.member)
            const isRight = each.epoch === -1 || each.epoch === known?.next
            const code = each.do === 'fetch' ? fetch(each.epoch, each.member) : acknowledge(each.epoch, each.member)
            if (each.do === 'acknowledge' && each.epoch === 0) expect(code).toBe(INVALID_SHARE_SESSION_EPOCH)
            else if (known === undefined) expect(code).toBe(SHARE_SESSION_NOT_FOUND)
            else expect(code).toBe(isRight ? 0 : INVALID_SHARE_SESSION_EPOCH)
            if (known !== undefined && each.epoch === known.next) known.next++
            const session = sessions.find('g', each.member)
            if (each.epoch === -1 && session !== undefined) {
              sessions.close(session)
              model.delete(each.member)
            }
          }
          expect(
            sessions
              .all()
              .map((session) => `${session.memberId} ${session.nextEpoch}`)
              .toSorted(),
          ).toEqual([...model].map(([name, { next }]) => `${name} ${next}`).toSorted())
          expect(sessions.count).toBe(model.size)
        }
        expect(told.filter((line) => line.startsWith('lost'))).toEqual(expectedLost)
      }),
    )
  })
})

import { describe, expect, it } from 'vitest'
import { SettledWaiters } from '../../src/share/settled-waiters.js'

async function isSettled(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))])
}

describe('waiting for verdicts', () => {
  it('ends with the request that carries the answers', async () => {
    const waiters = new SettledWaiters()
    const waiting = waiters.add(true)
    expect(waiters.ended({ again: false, unsent: false })).toBe(false)
    expect(await isSettled(waiting)).toBe(true)
  })

  it('outlasts a request that went out before the answers were given', async () => {
    const waiters = new SettledWaiters()
    const waiting = waiters.add(false)
    expect(waiters.ended({ again: false, unsent: true })).toBe(true)
    expect(await isSettled(waiting)).toBe(false)
    waiters.sending()
    expect(waiters.ended({ again: false, unsent: true })).toBe(false)
    expect(await isSettled(waiting)).toBe(true)
  })

  it('outlasts a request whose answers are to be sent again', async () => {
    const waiters = new SettledWaiters()
    const waiting = waiters.add(false)
    waiters.sending()
    expect(waiters.ended({ again: true, unsent: true })).toBe(true)
    expect(await isSettled(waiting)).toBe(false)
    waiters.sending()
    expect(waiters.ended({ again: false, unsent: false })).toBe(false)
    expect(await isSettled(waiting)).toBe(true)
  })

  it('ends when nothing is left to send: the session is gone', async () => {
    const waiters = new SettledWaiters()
    const waiting = waiters.add(false)
    expect(waiters.ended({ again: false, unsent: false })).toBe(false)
    expect(await isSettled(waiting)).toBe(true)
  })
})

import { describe, expect, it } from 'vitest'
import { RequestHistory, type SeenRequest } from '../../src/server/request-history.js'

const request = (clientId: string): SeenRequest => ({
  api: 'Produce',
  version: 9,
  clientId,
  nodeId: 1,
  connectionId: '1',
  principal: 'User:ANONYMOUS',
  at: 0,
  body: {},
})

describe('The request history', () => {
  it('remembers the latest requests, oldest first, and no more than it may', () => {
    const history = new RequestHistory(3)
    for (let i = 0; i < 5000; i++) history.add(request(`c${i}`), 10)
    expect(history.list().map(({ clientId }) => clientId)).toEqual(['c4997', 'c4998', 'c4999'])
  })

  it('lets large requests go when their bytes are too many', () => {
    const history = new RequestHistory(1000)
    const mebibyte = 1024 * 1024
    for (let i = 0; i < 40; i++) history.add(request(`c${i}`), mebibyte)
    expect(history.list()).toHaveLength(16)
    history.add(request('one that is larger than all that may be kept'), 100 * mebibyte)
    expect(history.list()).toHaveLength(0)
  })

  it('is off when it may remember none', () => {
    expect(new RequestHistory(0).isOff).toBe(true)
  })
})

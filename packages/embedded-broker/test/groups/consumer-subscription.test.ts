import fc from 'fast-check'
import { expect, it } from 'vitest'
import { subscribedTopics } from '../../src/groups/consumer-subscription.js'
import { subscription } from './classic-world.js'

it('the topics of a subscription are read, whatever follows them', () => {
  expect(subscribedTopics(subscription('orders', 'payments'))).toEqual(['orders', 'payments'])
  expect(subscribedTopics(subscription())).toEqual([])
})

it('bytes that are no subscription are no error, and no names', () => {
  expect(subscribedTopics(Buffer.alloc(0))).toBeUndefined()
  expect(subscribedTopics(Buffer.from([0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0]))).toBeUndefined()
  expect(subscribedTopics(Buffer.from([0, 0, 0, 0, 0, 1, 0xff, 0xff]))).toBeUndefined()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const topics = subscribedTopics(Buffer.from(bytes))
      expect(topics === undefined || topics.every((topic) => typeof topic === 'string')).toBe(true)
    }),
  )
})

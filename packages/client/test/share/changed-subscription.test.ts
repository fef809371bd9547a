import { afterEach, beforeEach, expect, it } from 'vitest'
import { ScriptedGroup } from './scripted-group.js'

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
})

afterEach(() => group.end())

it('A topic that is not subscribed to any more is not fetched from, also while the coordinator still assigns it', async () => {
  group.topic('orders', [1])
  const payments = group.topic('payments', [1])
  const { consumer } = group.subscribed()
  await group.until(consumer.poll(1))
  // From now on the coordinator leaves the assignment as it was, to both topics.
  group.heartbeat = (request) => group.unassigned(request)
  consumer.subscribe(['payments'])
  await group.until(consumer.poll(1_200))
  const forgotten = group
    .leader()
    .requests.flatMap(({ body }) => ('forgottenTopicsData' in body ? body.forgottenTopicsData : []))
  const orders = group.topics.get('orders')?.topicId
  expect(forgotten.map(({ topicId }) => topicId)).toEqual([orders])
  expect(payments.topicId).not.toBe(orders)
})

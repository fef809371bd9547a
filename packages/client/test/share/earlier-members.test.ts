import { afterEach, beforeEach, expect, it } from 'vitest'
import { ScriptedGroup } from './scripted-group.js'

// Members that unsubscribe() has sent away, which take their leave in the background.

let group: ScriptedGroup

beforeEach(() => {
  group = new ScriptedGroup()
  group.topic()
})

afterEach(() => group.end())

it('close() waits for a member that unsubscribe() has sent away: nothing goes on behind it', async () => {
  const { consumer } = group.subscribed({ acknowledgementMode: 'explicit' })
  group.leader().give({ first: 0, last: 4 })
  const records = [...(await group.until(consumer.poll(1_000)))]
  expect(records).toHaveLength(5)
  for (const record of records.slice(0, 2)) consumer.acknowledge(record)
  group.leader().delay = () => 200
  const unsubscribed = consumer.unsubscribe()
  await group.until(consumer.close({ timeoutMs: 5_000 }))
  expect(group.heartbeats.filter(({ memberEpoch }) => memberEpoch < 0)).toHaveLength(1)
  expect(group.leader().stored.toSorted()).toEqual([
    'orders-0@0 ACCEPT',
    'orders-0@1 ACCEPT',
    'orders-0@2 RELEASE',
    'orders-0@3 RELEASE',
    'orders-0@4 RELEASE',
  ])
  expect(group.leader().session).toBeUndefined()
  await group.until(unsubscribed)
  expect(group.clock.pendingTimers).toBe(0)
})

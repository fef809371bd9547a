import { KafkaUsageError } from '@milena/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogWorld, made } from './catalog-world.js'

const BROKERS = 4

const liveSet = fc.subarray([1, 2, 3, 4])
const step = fc.oneof(
  fc.record({ kind: fc.constant('live' as const), live: liveSet }),
  fc.record({ kind: fc.constant('move' as const), partition: fc.nat(7), to: fc.integer({ min: 0, max: BROKERS + 1 }) }),
  fc.record({ kind: fc.constant('add' as const), count: fc.integer({ min: 1, max: 12 }) }),
)

describe('The leaders of a topic', () => {
  it('are live replicas or none, and their epochs only grow, whatever happens to the brokers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: BROKERS }),
        fc.array(step, { maxLength: 40 }),
        (numPartitions, replicationFactor, steps) => {
          const { topics, changes } = catalogWorld({ brokers: BROKERS })
          const topic = made(topics.create({ name: 'orders', numPartitions, replicationFactor }))
          let live = [1, 2, 3, 4]
          for (const each of steps) {
            const before = topic.partitions.map(({ leaderId, leaderEpoch }) => ({ leaderId, leaderEpoch }))
            const told = changes.length
            if (each.kind === 'live') {
              live = each.live
              topics.liveBrokersChanged(live)
            } else if (each.kind === 'add') {
              topics.addPartitions('orders', each.count)
            } else {
              const replicas = topic.partitions[each.partition]?.replicas ?? []
              const may = replicas.includes(each.to) && live.includes(each.to)
              const move = () => topics.moveLeader(topic.id, each.partition, each.to)
              if (may) move()
              else expect(move).toThrow(KafkaUsageError)
            }
            const moved = topic.partitions.filter((now, i) => {
              const was = before[i]
              if (was === undefined) return false
              // An epoch says how often the leader has changed: no more and no less.
              expect(now.leaderEpoch).toBe(was.leaderEpoch + (now.leaderId === was.leaderId ? 0 : 1))
              return now.leaderId !== was.leaderId
            })
            const tellings = changes.slice(told).filter(({ kind }) => kind === 'leaderChanged')
            expect(tellings).toHaveLength(moved.length)
            for (const { leaderId, replicas, inSyncReplicas, eligibleLeaderReplicas } of topic.partitions) {
              const alive = replicas.filter((id) => live.includes(id))
              expect(inSyncReplicas).toEqual(alive)
              expect(eligibleLeaderReplicas).toHaveLength(alive.length === 0 ? 1 : 0)
              if (alive.length === 0) expect(leaderId).toBe(-1)
              else expect(alive).toContain(leaderId)
            }
          }
        },
      ),
    )
  })
})

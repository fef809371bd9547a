import type { RequestOf, ShareAcknowledge, ShareFetch } from '@milena/protocol'
import { beforeAll, describe, expect } from 'vitest'
import type { ShareAcknowledgment } from '../../src/index.js'
import { calmly, numbered, quickly, warmUp, type Bench } from '../virtual-bench.js'

// Statements of Spring's page about several members, and about what goes over the wire.

beforeAll(warmUp)

type ShareBody = RequestOf<typeof ShareFetch> | RequestOf<typeof ShareAcknowledge>

/** Offsets that each member acknowledged, by member id; and those that each acquired is what the broker answered it with. */
function acknowledgedBy(bench: Bench): Map<string, number[]> {
  const offsets = new Map<string, number[]>()
  for (const { api, body } of bench.broker.requests()) {
    if (api !== 'ShareFetch' && api !== 'ShareAcknowledge') continue
    const { memberId, topics } = body as ShareBody
    for (const { firstOffset, lastOffset } of topics.flatMap(({ partitions }) =>
      partitions.flatMap(({ acknowledgementBatches }) => acknowledgementBatches),
    )) {
      const own = offsets.get(String(memberId)) ?? []
      for (let offset = firstOffset; offset <= lastOffset; offset++) own.push(Number(offset))
      offsets.set(String(memberId), own)
    }
  }
  return offsets
}

describe('Several members', () => {
  quickly(
    'S-53. acknowledge their own records only: no answer of one goes out under the id of another',
    async (bench) => {
      const handedTo = new Map<string, number[]>()
      await bench.container(
        async ({ offset }, acknowledgment, consumer) => {
          const own = handedTo.get(consumer.memberId) ?? []
          own.push(offset)
          handedTo.set(consumer.memberId, own)
          await Promise.resolve()
          acknowledgment?.acknowledge()
        },
        { concurrency: 3, shareAckMode: 'MANUAL' },
      )
      bench.append(30)
      await bench.untilFinished(30)
      const acknowledged = acknowledgedBy(bench)
      expect(handedTo.size).toBeGreaterThan(1)
      for (const [memberId, offsets] of handedTo) {
        expect(acknowledged.get(memberId)?.toSorted((a, b) => a - b)).toEqual(offsets.toSorted((a, b) => a - b))
      }
    },
  )

  quickly('S-57. are not held up by one whose listener never acknowledges', async (bench) => {
    const open: (ShareAcknowledgment | undefined)[] = []
    const seen: (string | null)[] = []
    let stuck: string | undefined
    await bench.container(
      ({ value }, acknowledgment, { memberId }) => {
        stuck ??= memberId
        if (memberId === stuck) return void open.push(acknowledgment)
        seen.push(value)
        acknowledgment?.acknowledge()
      },
      { concurrency: 2, shareAckMode: 'MANUAL' },
    )
    bench.append(1)
    await bench.broker.advanceUntil(() => open.length === 1)
    bench.append(20)
    await bench.broker.advanceUntil(() => seen.length === 20)
    expect(open).toHaveLength(1)
    expect(seen).toEqual(numbered(21).slice(1))
    open[0]?.acknowledge()
    await bench.untilFinished(21)
  })

  calmly(
    'S-47. add up over containers and applications with one group: 3 and 3 are 6, as one container of 6 has',
    async (bench) => {
      const members = () =>
        bench.broker.inspect().shareGroups.find(({ groupId }) => groupId === 'workers')?.members.length
      const containers = [1, 2].map((number) =>
        bench.container(() => undefined, { id: `application-${number}`, concurrency: 3 }),
      )
      await Promise.all(containers)
      expect(members()).toBe(6)
      for (const container of await Promise.all(containers)) await bench.broker.advanceUntil(container.stop())
      expect(members()).toBe(0)
      await bench.container(() => undefined, { id: 'alone', concurrency: 6 })
      expect(members()).toBe(6)
    },
  )
})

describe('On the wire', () => {
  quickly(
    'S-67. the acquire mode and max.poll.records of the container properties are those of its fetches',
    async (bench) => {
      bench.append(20)
      const takes: number[] = []
      await bench.container(() => undefined, {
        kafkaConsumerProperties: { 'share.acquire.mode': 'record_limit', 'max.poll.records': 5 },
      })
      await bench.untilFinished(20)
      for (const { body } of bench.broker.requests({ api: 'ShareFetch' })) {
        const { maxRecords, shareAcquireMode } = body as RequestOf<typeof ShareFetch>
        takes.push(maxRecords)
        expect(shareAcquireMode).toBe(1)
      }
      expect(takes.length).toBeGreaterThan(0)
      expect(Math.max(...takes)).toBe(5)
    },
  )

  quickly(
    'S-168. a container never joins, syncs, heartbeats, commits or resets as a consumer group does',
    async (bench) => {
      bench.append(5)
      const container = await bench.container(() => undefined, { concurrency: 2 })
      await bench.untilFinished(5)
      await bench.broker.clock.advance(20_000)
      await bench.broker.advanceUntil(container.stop())
      const apis = new Set(bench.broker.requests().map(({ api }) => api))
      const ours = [
        'ApiVersions',
        'FindCoordinator',
        'Metadata',
        'ShareAcknowledge',
        'ShareFetch',
        'ShareGroupHeartbeat',
      ]
      expect([...apis].filter((api) => !ours.includes(api))).toEqual([])
      expect(apis.has('ShareGroupHeartbeat')).toBe(true)
    },
  )
})

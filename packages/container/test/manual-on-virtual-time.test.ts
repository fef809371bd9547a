import { ErrorCode } from '@milena/protocol'
import { beforeAll, describe, expect } from 'vitest'
import { RecordLockLostEvent, type ShareAcknowledgment } from '../src/index.js'
import { numbered, quickly, told, warmUp, type Bench, type Values } from './virtual-bench.js'

// MANUAL mode over the real client and a whole broker, where it takes time.

beforeAll(warmUp)

/** A container whose listener only keeps its records and their handles. */
async function keeping(bench: Bench): Promise<{ record: Values; acknowledgment: ShareAcknowledgment }[]> {
  const kept: { record: Values; acknowledgment: ShareAcknowledgment }[] = []
  await bench.container(
    {
      onShareRecord: (record, acknowledgment) => void (acknowledgment && kept.push({ record, acknowledgment })),
    },
    { shareAckMode: 'MANUAL' },
  )
  return kept
}

describe('A MANUAL listener that hands its records on', () => {
  quickly('gets them in whole batches, which grow, however late they are answered', async (bench) => {
    bench.append(300)
    const kept = await keeping(bench)
    const sizes: number[] = []
    while (sizes.reduce((sum, size) => sum + size, 0) < 300) {
      await bench.broker.advanceUntil(() => kept.length > 0)
      await bench.broker.clock.advance(500)
      const batch = kept.splice(0)
      sizes.push(batch.length)
      for (const { acknowledgment } of batch) acknowledgment.acknowledge()
    }
    await bench.untilFinished(300)
    expect(sizes.length).toBeLessThanOrEqual(7)
    expect(sizes[0]).toBe(16)
    expect(sizes[2]).toBeGreaterThan(32)
  })

  quickly('keeps their locks until it answers, each record delivered once', async (bench) => {
    bench.append(10)
    const kept = await keeping(bench)
    await bench.broker.advanceUntil(() => kept.length === 10)
    await bench.broker.clock.advance(200_000)
    expect(bench.partition?.records).toEqual([
      expect.objectContaining({ firstOffset: 0, lastOffset: 9, state: 'ACQUIRED', deliveryCount: 1 }),
    ])
    for (const { acknowledgment } of kept) acknowledgment.acknowledge()
    await bench.untilFinished(10)
    expect(kept.map(({ record }) => told(record))).toEqual(numbered(10).map((value) => `${value} 1`))
    expect(bench.failures).toEqual([])
  })
})

describe('A MANUAL listener that is slow', () => {
  quickly('gets few records at once, and none of them twice, though their locks run out meanwhile', async (bench) => {
    const { broker } = bench
    const deliveries: string[] = []
    bench.append(40)
    await bench.container(
      {
        onShareRecord: async (record, acknowledgment) => {
          deliveries.push(told(record))
          await new Promise<void>((resolve) => broker.clock.setTimer(resolve, 4_000))
          acknowledgment?.acknowledge()
        },
      },
      { shareAckMode: 'MANUAL' },
    )
    await broker.clock.advance(120_000)
    await bench.untilFinished(40, 500)
    expect(deliveries).toEqual(numbered(40).map((value) => `${value} 1`))
  })
})

describe('A deadline', () => {
  quickly('frees a member whose listener hangs, and the record is delivered again', async (bench) => {
    const deliveries: string[] = []
    const reasons: unknown[] = []
    bench.append(3)
    await bench.container(
      {
        onShareRecord: (record, _acknowledgment, _consumer, signal) => {
          deliveries.push(told(record))
          if (record.offset !== 0 || record.deliveryCount > 1) return undefined
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => {
              reasons.push((signal.reason as { code?: string }).code)
              reject(signal.reason as Error)
            })
          })
        },
      },
      { processingDeadlineMs: 60_000, shareConsumerRecordRecoverer: () => 'RELEASE' },
    )
    await bench.untilFinished(3, 500)
    // What waited behind it was given back in the meantime.
    expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v1 2', 'v2 2'])
    expect(reasons).toEqual(['PROCESSING_DEADLINE'])
  })
})

describe('An answer that comes too late', () => {
  for (const rest of ['renewed and stored afterwards', 'lost, too']) {
    quickly(
      `is told as failed, with its record; the rest of its batch is ${rest}`,
      async (bench) => {
        const { broker } = bench
        broker.setGroupConfig('workers', { 'share.record.lock.duration.ms': '1000' })
        bench.append(2)
        const first: ShareAcknowledgment[] = []
        await bench.container(
          {
            onShareRecord: (record, acknowledgment) => {
              if (acknowledgment === undefined) return undefined
              if (record.deliveryCount > 1) acknowledgment.acknowledge()
              else {
                first[record.offset] = acknowledgment
                // A listener that returned would let its handle go with the lock.
                return new Promise<void>(() => undefined)
              }
              return undefined
            },
          },
          { shareAckMode: 'MANUAL', maxInFlight: 5, maxLockExtensionMs: 0 },
        )
        await broker.advanceUntil(() => first.length === 2)
        await broker.clock.advance(500)
        if (rest !== 'lost, too') first[0]?.renew()
        await broker.clock.advance(700)
        if (rest !== 'lost, too') first[0]?.acknowledge()
        await broker.clock.advance(300)
        expect(() => first[1]?.acknowledge()).toThrow(/too late/)
        await broker.clock.advance(300)
        expect(bench.events.filter(({ type }) => type === 'acknowledgmentFailed')).toMatchObject([
          { ranges: [{ firstOffset: 1, lastOffset: 1 }], records: [{ offset: 1 }] },
        ])
      },
      { serverProperties: { 'group.share.min.record.lock.duration.ms': '1000' } },
    )
  }
})

describe('A renewal that the broker refuses', () => {
  quickly('ends the record: it is told as lost, its signal fires, its handle is too late', async (bench) => {
    const { broker } = bench
    bench.append(1)
    const kept: { acknowledgment: ShareAcknowledgment; signal: AbortSignal }[] = []
    const container = await bench.container(
      {
        onShareRecord: (record, acknowledgment, _consumer, signal) => {
          if (record.deliveryCount > 1) acknowledgment?.acknowledge()
          else if (acknowledgment !== undefined) kept.push({ acknowledgment, signal })
        },
      },
      { shareAckMode: 'MANUAL' },
    )
    await broker.advanceUntil(() => kept.length === 1)
    const partitions = [{ topic: 'orders', partition: 0 }]
    const errorCode = ErrorCode.INVALID_RECORD_STATE
    broker.intercept('ShareAcknowledge', () => ({ do: 'fail', errorCode, partitions }), { times: 1 })
    kept[0]?.acknowledgment.renew()
    await broker.advanceUntil(() => kept[0]?.signal.aborted === true)
    expect(bench.events.filter((event) => event instanceof RecordLockLostEvent)).toMatchObject([
      { firstOffset: 0, lastOffset: 0, records: [{ offset: 0 }] },
    ])
    expect([...container.metrics().values()]).toMatchObject([{ locksLost: 1 }])
    expect(() => kept[0]?.acknowledgment.acknowledge()).toThrow(/too late: its lock or its session is lost/)
    await broker.clock.advance(30_000)
    await bench.untilFinished(1)
  })
})

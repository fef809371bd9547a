import { ErrorCode } from '@milena/protocol'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ContainerProperties, ShareAcknowledgment } from '../src/index.js'
import { Bench, warmUp, type Values } from './virtual-bench.js'

// A membership that ends while nobody takes records: the group's coordinator refuses the heartbeats of a member that is paused, or
// waits for what its listener has. It is told at once, and not when records are wanted again.

beforeAll(warmUp)

interface Situation {
  readonly properties: ContainerProperties
  readonly paused?: boolean
}

const situations: readonly (readonly [string, Situation])[] = [
  ['is paused', { properties: {}, paused: true }],
  ['waits for a batch that is not answered', { properties: { shareAckMode: 'MANUAL' } }],
  ['has its window full', { properties: { shareAckMode: 'MANUAL', maxInFlight: 1 } }],
  ['has a listener at work', { properties: { shareAckMode: 'IMPLICIT' } }],
]

describe.each(situations)('A member that %s', (_name, { properties, paused = false }) => {
  const members = (bench: Bench): number =>
    bench.broker.inspect().shareGroups.find(({ groupId }) => groupId === 'workers')?.members.length ?? 0

  async function refused(bench: Bench, errorCode: number) {
    let end = (): void => undefined
    const working = new Promise<void>((resolve) => {
      end = resolve
    })
    const handles: (ShareAcknowledgment | undefined)[] = []
    const container = await bench.container(
      {
        onShareRecord: (_record: Values, acknowledgment) => {
          handles.push(acknowledgment)
          return properties.shareAckMode === 'IMPLICIT' ? working : undefined
        },
      },
      { shutdownTimeoutMs: 1_000, ...properties },
    )
    if (paused) container.pause()
    else {
      bench.append(1)
      await bench.broker.advanceUntil(() => handles.length === 1)
    }
    const refusing = bench.broker.intercept('ShareGroupHeartbeat', () => ({ do: 'fail', errorCode }))
    await bench.broker.clock.advance(10_000)
    return { container, refusing, end }
  }

  const stops = (bench: Bench) => bench.events.filter((event) => event.type === 'consumerStopped')

  test('and is refused by its group is replaced as soon as the group takes members again', async () => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      const { container, refusing, end } = await refused(bench, ErrorCode.GROUP_MAX_SIZE_REACHED)
      expect(stops(bench)).toMatchObject([{ reason: 'ABNORMAL', cause: { code: 'GROUP_MAX_SIZE_REACHED' } }])
      expect(container.health().status).not.toBe('up')
      refusing[Symbol.dispose]()
      await bench.broker.advanceUntil(() => members(bench) === 1 && container.health().status === 'up', {
        stepMs: 100,
      })
      expect(container.state).toBe(paused ? 'paused' : 'running')
      end()
    } finally {
      await bench.end()
    }
  })

  test('and is refused for good ends its container, which has failed', async () => {
    const bench = await Bench.open({ topics: ['orders'] })
    try {
      const { container, refusing, end } = await refused(bench, ErrorCode.INVALID_REQUEST)
      refusing[Symbol.dispose]()
      await bench.broker.advanceUntil(() => container.state === 'failed', { stepMs: 100 })
      expect(stops(bench)).toMatchObject([{ reason: 'ABNORMAL', cause: { code: 'INVALID_REQUEST' } }])
      expect(container.health()).toMatchObject({ status: 'down' })
      end()
    } finally {
      await bench.end()
    }
  })
})

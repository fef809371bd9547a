import type { ShareConsumer } from '@milena/client'
import { beforeAll, describe, expect } from 'vitest'
import { numbered, quickly, told, warmUp, type Values } from './virtual-bench.js'

// What a listener may do with the consumer that it gets: ask it, and nothing that its container does with it.

beforeAll(warmUp)

describe('A listener that calls its consumer', () => {
  quickly('ends no member, takes it off no topic and answers nothing by it', async (bench) => {
    bench.append(3)
    const seen: string[] = []
    const refused: unknown[] = []
    const note = (error: unknown): void => void refused.push((error as { code?: unknown }).code)
    const container = await bench.container({
      onShareRecord: async (record: Values, _acknowledgment, consumer: ShareConsumer<Buffer | null, string | null>) => {
        seen.push(told(record))
        if (record.value !== 'v0') return
        await consumer.close().catch(note)
        await consumer[Symbol.asyncDispose]().catch(note)
        await consumer.unsubscribe().catch(note)
        await consumer.poll(0).catch(note)
        for (const call of [() => consumer.subscribe(['another']), () => consumer.acknowledge(record, 'RELEASE')]) {
          try {
            call()
          } catch (error) {
            note(error)
          }
        }
      },
    })
    await bench.untilFinished(3)
    expect(refused).toEqual(Array.from({ length: 6 }, () => 'CONCURRENT_USE'))
    expect(seen).toEqual(numbered(3).map((value) => `${value} 1`))
    expect(container.state).toBe('running')
    bench.append(1)
    await bench.untilFinished(4)
    expect(bench.failures).toEqual([])
    await bench.broker.advanceUntil(container.stop())
    expect(bench.events.map(({ type }) => type)).toEqual([
      'consumerStarting',
      'consumerStarted',
      'shareConsumerStopping',
      'consumerStopped',
    ])
  })
})

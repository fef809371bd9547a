import { defaultCompressionCodecs, RecordBatchBuilder } from '@milena/protocol'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { expect, it } from 'vitest'
import type { ShareConsumerOptions } from '../../src/index.js'
import { resolveShareConsumerConfig } from '../../src/config/share-consumer-config.js'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { AcquiredRecords } from '../../src/share/acquired-records.js'
import { ShareIntake } from '../../src/share/share-intake.js'
import { receivePartition, type ReceivedPartition } from '../../src/share/share-response.js'

const clock = new VirtualClock()
const ledger = new AcquiredRecords({ answered: () => undefined, lost: () => undefined, verdict: () => undefined })

/** One record of a partition, delivered so often. */
async function received(partition: number, offset: number, deliveryCount: number): Promise<ReceivedPartition> {
  const builder = new RecordBatchBuilder({ baseOffset: offset })
  builder.append({ timestamp: 0, key: null, value: null, headers: [], offset })
  return receivePartition(
    {
      partition: { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition },
      records: await builder.build({ leaderEpoch: 0 }),
      acquired: [{ firstOffset: offset, lastOffset: offset, deliveryCount }],
    },
    { holder: ledger, codecs: defaultCompressionCodecs, checkCrcs: false, lockDeadline: 30_000 },
  )
}

function intakeOf(options: Partial<ShareConsumerOptions> = {}): ShareIntake<Buffer | null, Buffer | null> {
  return new ShareIntake({
    config: resolveShareConsumerConfig({ bootstrapServers: 'localhost:9092', groupId: 'workers', ...options }),
    clock,
    logger: silentLogger,
    outstanding: () => ledger.outstanding,
    finished: () => undefined,
  })
}

it('where whole batches are to be acquired, fetches are exact only after the application stood still', () => {
  const intake = intakeOf({ acquireMode: 'batch_optimized' })
  expect(intake.exact).toBe(false)
  intake.beginCautiously()
  expect(intake.exact).toBe(true)
  expect(intakeOf().exact).toBe(true)
})

it.each([
  ['before', [4, 1]],
  ['behind', [1, 4]],
])(
  'an application that stood still is given no more at once while an answer holds what came often, %s what is new',
  async (_, deliveries) => {
    const intake = intakeOf()
    intake.beginCautiously()
    for (let offset = 0; offset < 5; offset++) {
      intake.add(await Promise.all(deliveries.map((count, partition) => received(partition, offset, count))))
      for (;;) {
        const taken = intake.take({ max: undefined, maxInFlight: undefined, batch: false })
        if (taken === undefined) break
        for (const { range, from, to } of taken.spans) range.answerOpen(AckCode.ACCEPT, from, to)
      }
      intake.waits(true)
      expect(intake.recordsToFetch()).toBe(1)
    }
  },
)

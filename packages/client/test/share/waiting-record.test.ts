import { defaultCompressionCodecs, RecordBatchBuilder } from '@milena/protocol'
import { silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { expect, it } from 'vitest'
import type { RangeHolder } from '../../src/share/acquired-range.js'
import { FetchBuffer } from '../../src/share/fetch-buffer.js'
import { LateHandout } from '../../src/share/late-handout.js'
import { receivePartition } from '../../src/share/share-response.js'

const LOCK_MS = 30_000
const holder: RangeHolder = {
  live: true,
  renewable: true,
  outstanding: 0,
  answered: () => undefined,
  urged: () => undefined,
  renew: () => undefined,
  giveUp: () => undefined,
}

it('a record that waits for the renewal of its lock counts as waiting, until it is handed out', async () => {
  const clock = new VirtualClock()
  const builder = new RecordBatchBuilder({ baseOffset: 0 })
  for (let offset = 0; offset < 4; offset++)
    builder.append({ timestamp: 1_000, key: null, value: Buffer.from(`v${offset}`) })
  const received = await receivePartition(
    {
      partition: { topic: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partition: 0 },
      records: await builder.build(),
      acquired: [{ firstOffset: 0, lastOffset: 3, deliveryCount: 1 }],
    },
    { holder, codecs: defaultCompressionCodecs, checkCrcs: false, lockDeadline: clock.now() + LOCK_MS },
  )
  const [range] = received.ranges
  if (range === undefined) throw new Error('no range came')
  const buffer = new FetchBuffer<Buffer | null, Buffer | null>({
    deserializers: { key: undefined, value: undefined },
    exact: true,
    clock,
    logger: silentLogger,
  })
  buffer.keepsLocks = true
  buffer.add(received)
  const take = (max: number): number[] => {
    const taken = buffer.take(max)
    if (taken instanceof LateHandout) throw new Error('it waits for a promise of a deserialiser')
    return taken.records.map(({ offset }) => offset)
  }
  expect(take(1)).toEqual([0])
  await clock.advance(LOCK_MS)
  // Twice: coming for it in vain does not move it on either.
  for (let times = 0; times < 2; times++) {
    expect(take(4)).toEqual([])
    expect(buffer.positions().get(range)).toEqual({ ahead: 0, from: 1 })
    buffer.recount()
    expect(buffer.records).toBe(3)
  }
  range.renewed(0, 4, clock.now() + LOCK_MS)
  expect(take(4)).toEqual([1, 2, 3])
  expect(buffer.records).toBe(0)
})

import type { RequestOf, ShareFetch } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { AcknowledgementVerdict } from '../../src/index.js'
import { engineOf } from '../../src/share/share-consumer.js'
import { AckCode } from '../../src/share/acknowledge-type.js'
import { VirtualGroup, type Received } from './virtual-group.js'

// Answers that another one takes the place of before they are sent, over a whole broker in memory and in virtual time.

let group: VirtualGroup

afterEach(() => group.end({ timeoutMs: 1_000 }))

describe("In an iteration with onSecondAcknowledge 'lastWins'", () => {
  it.each(['RENEW', 'RELEASE'] as const)(
    'a %s in the place of an ACCEPT costs the answers beside it nothing: no fetch carries it',
    async (type) => {
      group = new VirtualGroup(await VirtualGroup.startBroker(5))
      const { broker } = group
      const consumer = group.consumer({ onSecondAcknowledge: 'lastWins' })
      const verdicts: AcknowledgementVerdict[] = []
      consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
      const stream = consumer.records({ maxInFlight: 10 })
      broker.append('orders', [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
      const records: Received[] = []
      while (records.length < 3) {
        const { value } = await broker.advanceUntil(stream.next())
        if (engineOf(consumer).isRecord(value)) records.push(value)
      }
      for (const record of records) consumer.acknowledge(record, 'ACCEPT')
      for (const record of records.slice(2)) consumer.acknowledge(record, type)
      const next = stream.next()
      await broker.clock.advance(1_000)
      expect(verdicts.map(({ error }) => error?.code ?? 'ok')).toEqual(verdicts.map(() => 'ok'))
      expect(verdicts.reduce((sum, { counts }) => sum + counts.accept, 0)).toBe(2)
      expect(verdicts.reduce((sum, { counts }) => sum + counts.renew + counts.release, 0)).toBe(1)
      expect(broker.inspect().sharePartitions[0]?.startOffset).toBe(2)
      const carried = broker
        .requests({ api: 'ShareFetch' })
        .flatMap(({ body }) => (body as RequestOf<typeof ShareFetch>).topics)
        .flatMap(({ partitions }) => partitions)
        .flatMap(({ acknowledgementBatches }) => acknowledgementBatches)
        .flatMap(({ acknowledgeTypes }) => acknowledgeTypes)
      expect(carried).not.toContain(AckCode.RENEW)
      expect(carried).not.toContain(AckCode.RELEASE)
      expect(consumer.metrics()).toMatchObject({ accepted: 2, failed: 0, lost: 0 })
      broker.append('orders', [{ value: 'd' }])
      await broker.advanceUntil(next)
    },
  )
})

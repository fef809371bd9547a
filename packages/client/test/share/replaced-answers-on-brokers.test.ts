import { describeOnBrokers } from '@milena/tools-test-brokers'
import { afterEach, expect, it } from 'vitest'
import type { AcknowledgementVerdict } from '../../src/index.js'
import { engineOf } from '../../src/share/share-consumer.js'
import { numbered, RealGroups, receiveFor, results, type Received } from './real-group.js'

describeOnBrokers("an answer in the place of another, with onSecondAcknowledge 'lastWins'", (broker) => {
  const groups = new RealGroups(broker)

  afterEach(() => groups.close())

  it.each(['RENEW', 'RELEASE'] as const)(
    'is stored beside those around it: two accepted records are finished, the third has its %s',
    async (type) => {
      const { topic, groupId, consumer } = await groups.explicitOf(numbered(3), { onSecondAcknowledge: 'lastWins' })
      const verdicts: AcknowledgementVerdict[] = []
      consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
      const stream = consumer.records({ maxInFlight: 10 })
      const records: Received[] = []
      const read = async (): Promise<Received> => {
        const { value } = await stream.next()
        if (!engineOf(consumer).isRecord(value)) throw new Error('no record came')
        return value
      }
      while (records.length < 3) records.push(await read())
      for (const record of records) consumer.acknowledge(record, 'ACCEPT')
      for (const record of records.slice(2)) consumer.acknowledge(record, type)
      const next = read()
      await groups.untilLag(groupId, 1)
      if (type === 'RELEASE') {
        const again = await next
        expect([again.offset, again.deliveryCount]).toEqual([2, 2])
        consumer.acknowledge(again, 'ACCEPT')
      } else {
        for (const record of records.slice(2)) consumer.acknowledge(record, 'ACCEPT')
        await groups.untilLag(groupId, 0)
        await groups.produce(topic, ['one more'])
        const fourth = await next
        expect([fourth.offset, fourth.deliveryCount]).toEqual([3, 1])
        consumer.acknowledge(fourth, 'ACCEPT')
      }
      await stream.return?.()
      expect(Object.values(results(await consumer.commitSync())).every((result) => result === 'ok')).toBe(true)
      expect(verdicts.map(({ error }) => error?.code ?? 'ok')).toEqual(verdicts.map(() => 'ok'))
      await groups.untilLag(groupId, 0)
      await consumer.close()
      const another = groups.explicit(groupId)
      another.subscribe([topic])
      expect(await receiveFor(another, 500)).toEqual([])
    },
  )
})

import { EmbeddedBroker } from '@milena/embedded-broker'
import { ErrorCode, KafkaBrokerError } from '@milena/protocol'
import { SeededRandom, silentLogger, VirtualClock } from '@milena/protocol/runtime'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ShareConsumer, type AcknowledgementVerdict, type ConsumerRecord } from '../../src/index.js'
import { forbidsRenewals, renewalsAmong } from '../../src/share/forbidden-renewals.js'
import { ScriptedGroup } from './scripted-group.js'

// What an application may have of a group with share.renew.acknowledge.enable=false, over a whole broker in virtual time.

type Received = ConsumerRecord<Buffer | null, Buffer | null>

describe('The records of a group that forbids renewals', () => {
  let broker: EmbeddedBroker<VirtualClock>
  let consumer: ShareConsumer
  let verdicts: AcknowledgementVerdict[]

  beforeEach(async () => {
    verdicts = []
    broker = await EmbeddedBroker.start({
      network: 'memory',
      clock: new VirtualClock(),
      random: new SeededRandom(3),
      topics: ['orders'],
    })
    broker.setGroupConfig('workers', {
      'share.auto.offset.reset': 'earliest',
      'share.renew.acknowledge.enable': 'false',
    })
    consumer = new ShareConsumer({
      bootstrapServers: broker.bootstrapServers,
      groupId: 'workers',
      acknowledgementMode: 'explicit',
      logger: silentLogger,
      runtime: broker.runtime,
    })
    consumer.setAcknowledgementCommitCallback((verdict) => verdicts.push(verdict))
    consumer.subscribe(['orders'])
  })

  afterEach(async () => {
    await broker.advanceUntil(consumer.close({ timeoutMs: 1_000 }))
    await broker.stop()
  })

  async function receive(count: number): Promise<readonly Received[]> {
    broker.append(
      'orders',
      Array.from({ length: count }, (_, i) => ({ value: `v${i}` })),
    )
    return (await broker.advanceUntil(consumer.poll(10_000))).records
  }

  function told(): string[] {
    return verdicts.flatMap(({ batches, error }) =>
      batches.map(({ firstOffset, lastOffset, acknowledgeTypes }) =>
        [`${firstOffset}-${lastOffset}`, acknowledgeTypes.join(''), error?.code ?? 'ok'].join(' '),
      ),
    )
  }

  it('keep their locks, and what was answered along with them is stored', async () => {
    const records = await receive(6)
    records.forEach((record, i) => consumer.acknowledge(record, i === 2 || i === 3 ? 'RENEW' : 'ACCEPT'))
    const [error] = (await broker.advanceUntil(consumer.commitSync())).values()
    expect(error).toSatisfy(KafkaBrokerError.is)
    expect(error).toMatchObject({ errorCode: ErrorCode.INVALID_RECORD_STATE })
    expect(error?.message).toMatch(/share\.renew\.acknowledge\.enable.*keep the locks.*ACCEPT, RELEASE or REJECT/)
    expect(error?.message).not.toMatch(/ran out, or it was answered before/)
    expect(told()).toEqual(['2-3 4 INVALID_RECORD_STATE', '0-1 1 ok', '4-5 1 ok'])
    expect(consumer.metrics()).toMatchObject({ accepted: 4, failed: 2, lost: 0 })

    const [third, fourth] = records.slice(2)
    if (third === undefined || fourth === undefined) throw new Error('nothing came')
    consumer.acknowledge(third)
    consumer.acknowledge(fourth, 'REJECT')
    expect([...(await broker.advanceUntil(consumer.commitSync())).values()]).toEqual([undefined])
    expect(broker.inspect().sharePartitions[0]?.startOffset).toBe(6)
    expect(records.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('come again from the next poll while they are held, with the lock they had', async () => {
    const [record] = await receive(1)
    if (record === undefined) throw new Error('nothing came')
    const { lockExpiresAt } = record
    consumer.acknowledge(record, 'RENEW')
    const again = await broker.advanceUntil(consumer.poll(1_000))
    expect(again.records).toEqual([record])
    expect(record.lockExpiresAt).toBe(lockExpiresAt)
    consumer.acknowledge(record)
    expect([...(await broker.advanceUntil(consumer.commitSync())).values()]).toEqual([undefined])
    expect(told()).toEqual(['0-0 4 INVALID_RECORD_STATE', '0-0 1 ok'])
  })

  it('have their verdict when they are answered for good', async () => {
    const [record] = await receive(1)
    if (record === undefined) throw new Error('nothing came')
    const verdict = consumer.verdictOf(record)
    consumer.acknowledge(record, 'RENEW')
    await broker.advanceUntil(consumer.commitSync())
    consumer.acknowledge(record)
    await broker.advanceUntil(consumer.commitSync())
    expect((await verdict).error).toBeUndefined()
  })

  it('may be answered while the renewal is on its way', async () => {
    const [record] = await receive(1)
    if (record === undefined) throw new Error('nothing came')
    broker.intercept('ShareAcknowledge', () => ({ do: 'delay', ms: 100 }), { times: 1 })
    consumer.acknowledge(record, 'RENEW')
    await broker.clock.advance(50)
    consumer.acknowledge(record)
    await broker.advanceUntil(consumer.commitSync())
    expect(told()).toEqual(['0-0 4 INVALID_RECORD_STATE', '0-0 1 ok'])
  })
})

describe('A renewal that is refused because its lock is gone', () => {
  it('makes room for another record, where so many only may be out', async () => {
    const group = new ScriptedGroup()
    const { engine } = group.subscribed({ acknowledgementMode: 'explicit' })
    group.leader().give({ first: 0, last: 1 })
    const [record] = (await group.until(engine.take({ maxInFlight: 1 }))).records
    if (record === undefined) throw new Error('nothing came')
    group.leader().acknowledgeError = () => ErrorCode.INVALID_RECORD_STATE
    const next = engine.take({ maxInFlight: 1 })
    engine.settle(record, 'RENEW')
    const { value, tookMs } = await group.timed(next)
    expect(value.records.map(({ offset }) => offset)).toEqual([1])
    expect(tookMs).toBeLessThan(100)
    await group.end()
  })
})

describe('What a broker says of renewals', () => {
  it.each([
    ['Renewing acquisition locks is not enabled for the group.', ErrorCode.INVALID_RECORD_STATE, true],
    [
      'The batch cannot be acknowledged. The batch is not in the acquired state.',
      ErrorCode.INVALID_RECORD_STATE,
      false,
    ],
    ['Renewing acquisition locks is not enabled for the group.', ErrorCode.UNKNOWN_SERVER_ERROR, false],
    [null, ErrorCode.INVALID_RECORD_STATE, false],
  ])('is understood: %s (%d)', (said, errorCode, forbids) => {
    expect(forbidsRenewals(errorCode, said)).toBe(forbids)
  })

  it('concerns the renewals among what was sent only', () => {
    expect(
      renewalsAmong([
        { firstOffset: 0, lastOffset: 4, acknowledgeTypes: [1] },
        { firstOffset: 5, lastOffset: 9, acknowledgeTypes: [4, 1, 4, 4, 2] },
        { firstOffset: 10, lastOffset: 30, acknowledgeTypes: [4] },
      ]),
    ).toEqual([
      { firstOffset: 5, lastOffset: 5, acknowledgeTypes: [4] },
      { firstOffset: 7, lastOffset: 8, acknowledgeTypes: [4] },
      { firstOffset: 10, lastOffset: 30, acknowledgeTypes: [4] },
    ])
  })
})

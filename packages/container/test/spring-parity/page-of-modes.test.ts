import type { ConsumerRecord } from '@milena/client'
import { beforeAll, describe, expect } from 'vitest'
import { RELEASING, type ShareAcknowledgment } from '../../src/index.js'
import { deferred } from '../container-harness.js'
import { numbered, quickly, told, warmUp, type Bench } from '../virtual-bench.js'

// Statements of Spring's page that take time, or a broker that does wrong. The letter and number are the row of the parity page.

beforeAll(warmUp)

type Values = ConsumerRecord<Buffer | null, string | null>

/** What the members of all containers of a bench were told by the brokers is in the log; what the listener failed at, in the events. */
const failuresOf = (bench: Bench): unknown[] =>
  bench.events.flatMap((event) =>
    event.type === 'listenerFailed' ? [[event.record.offset, event.acknowledgement, String(event.error)]] : [],
  )

describe('IMPLICIT mode', () => {
  quickly('S-100. accepts every record, also of a listener that always throws: nothing comes again', async (bench) => {
    const deliveries: string[] = []
    bench.append(5)
    const container = await bench.container(
      (record) => {
        deliveries.push(told(record))
        throw new Error('always')
      },
      { shareAckMode: 'IMPLICIT' },
    )
    await bench.untilFinished(5)
    expect(deliveries).toEqual(numbered(5).map((value) => `${value} 1`))
    expect([...container.metrics().values()]).toMatchObject([{ failed: 5, broker: { accepted: 5, rejected: 0 } }])
    expect(bench.failures).toEqual([])
  })

  quickly('S-103. does not ask the recoverer, which a warning at the start tells', async (bench) => {
    let asked = 0
    bench.append(1)
    await bench.container(
      () => {
        throw new Error('always')
      },
      {
        shareAckMode: 'IMPLICIT',
        shareConsumerRecordRecoverer: () => {
          asked++
          return 'RELEASE'
        },
      },
    )
    await bench.untilFinished(1)
    expect(asked).toBe(0)
    expect(
      bench.log
        .at('warn')
        .filter(({ message }) => /shareConsumerRecordRecoverer will not be asked.*IMPLICIT/.test(message)),
    ).toHaveLength(1)
  })

  quickly('S-104. tells of a listener that threw all the same: an error in the log, and an event', async (bench) => {
    bench.append(2)
    await bench.container(
      (record) => {
        if (record.offset === 1) throw new Error('bad order')
      },
      { shareAckMode: 'IMPLICIT' },
    )
    await bench.untilFinished(2)
    expect(failuresOf(bench)).toEqual([[1, 'ACCEPT', 'Error: bad order']])
    expect(bench.log.at('error')).toMatchObject([{ facts: { topic: 'orders', partition: 0, offset: 1 } }])
  })

  quickly('S-101. has no acknowledgment for a listener that would take one, and warns of that once', async (bench) => {
    const handles: unknown[] = []
    bench.append(3)
    await bench.container((_record, acknowledgment) => void handles.push(acknowledgment), { shareAckMode: 'IMPLICIT' })
    await bench.untilFinished(3)
    expect(handles).toEqual([undefined, undefined, undefined])
    expect(bench.log.at('warn').filter(({ message }) => message.includes('IMPLICIT'))).toHaveLength(1)
  })

  quickly('S-141. rejects a record that cannot be deserialised, and accepts the others', async (bench) => {
    const seen: (string | null)[] = []
    bench.append(1)
    bench.broker.append('orders', [{ value: Buffer.from([0xff, 0xfe]) }])
    bench.append(1)
    const container = await bench.container(({ value }) => void seen.push(value), { shareAckMode: 'IMPLICIT' })
    await bench.untilFinished(3)
    expect(seen).toEqual(['v0', 'v1'])
    expect([...container.metrics().values()]).toMatchObject([
      { undeserializable: 1, broker: { accepted: 2, rejected: 1, redelivered: 0 } },
    ])
    expect(bench.events.filter(({ type }) => type === 'recordDeserializationFailed')).toHaveLength(1)
  })
})

describe('EXPLICIT mode', () => {
  quickly(
    'S-122. takes a listener with an acknowledgment parameter: it gets none, the container answers, one warning tells',
    async (bench) => {
      const handles: unknown[] = []
      bench.append(3)
      await bench.container((_record, acknowledgment) => void handles.push(acknowledgment))
      await bench.untilFinished(3)
      expect(handles).toEqual([undefined, undefined, undefined])
      expect(bench.log.at('warn').filter(({ message }) => message.includes('EXPLICIT'))).toHaveLength(1)
    },
  )

  quickly('S-129. never tells of an acknowledgment that is late', async (bench) => {
    const { promise, resolve } = deferred()
    bench.append(1)
    await bench.container(() => promise, { shareAcknowledgmentTimeoutMs: 1_000 })
    await bench.broker.clock.advance(20_000)
    resolve()
    await bench.untilFinished(1)
    expect(bench.events.filter(({ type }) => type === 'acknowledgmentTimeout')).toEqual([])
    expect(bench.log.at('warn')).toEqual([])
  })
})

describe('MANUAL mode', () => {
  quickly(
    '15. holds the next batch back for as long as something of this one is open, also when that takes minutes',
    async (bench) => {
      const handles: (ShareAcknowledgment | undefined)[] = []
      bench.append(3)
      await bench.container(
        (_record: Values, acknowledgment: ShareAcknowledgment | undefined) => void handles.push(acknowledgment),
        {
          shareAckMode: 'MANUAL',
        },
      )
      await bench.broker.advanceUntil(() => handles.length === 3)
      bench.append(3)
      await bench.broker.clock.advance(120_000)
      expect(handles).toHaveLength(3)
      for (const handle of handles.splice(0)) handle?.acknowledge()
      await bench.broker.advanceUntil(() => handles.length === 3)
      for (const handle of handles.splice(0)) handle?.acknowledge()
      await bench.untilFinished(6)
      expect(bench.failures).toEqual([])
    },
  )

  quickly('S-116. keeps a lock that is renewed: 40 s with one renew() at 20 s cost no delivery', async (bench) => {
    const { clock } = bench.broker
    const deliveries: string[] = []
    let handle: ShareAcknowledgment | undefined
    bench.append(1)
    // Nothing but renew() keeps this lock.
    const container = await bench.container(
      (record, acknowledgment) => {
        deliveries.push(told(record))
        handle = acknowledgment
      },
      { shareAckMode: 'MANUAL', maxLockExtensionMs: 0 },
    )
    await bench.broker.advanceUntil(() => handle !== undefined)
    await clock.advance(20_000)
    handle?.renew()
    await clock.advance(20_000)
    expect(bench.partition?.records).toMatchObject([{ firstOffset: 0, state: 'ACQUIRED', deliveryCount: 1 }])
    handle?.acknowledge()
    await bench.untilFinished(1)
    expect(deliveries).toEqual(['v0 1'])
    expect([...container.metrics().values()]).toMatchObject([{ broker: { renewed: 1, accepted: 1 } }])
  })

  quickly(
    'S-126. takes renew() as often as one likes, and then one terminal answer; after that not even renew()',
    async (bench) => {
      let handle: ShareAcknowledgment | undefined
      bench.append(1)
      await bench.container((_record, acknowledgment) => void (handle = acknowledgment), { shareAckMode: 'MANUAL' })
      await bench.broker.advanceUntil(() => handle !== undefined)
      for (let times = 0; times < 3; times++) {
        handle?.renew()
        await bench.broker.clock.advance(5_000)
      }
      expect(handle?.isAcknowledged).toBe(false)
      handle?.acknowledge()
      expect(() => handle?.renew()).toThrow(expect.objectContaining({ code: 'ALREADY_ACKNOWLEDGED' }))
      await bench.untilFinished(1)
      expect(bench.failures).toEqual([])
    },
  )

  quickly(
    'S-130. warns of a record that is not acknowledged within 30 s, once, and begins anew with renew()',
    async (bench) => {
      const { clock } = bench.broker
      let handle: ShareAcknowledgment | undefined
      bench.append(1)
      await bench.container((_record, acknowledgment) => void (handle = acknowledgment), { shareAckMode: 'MANUAL' })
      await bench.broker.advanceUntil(() => handle !== undefined)
      const warnings = () =>
        bench.log.at('warn').map(({ facts, message }) => [facts['topic'], facts['partition'], facts['offset'], message])
      await clock.advance(25_000)
      handle?.renew()
      await clock.advance(29_000)
      expect(warnings()).toEqual([])
      await clock.advance(2_000)
      expect(warnings()).toEqual([
        ['orders', 0, 0, expect.stringMatching(/30.*acknowledge\(\).*release\(\).*reject\(\).*renew\(\)/s)],
      ])
      expect(warnings()[0]?.[3]).toContain('orders')
      await clock.advance(50_000)
      handle?.renew()
      await clock.advance(50_000)
      expect(warnings()).toHaveLength(1)
      expect(bench.events.filter(({ type }) => type === 'acknowledgmentTimeout')).toHaveLength(1)
      handle?.acknowledge()
      await bench.untilFinished(1)
    },
  )

  quickly(
    'S-133. tells of it while nothing is consumed any more, without another record and without another fetch',
    async (bench) => {
      let delivered = 0
      bench.append(1)
      await bench.container((_record, _acknowledgment) => void delivered++, { shareAckMode: 'MANUAL' })
      await bench.broker.advanceUntil(() => delivered === 1)
      bench.broker.intercept('ShareFetch', () => ({ do: 'drop', what: 'request' }))
      await bench.broker.clock.advance(31_000)
      expect(bench.events.filter(({ type }) => type === 'acknowledgmentTimeout')).toHaveLength(1)
      expect(delivered).toBe(1)
    },
  )

  quickly(
    'S-166. cannot go round for ever with a record that is always released: it is archived with the fifth',
    async (bench) => {
      const deliveries: string[] = []
      bench.append(2)
      await bench.container(
        (record, acknowledgment) => {
          deliveries.push(told(record))
          if (record.offset === 0) acknowledgment?.release()
          else acknowledgment?.acknowledge()
        },
        { shareAckMode: 'MANUAL' },
      )
      await bench.untilFinished(2)
      await bench.broker.clock.advance(10_000)
      expect(deliveries.toSorted()).toEqual(['v0 1', 'v0 2', 'v0 3', 'v0 4', 'v0 5', 'v1 1'])
    },
  )
})

describe('Errors while records are taken', () => {
  quickly('S-143. a corrupt batch is rejected as a whole, and the batches around it are delivered', async (bench) => {
    bench.broker.intercept('ShareFetch', () => ({
      do: 'change',
      answer: (body) => ({
        ...body,
        responses: body.responses.map((topic) => ({
          ...topic,
          partitions: topic.partitions.map((partition) => ({
            ...partition,
            records: withBrokenBatchAt(1, partition.records),
          })),
        })),
      }),
    }))
    const seen: (string | null)[] = []
    bench.append(1)
    bench.append(2)
    bench.append(1)
    const container = await bench.container(({ value }) => void seen.push(value))
    await bench.untilFinished(4)
    expect(seen).toEqual(['v0', 'v3'])
    expect([...container.metrics().values()]).toMatchObject([{ broker: { accepted: 2, rejected: 2, redelivered: 0 } }])
    expect(container.state).toBe('running')
    expect(bench.log.at('error').map(({ message }) => message)).toEqual([
      expect.stringMatching(/offset 1 of orders-0 is corrupt/),
    ])
  })

  quickly(
    'S-144. one bad record ends no member: undecodable ones are rejected singly, and the loop goes on as it was',
    async (bench) => {
      const seen: (string | null)[] = []
      const container = await bench.container(({ value }) => void seen.push(value), {
        shareConsumerRecordRecoverer: RELEASING,
      })
      for (let round = 0; round < 3; round++) {
        bench.broker.append('orders', [{ value: Buffer.from([0xc3, 0x28]) }])
        bench.append(1)
      }
      await bench.untilFinished(6)
      expect(seen).toEqual(numbered(3))
      expect(bench.events.filter(({ type }) => type === 'consumerStarted' || type === 'consumerStopped')).toHaveLength(
        1,
      )
      expect([...container.metrics().values()]).toMatchObject([{ undeserializable: 3, broker: { rejected: 3 } }])
    },
  )
})

/** Flips a bit in the batch that begins at an offset. */
function withBrokenBatchAt(offset: number, records: Uint8Array): Buffer {
  const bytes = Buffer.from(records)
  for (let at = 0; at + 12 <= bytes.length; at += 12 + bytes.readInt32BE(at + 8)) {
    if (Number(bytes.readBigInt64BE(at)) !== offset) continue
    const last = at + 11 + bytes.readInt32BE(at + 8)
    bytes[last] = (bytes[last] ?? 0) ^ 1
  }
  return bytes
}

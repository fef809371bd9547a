import { Producer } from '@milena/client'
import { describeOnBrokers } from '@milena/tools-test-brokers'
import { expect, it } from 'vitest'
import { verifiableShareConsumer } from '../src/verifiable-share-consumer.js'
import { RecordedHost, type ToolHost } from '@milena/tools-java-habits'

interface Event {
  readonly name: string
  readonly key?: string | null
  readonly value?: string | null
  readonly count?: number
  readonly success?: boolean
  readonly partitions?: readonly { readonly partition: number; readonly offsets: readonly number[] }[]
}

type Recorded = Pick<RecordedHost, 'lines'>

const eventsOf = ({ lines }: Recorded): Event[] => lines.map((line) => JSON.parse(line) as Event)

const total = (host: RecordedHost, name: string): number =>
  eventsOf(host).reduce((sum, event) => sum + (event.name === name ? (event.count ?? 0) : 0), 0)

const offsetsIn = (host: Recorded, name: string): string[] =>
  eventsOf(host)
    .filter((event) => event.name === name)
    .flatMap(({ partitions = [] }) => partitions.flatMap((each) => each.offsets.map((at) => `${each.partition}-${at}`)))

describeOnBrokers('VerifiableShareConsumer on Milena', (broker) => {
  async function topicWith(records: number): Promise<string> {
    const topic = await broker.createTopic({ partitions: 2 })
    const producer = new Producer({ bootstrapServers: broker.bootstrapServers })
    await Promise.all(
      Array.from({ length: records }, (_, i) => producer.send({ topic, partition: i % 2, value: `v${i}` })),
    )
    await producer.close()
    return topic
  }

  const place = (topic: string, group: string) => [
    ...['--topic', topic, '--group-id', group, '--bootstrap-server', broker.bootstrapServers],
  ]

  it.each(['auto', 'sync', 'async'])('consumes and acknowledges everything in mode %s', async (mode) => {
    const topic = await topicWith(300)
    const group = broker.uniqueName('group')
    const host = new RecordedHost()
    const code = await verifiableShareConsumer(
      [
        ...place(topic, group),
        ...['--max-messages', '300', '--acknowledgement-mode', mode, '--offset-reset-strategy', 'earliest'],
      ],
      host,
    )
    expect([code, host.complaints]).toEqual([0, []])
    expect([total(host, 'records_consumed'), total(host, 'offsets_acknowledged')]).toEqual([300, 300])
    const names = eventsOf(host).map(({ name }) => name)
    expect(names.slice(0, 2)).toEqual(['startup_complete', 'offset_reset_strategy_set'])
    expect(names.at(-1)).toBe('shutdown_complete')
    await expect.poll(() => broker.lag(group), { timeout: 10_000, interval: 50 }).toBe(0)
  })

  it('shows each record with --verbose, before the summary of its poll', async () => {
    const topic = await topicWith(4)
    const host = new RecordedHost()
    await verifiableShareConsumer([...place(topic, await broker.createGroup()), '--max-messages=4', '--verbose'], host)
    const records = eventsOf(host).filter(({ name }) => name === 'record_data')
    expect(records.map(({ key, value }) => `${key} ${value}`).toSorted()).toEqual([
      'null v0',
      'null v1',
      'null v2',
      'null v3',
    ])
    const names = eventsOf(host).map(({ name }) => name)
    expect(names.lastIndexOf('record_data')).toBeLessThan(names.lastIndexOf('records_consumed'))
  })

  it('ends when asked to, what it consumed being acknowledged or left to others', async () => {
    const topic = await topicWith(50)
    const group = await broker.createGroup()
    const first = new RecordedHost('records_consumed')
    expect(await verifiableShareConsumer([...place(topic, group), '--acknowledgement-mode', 'sync'], first)).toBe(0)
    expect(eventsOf(first).at(-1)?.name).toBe('shutdown_complete')
    const rest = 50 - total(first, 'offsets_acknowledged')
    const second = new RecordedHost()
    await verifiableShareConsumer([...place(topic, group), '--max-messages', String(rest)], second)
    await expect.poll(() => broker.lag(group), { timeout: 10_000, interval: 50 }).toBe(0)
  })

  it('tells no offset as acknowledged that it gave back unread when it ended', async () => {
    const topic = await topicWith(400)
    const group = await broker.createGroup()
    const stop = new AbortController()
    const lines: string[] = []
    const host: ToolHost = {
      print: (line) => {
        lines.push(line)
        // As a signal comes: between turns of the event loop.
        if (line.includes('records_consumed')) setImmediate(() => stop.abort())
      },
      complain: (line) => expect.unreachable(line),
      stop: stop.signal,
    }
    await verifiableShareConsumer(place(topic, group), host)
    const [consumed, acknowledged] = [
      offsetsIn({ lines }, 'records_consumed'),
      offsetsIn({ lines }, 'offsets_acknowledged'),
    ]
    expect(acknowledged.toSorted()).toEqual(consumed.toSorted())
    await expect.poll(() => broker.lag(group), { timeout: 10_000, interval: 50 }).toBe(400 - acknowledged.length)
  })

  it('ends at once when asked to while it waits for records', async () => {
    const topic = await broker.createTopic()
    const host = new RecordedHost('startup_complete')
    const group = await broker.createGroup()
    expect(await verifiableShareConsumer([...place(topic, group), '--offset-reset-strategy=latest'], host)).toBe(0)
    expect(eventsOf(host).map(({ name }) => name)).toEqual(['startup_complete', 'shutdown_complete'])
  })

  it('says what is wrong on standard error, and nothing on standard output', async () => {
    const wrong: [words: readonly string[], complaint: string][] = [
      [['--topic', 't'], 'argument --group-id is required'],
      [[...place('t', 'g'), '--max-messages', 'x'], "'x' is not a whole number"],
      [[...place('t', 'g'), '--acknowledgement-mode', 'x'], "'x' is none of auto, async, sync"],
      [[...place('t', ''), '--max-messages', '0'], 'groupId'],
      [[...place('t', 'g'), '--bootstrap-server', 'nowhere:x'], 'bootstrapServers'],
    ]
    for (const [words, complaint] of wrong) {
      const host = new RecordedHost()
      expect(await verifiableShareConsumer(words, host), complaint).toBe(1)
      expect(host.lines).toEqual([])
      expect(host.complaints.join('\n')).toContain(complaint)
    }
  })

  it('tells an error during consumption on standard error, and ends as a system test expects it', async () => {
    const host = new RecordedHost()
    expect(await verifiableShareConsumer(place('no topic', 'g'), host)).toBe(0)
    expect(eventsOf(host).map(({ name }) => name)).toEqual(['startup_complete', 'shutdown_complete'])
    expect(host.complaints.join('\n')).toContain("'no topic' is not a legal topic name")
  })
})

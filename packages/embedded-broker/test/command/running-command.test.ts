import {
  ApiVersions,
  Fetch,
  IncrementalAlterConfigs,
  Produce,
  ShareFetch,
  ShareGroupHeartbeat,
  type RequestInput,
} from '@milena/protocol'
import { VirtualClock } from '@milena/protocol/runtime'
import { afterEach, describe, expect, it } from 'vitest'
import { startCommand, type RunningCommand } from '../../src/command/running-command.js'
import { fetchPartition, produceRequest } from '../handlers/data-client.js'
import { batchOf } from '../log/log-world.js'
import { RawClient } from '../raw-client.js'

const running: RunningCommand[] = []

/** A command on virtual time, and all that it writes. */
async function start(...words: string[]) {
  const clock = new VirtualClock()
  const lines: string[] = []
  const command = await startCommand(['--port', '0', ...words], { clock, write: (line) => lines.push(line) })
  if (command === undefined) throw new Error('It has nothing to run.')
  running.push(command)
  const { broker } = command
  const client = (clientId: string) => RawClient.connect(broker, { clientId })
  /** What was written since the last call, without the time of day. */
  const told = () => lines.splice(0).map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} {2}/, ''))
  return { clock, broker, client, told, lines }
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((command) => command.stop()))
})

const member = { groupId: 'workers', memberId: 'm-1', rackId: null }

function shareFetch(
  topicId: string,
  shareSessionEpoch: number,
  acknowledgementBatches: RequestInput<
    typeof ShareFetch
  >['topics'][number]['partitions'][number]['acknowledgementBatches'] = [],
): RequestInput<typeof ShareFetch> {
  return {
    groupId: member.groupId,
    memberId: member.memberId,
    shareSessionEpoch,
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1_000_000,
    maxRecords: 100,
    batchSize: 100,
    shareAcquireMode: 0,
    isRenewAck: false,
    topics: [{ topicId, partitions: [{ partitionIndex: 0, acknowledgementBatches }] }],
    forgottenTopicsData: [],
  }
}

describe('milena-broker', () => {
  it('says where it is, what it is, and what topics there are', async () => {
    const { broker, told } = await start('--topic', 'orders:3', '--kafka-version', '4.2')
    expect(told()).toEqual([
      'Topic orders created with 3 partitions',
      `A broker with share groups, as in Kafka 4.2. Connect to ${broker.bootstrapServers}. Nothing is kept on disk. Stop with Ctrl+C.`,
    ])
    expect(broker.bootstrapServers).toMatch(/^127\.0\.0\.1:\d+$/)
  })

  it('says that nobody else can connect where no name for others is given', async () => {
    const { told } = await start('--host', '0.0.0.0', '--brokers', '2')
    expect(told()).toEqual([expect.stringMatching(/^2 brokers .* Clients on other machines need --advertised-host/)])
  })

  it('begins its lines with the time of day', async () => {
    const { lines } = await start('--topic', 'orders')
    expect(lines[0]).toMatch(/^00:00:00\.000 {2}Topic orders created/)
  })

  it('tells who comes, what is done, and who has gone', async () => {
    const { clock, broker, client, told } = await start('--topic', 'orders')
    told()
    const producer = await client('shop')
    await producer.send(ApiVersions, 3, { clientSoftwareName: 'a-client', clientSoftwareVersion: '1.2' })
    await producer.send(Produce, 11, produceRequest(batchOf(7)))
    await producer.send(Produce, 11, produceRequest(batchOf(3)))
    const reader = await client('reader')
    const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000 }
    await reader.send(Fetch, 12, { ...request, topics: [{ topic: 'orders', partitions: [fetchPartition()] }] })
    await reader.send(Fetch, 12, { ...request, topics: [{ topic: 'nothing', partitions: [fetchPartition()] }] })
    expect(told()).toEqual(['shop (a-client 1.2) has connected', 'reader has connected'])
    await clock.advance(1000)
    expect(told()).toEqual(['shop: produced 10', 'reader: fetched 10, Fetch: UNKNOWN_TOPIC_OR_PARTITION'])
    broker.cutConnections({ clientId: 'shop' })
    await clock.advance(2000)
    expect(told()).toEqual(['shop has no connection any more'])
  })

  it('tells what becomes of the records of a share group', async () => {
    const { clock, broker, client, told } = await start(
      '--topic',
      'orders',
      '--property',
      'group.share.delivery.count.limit=2',
    )
    broker.append(
      'orders',
      Array.from({ length: 10 }, (_, i) => ({ value: `v${i}` })),
    )
    const topicId = broker.inspect().topics[0]?.id ?? ''
    const worker = await client('worker')
    await worker.send(IncrementalAlterConfigs, 1, {
      resources: [
        {
          resourceType: 32,
          resourceName: 'workers',
          configs: [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }],
        },
      ],
      validateOnly: false,
    })
    await worker.send(ShareGroupHeartbeat, 1, { ...member, memberEpoch: 0, subscribedTopicNames: ['orders'] })
    await clock.advance(50)
    await worker.send(ShareFetch, 2, shareFetch(topicId, 0))
    told()
    const acknowledge = (epoch: number, firstOffset: number, lastOffset: number, type: number) =>
      worker.send(ShareFetch, 2, shareFetch(topicId, epoch, [{ firstOffset, lastOffset, acknowledgeTypes: [type] }]))
    await acknowledge(1, 0, 3, 1)
    await acknowledge(2, 4, 4, 3)
    expect(told()).toEqual(['Share group workers gives up on offset 4 of orders-0: rejected'])
    await clock.advance(1000)
    expect(told()).toEqual(['worker: acquired 10, accepted 4, rejected 1'])
    await clock.advance(31_000)
    expect(told()).toContain('The lock of member m-1 of share group workers on offsets 5 to 9 of orders-0 ran out')
    await worker.send(ShareFetch, 2, shareFetch(topicId, 3))
    await clock.advance(31_000)
    expect(told()).toContain(
      'Share group workers gives up on offsets 5 to 9 of orders-0: the delivery limit, 2, is reached',
    )
  })

  it('tells every request with --verbose, and only what is wrong with --quiet', async () => {
    const verbose = await start('--topic', 'orders', '--verbose')
    const one = await verbose.client('one')
    await one.send(ApiVersions, 3, { clientSoftwareName: 'x', clientSoftwareVersion: '1' })
    expect(verbose.told()).toContain('one: ApiVersions')

    const quiet = await start('--topic', 'orders', '--quiet')
    quiet.told()
    const two = await quiet.client('two')
    await two.send(Produce, 11, produceRequest(Buffer.alloc(100)))
    expect(quiet.told()).toEqual([expect.stringMatching(/^WARN {2}.*orders-0.*refused/)])
  })

  it('tells in the end what it has not told yet', async () => {
    const { client, told } = await start('--topic', 'orders')
    const producer = await client('shop')
    await producer.send(Produce, 11, produceRequest(batchOf(7)))
    told()
    await running.pop()?.stop()
    expect(told()).toEqual(['shop: produced 7'])
  })

  it('has nothing to run for --help', async () => {
    const lines: string[] = []
    const given = { clock: new VirtualClock(), write: (line: string) => lines.push(line) }
    expect(await startCommand(['--help'], given)).toBeUndefined()
    expect(lines.join('\n')).toContain('Usage: milena-broker')
  })
})

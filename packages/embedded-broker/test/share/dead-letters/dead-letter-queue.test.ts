import type { Logger } from '@milena/protocol/runtime'
import { silentLogger } from '@milena/protocol/runtime'
import { UpdateFeatures } from '@milena/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { ShareWorld, type ShareClient } from '../leader/share-world.js'

const GAP = 0
const RELEASE = 2
const REJECT = 3
const TARGET = { name: 'dlq.t', partitions: 2, configs: { 'errors.deadletterqueue.group.enable': 'true' } }
const ON = { 'errors.deadletterqueue.topic.name': 'dlq.t' }

const worlds: ShareWorld[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.broker.stop()
})

/** A member `m` of group `g` that holds offsets 0-3 of t-0 and 0-1 of t-2. */
async function holding(
  given: {
    readonly topics?: readonly (typeof TARGET | string)[]
    readonly configs?: Readonly<Record<string, string>>
    readonly serverProperties?: Readonly<Record<string, string>>
    readonly features?: Readonly<Record<string, number>>
  } = {},
) {
  const { topics = [TARGET], configs = {}, ...options } = given
  const errors: string[] = []
  const logger: Logger = { ...silentLogger, error: (_, message) => errors.push(message), child: () => logger }
  const world = await ShareWorld.start({ topics: ['t:3', ...topics], logger, ...options })
  worlds.push(world)
  world.broker.setGroupConfig('g', { ...ON, ...configs })
  await world.begin('g', { 't-0': 0, 't-2': 0 })
  world.produce('t', 4)
  world.produce('t', 2, 2)
  const client = await world.connect()
  await client.fetch('g', 'm', 0, ['t-0', 't-2'])
  return { world, client, errors }
}

async function letters(world: ShareWorld, partition = 0, topic = 'dlq.t') {
  const records = await world.broker.records(topic, { partition })
  return records.map(({ key, value, headers, timestamp }) => ({
    key: key?.toString() ?? null,
    value: value?.toString() ?? null,
    timestamp,
    headers: headers.map((header) => `${header.key}=${String(header.value)}`),
  }))
}

async function deliverTo(client: ShareClient, world: ShareWorld, times: number): Promise<void> {
  for (let epoch = 1; epoch < 2 * times; epoch += 2) {
    await client.ack('g', 'm', epoch, { 't-0': [[0, 0, RELEASE]] })
    await world.clock.advance(0)
    await client.fetch('g', 'm', epoch + 1, [], { wait: 0 })
  }
}

function stateOf(world: ShareWorld, offset: number): string | undefined {
  const [partition] = world.broker.inspect().sharePartitions
  return partition?.records.find(({ firstOffset, lastOffset }) => firstOffset <= offset && offset <= lastOffset)?.state
}

describe('a dead-letter queue', () => {
  it('gets one record with where it came from and why, and nothing of the original', async () => {
    const { world, client } = await holding()
    await world.clock.advance(5000)
    expect(await client.ack('g', 'm', 1, { 't-0': [[1, 1, REJECT]] })).toMatchObject({ partitions: { 't-0': '' } })
    await world.clock.advance(0)
    expect(await letters(world)).toEqual([
      {
        key: null,
        value: null,
        timestamp: world.clock.wallTime(),
        headers: [
          '__dlq.errors.topic=t',
          '__dlq.errors.partition=0',
          '__dlq.errors.offset=1',
          '__dlq.errors.group=g',
          '__dlq.errors.delivery.count=1',
          '__dlq.errors.message=Offset rejected by client.',
        ],
      },
    ])
    expect(stateOf(world, 1)).toBe('ARCHIVED')
  })
  it('gets them on the partition that the source partition gives', async () => {
    const { world, client } = await holding({ topics: [{ ...TARGET, partitions: 2 }] })
    await client.ack('g', 'm', 1, { 't-2': [[0, 1, REJECT]] })
    await world.clock.advance(0)
    expect((await letters(world, 0)).map(({ headers }) => headers[2])).toEqual([
      '__dlq.errors.offset=0',
      '__dlq.errors.offset=1',
    ])
    expect(await letters(world, 1)).toEqual([])
  })
  it('gets those of one acknowledgement in order, also from several partitions', async () => {
    const { world, client } = await holding()
    await client.ack('g', 'm', 1, {
      't-0': [
        [0, 1, REJECT],
        [3, 3, REJECT],
      ],
      't-2': [[1, 1, REJECT]],
    })
    await world.clock.advance(0)
    expect(
      (await letters(world)).map(({ headers }) => headers.slice(1, 3).join(' ').replaceAll('__dlq.errors.', '')),
    ).toEqual(['partition=0 offset=0', 'partition=0 offset=1', 'partition=0 offset=3', 'partition=2 offset=1'])
    expect(world.broker.inspect().sharePartitions.map(({ startOffset }) => startOffset)).toEqual([2, 0])
  })
  it('gets copies of the originals when the group says so', async () => {
    const { world, client } = await holding({ configs: { 'errors.deadletterqueue.copy.record.enable': 'true' } })
    await client.ack('g', 'm', 1, {
      't-0': [
        [0, 1, REJECT],
        [3, 3, REJECT],
      ],
    })
    await world.clock.advance(0)
    expect((await letters(world)).map(({ key, value }) => `${key} ${value}`)).toEqual(['k0 v0', 'k1 v1', 'k3 v3'])
  })
  it('gets the headers alone of an original that is too large for it', async () => {
    const { world, client } = await holding({
      topics: [{ ...TARGET, configs: { ...TARGET.configs, 'max.message.bytes': '320' } as never }],
      configs: { 'errors.deadletterqueue.copy.record.enable': 'true' },
    })
    world.broker.append('t', [{ value: 'x'.repeat(500) }, { value: 'y' }])
    await client.fetch('g', 'm', 1)
    await client.ack('g', 'm', 2, { 't-0': [[4, 5, REJECT]] })
    await world.clock.advance(0)
    expect((await letters(world)).map(({ value }) => value)).toEqual([null, 'y'])
  })
  it.each([
    ['release', async (client: ShareClient) => void (await client.ack('g', 'm', 9, { 't-0': [[0, 0, RELEASE]] }))],
    ['the end of its lock', async (_: ShareClient, world: ShareWorld) => world.clock.advance(30_000)],
    ['the end of its session', async (client: ShareClient) => void (await client.ack('g', 'm', -1))],
  ])('gets what reached the delivery limit by %s', async (_, giveBack) => {
    const { world, client } = await holding()
    await deliverTo(client, world, 4)
    await giveBack(client, world)
    await world.clock.advance(0)
    expect((await letters(world)).map(({ headers }) => headers.slice(2))).toEqual([
      [
        '__dlq.errors.offset=0',
        '__dlq.errors.group=g',
        '__dlq.errors.delivery.count=5',
        '__dlq.errors.message=Offset delivery count exceeded the threshold.',
      ],
    ])
  })
  it('gets nothing of a gap', async () => {
    const { world, client } = await holding()
    await client.ack('g', 'm', 1, { 't-0': [[0, 3, GAP]] })
    await world.clock.advance(0)
    expect(await letters(world)).toEqual([])
  })
  it('is created, with what it needs, when the broker may do that', async () => {
    const { world, client, errors } = await holding({
      topics: [],
      serverProperties: { 'errors.deadletterqueue.auto.create.topics.enable': 'true' },
    })
    await client.ack('g', 'm', 1, { 't-0': [[0, 0, REJECT]] })
    await world.clock.advance(0)
    expect(errors).toEqual([])
    expect(await letters(world)).toHaveLength(1)
  })
  it('is off while share.version is 1, and on as soon as it is 2', async () => {
    const { world, client } = await holding({ features: { 'share.version': 1 } })
    await client.ack('g', 'm', 1, { 't-0': [[0, 0, REJECT]] })
    await world.clock.advance(0)
    expect(await letters(world)).toEqual([])
    await client.send(UpdateFeatures, 2, {
      timeoutMs: 1000,
      featureUpdates: [{ feature: 'share.version', maxVersionLevel: 2, upgradeType: 1 }],
      validateOnly: false,
    })
    await client.ack('g', 'm', 2, { 't-0': [[1, 1, REJECT]] })
    await world.clock.advance(0)
    expect(await letters(world)).toHaveLength(1)
  })
  it('may be consumed by its own group, whose rejections go there again', async () => {
    const { world, client } = await holding()
    await world.begin('g', { 'dlq.t-0': 0 })
    await client.fetch('g', 'm', 1, ['dlq.t-0'], { minBytes: 0 })
    await client.ack('g', 'm', 2, { 't-0': [[0, 0, REJECT]] })
    await world.clock.advance(0)
    expect((await client.fetch('g', 'm', 3)).partitions).toEqual({ 'dlq.t-0': '0-0x1' })
    await client.ack('g', 'm', 4, { 'dlq.t-0': [[0, 0, REJECT]] })
    await world.clock.advance(0)
    expect((await letters(world)).map(({ headers }) => headers.slice(0, 3).join(' '))).toEqual([
      '__dlq.errors.topic=t __dlq.errors.partition=0 __dlq.errors.offset=0',
      '__dlq.errors.topic=dlq.t __dlq.errors.partition=0 __dlq.errors.offset=0',
    ])
  })
})

describe('a dead letter that cannot be written', () => {
  it.each([
    ['the topic is not there', { topics: [] }, /does not exist/],
    ['the topic is not meant for it', { topics: ['dlq.t:2'] }, /not enabled/],
    [
      'the name has not the prefix',
      { topics: ['other'], configs: { 'errors.deadletterqueue.topic.name': 'other' } },
      /prefix/,
    ],
    [
      'the name is none for a topic',
      {
        configs: { 'errors.deadletterqueue.topic.name': 'dlq.not a topic' },
        serverProperties: { 'errors.deadletterqueue.auto.create.topics.enable': 'true' },
      },
      /cannot be created/,
    ],
  ])('is lost with an error in the log when %s; the record is archived all the same', async (_, given, why) => {
    const { world, client, errors } = await holding(given)
    expect(await client.ack('g', 'm', 1, { 't-0': [[0, 0, REJECT]] })).toMatchObject({ partitions: { 't-0': '' } })
    await world.clock.advance(0)
    expect(errors).toEqual([expect.stringMatching(why)])
    expect(errors[0]).toMatch(/^Failed to write to DLQ, proceeding to ARCHIVED regardless\./)
    expect(world.broker.inspect().sharePartitions[0]?.startOffset).toBe(1)
  })
})

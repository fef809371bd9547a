import { expect, it } from 'vitest'
import { describeKafkaTools, type ToolRun } from './kafka-tools.js'
import { endOffsets } from './kafkajs-client.js'

const sentBy = (run: ToolRun) => /^(\d+) records sent, /.exec(run.lines.at(-1) ?? '')?.[1]

describeKafkaTools("Kafka's producer tools", (broker, tools) => {
  const performance = (topic: string, records: number, ...args: string[]) =>
    tools.run('ProducerPerformance', [
      ...['--topic', topic, '--num-records', String(records), '--record-size', '200', ...args],
    ])

  it('ProducerPerformance writes with every codec, and a group reads all of it', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic()
    let written = 0
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      const run = await performance(
        topic,
        2_000,
        '--throughput',
        '-1',
        '--command-property',
        `compression.type=${codec}`,
      )
      expect(run.code, run.output).toBe(0)
      expect(sentBy(run)).toBe('2000')
      written += 2_000
      expect(await endOffsets(broker, topic), codec).toEqual([written])
    }
    const group = await broker.createGroup({ 'share.heartbeat.interval.ms': '100' })
    const read = await tools.run('ShareConsumerPerformance', [
      ...['--topic', topic, '--group', group, '--num-records', '10000', '--timeout', '60000', '--hide-header'],
    ])
    // start time, end time, MB, MB/s, records/s, records, ms
    expect(read.lines.at(-1)?.split(', ')[5], read.output).toBe('10000')
    await expect.poll(() => broker.lag(group), { timeout: 10_000 }).toBe(0)
  })

  it('ProducerPerformance writes in transactions, whose markers no group sees', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const id = broker.uniqueName('transactional')
    const args = ['--transactional-id', id, '--transaction-duration-ms', '100', '--throughput', '4000']
    const run = await performance(topic, 2_000, ...args)
    expect(run.code, run.output).toBe(0)
    expect(sentBy(run)).toBe('2000')
    const ends = await endOffsets(broker, topic)
    // Half a second in transactions of a tenth each.
    expect(ends.reduce((sum, end) => sum + end, 0)).toBeGreaterThan(2_002)
    const group = await broker.createGroup({
      'share.isolation.level': 'read_committed',
      'share.heartbeat.interval.ms': '100',
    })
    const read = await tools.run('ShareConsumerPerformance', [
      ...['--topic', topic, '--group', group, '--num-records', '2000', '--timeout', '60000', '--hide-header'],
    ])
    expect(read.lines.at(-1)?.split(', ')[5], read.output).toBe('2000')
  })

  it('VerifiableProducer gets an acknowledgement, with its offset, for each record', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    const run = await tools.run('VerifiableProducer', ['--topic', topic, '--max-messages', '100', '--acks', '-1'])
    expect(run.code, run.output).toBe(0)
    const events = run.lines.map((line) => JSON.parse(line) as { name: string; partition: number; offset: number })
    const acknowledged = events.filter(({ name }) => name === 'producer_send_success')
    expect(acknowledged).toHaveLength(100)
    expect(events.at(-1)).toMatchObject({ name: 'tool_data', sent: 100, acked: 100 })
    const ends = await endOffsets(broker, topic)
    for (const [partition, end] of ends.entries()) {
      const offsets = acknowledged.filter((each) => each.partition === partition).map(({ offset }) => offset)
      expect(offsets).toEqual(Array.from({ length: end }, (_, offset) => offset))
    }
  })
})

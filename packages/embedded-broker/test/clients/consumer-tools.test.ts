import { expect, it } from 'vitest'
import { describeKafkaTools } from './kafka-tools.js'
import { numbered, produce } from './kafkajs-client.js'

describeKafkaTools("Kafka's tools of classic consumers", (broker, tools) => {
  it('ConsoleConsumer reads a topic from its beginning without a group', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('value-', 5))
    const args = ['--topic', topic, '--partition', '0', '--max-messages', '5', '--from-beginning']
    const run = await tools.run('consumer.ConsoleConsumer', args)
    expect(run.lines, run.output).toEqual(numbered('value-', 5))
    expect(run.output).toContain('Processed a total of 5 messages')
  })

  it(
    'ConsoleConsumer goes on where its group stopped, and ConsumerGroupCommand shows it',
    { timeout: 60_000 },
    async () => {
      const topic = await broker.createTopic({ partitions: 2 })
      await produce(broker, topic, numbered('value-', 5), 0)
      await produce(broker, topic, numbered('other-', 3), 1)
      const group = broker.uniqueName('consumers')
      const console = async (...args: string[]) =>
        (await tools.run('consumer.ConsoleConsumer', ['--topic', topic, '--group', group, ...args])).lines.filter(
          (line) => /^(value|other)-/.test(line),
        )
      const command = async (...args: string[]) => {
        const { lines } = await tools.run('consumer.group.ConsumerGroupCommand', args)
        return lines.map((line) => line.split(/\s+/))
      }
      const first = await console('--from-beginning', '--max-messages', '4')
      expect(first).toHaveLength(4)

      expect(await command('--list', '--state', 'empty')).toContainEqual([group, 'Empty'])
      const described = (await command('--describe', '--group', group)).filter(([name]) => name === group)
      const lags = described.map(([, name, partition, at, end, lag]) => ({ name, partition, at, end, lag }))
      const read = [
        first.filter((value) => value.startsWith('value-')).length,
        first.filter((value) => value.startsWith('other-')).length,
      ]
      expect(lags).toEqual(
        [5, 3].map((end, p) => ({
          name: topic,
          partition: String(p),
          at: String(read[p]),
          end: String(end),
          lag: String(end - (read[p] ?? 0)),
        })),
      )

      const others = await console('--max-messages', '4')
      expect([...first, ...others].toSorted()).toEqual([...numbered('other-', 3), ...numbered('value-', 5)])
    },
  )

  it('DeleteRecordsCommand moves the start of a log, as GetOffsetShell tells', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic()
    await produce(broker, topic, numbered('value-', 10))
    const file = tools.file(
      'records.json',
      JSON.stringify({ partitions: [{ topic, partition: 0, offset: 4 }], version: 1 }),
    )
    const deleted = await tools.run('DeleteRecordsCommand', ['--offset-json-file', file])
    expect(deleted.lines).toContain(`partition: ${topic}-0\tlow_watermark: 4`)
    const offset = async (time: string) => (await tools.run('GetOffsetShell', ['--topic', topic, '--time', time])).lines
    expect(await offset('earliest')).toEqual([`${topic}:0:4`])
    expect(await offset('latest')).toEqual([`${topic}:0:10`])
  })

  it('FeatureCommand tells that share groups are there', { timeout: 60_000 }, async () => {
    const { lines } = await tools.run('FeatureCommand', ['describe'])
    const shareVersion = lines.find((line) => line.includes('share.version'))
    expect(shareVersion?.replaceAll(/\s+/g, ' ')).toMatch(
      /^Feature: share\.version SupportedMinVersion: 0 SupportedMaxVersion: 2 FinalizedVersionLevel: 2 Epoch: \d+$/,
    )
  })
})

import { expect, it } from 'vitest'
import { describeKafkaTools } from './kafka-tools.js'

describeKafkaTools("Kafka's TopicCommand", (broker, tools) => {
  const command = (...args: string[]) => tools.run('TopicCommand', args)

  it('creates, describes, grows, lists and deletes a topic', { timeout: 60_000 }, async () => {
    const topic = broker.uniqueName('topic')
    const create = ['--create', '--topic', topic, '--partitions', '2', '--config', 'retention.ms=86400000']
    expect(await command(...create)).toMatchObject({ code: 0, lines: [`Created topic ${topic}.`] })

    const again = await command('--create', '--topic', topic)
    expect(again.code).toBe(1)
    expect(again.output).toContain(`TopicExistsException: Topic '${topic}' already exists.`)

    expect((await command('--alter', '--topic', topic, '--partitions', '3')).code).toBe(0)
    const fewer = await command('--alter', '--topic', topic, '--partitions', '1')
    expect(fewer.code).toBe(1)
    expect(fewer.output).toContain(
      `InvalidPartitionsException: The topic ${topic} currently has 3 partition(s); 1 would not be an increase.`,
    )

    const described = await command('--describe', '--topic', topic)
    expect(described.code).toBe(0)
    expect(described.lines.map((line) => line.replace(/TopicId: [\w-]{22}\t/, 'TopicId: …\t'))).toEqual([
      `Topic: ${topic}\tTopicId: …\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: min.insync.replicas=1,retention.ms=86400000`,
      ...[0, 1, 2].map((p) => `Topic: ${topic}\tPartition: ${p}\tLeader: 1\tReplicas: 1\tIsr: 1\tElr: \tLastKnownElr:`),
    ])

    expect((await command('--list', '--topic', topic)).lines).toEqual([topic])
    expect(await command('--delete', '--topic', topic)).toMatchObject({ code: 0, lines: [] })
    expect(await broker.admin.listTopics()).not.toContainEqual(expect.objectContaining({ name: topic }))
    const gone = await command('--describe', '--topic', topic)
    expect(gone.code).toBe(1)
    expect(gone.output).toContain(`Topic '${topic}' does not exist as expected`)
  })
})

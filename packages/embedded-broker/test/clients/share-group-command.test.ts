import { expect, it } from 'vitest'
import { describeKafkaTools } from './kafka-tools.js'
import { numbered, produce } from './kafkajs-client.js'

describeKafkaTools("Kafka's ShareGroupCommand", (broker, tools) => {
  /** The rows of the table it printed, each split at blanks. */
  const command = async (...args: string[]) => {
    const { code, lines, output } = await tools.run('consumer.group.ShareGroupCommand', args)
    return { code, output, rows: lines.map((line) => line.split(/\s+/)) }
  }

  it('describes a group with a member, and refuses to touch it', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    await produce(broker, topic, numbered('value-', 10))
    const group = await broker.createGroup({ 'share.heartbeat.interval.ms': '100' })
    const member = tools.start('VerifiableShareConsumer', ['--topic', topic, '--group-id', group])
    await member.line('offsets_acknowledged')

    const [, state] = (await command('--describe', '--group', group, '--state', '--verbose')).rows
    const [, coordinator, id, ...rest] = state ?? []
    expect([coordinator, id]).toEqual([broker.bootstrapServers.replace('localhost', '127.0.0.1'), '(1)'])
    expect(rest[0]).toBe('Stable')
    expect(rest.at(-1)).toBe('1')

    const [header, row] = (await command('--describe', '--group', group, '--members', '--verbose')).rows
    expect(header?.slice(0, 5)).toEqual(['GROUP', 'CONSUMER-ID', 'HOST', 'CLIENT-ID', '#PARTITIONS'])
    expect(row?.[0]).toBe(group)
    expect(row?.[4]).toBe('2')
    expect(row?.at(-1)).toBe(`${topic}:0,1`)

    for (const args of [
      ['--reset-offsets', '--to-latest', '--all-topics', '--execute'],
      ['--delete-offsets', '--topic', topic],
      ['--delete'],
    ]) {
      const { output } = await command(...args, '--group', group)
      expect(output, args[0]).toMatch(/is not empty|not EMPTY|non-empty/i)
    }
    expect((await member.stop()).lines.at(-1)).toContain('shutdown_complete')
    const offsets = await broker.admin.listShareGroupOffsets(group)
    expect(offsets.find(({ partition }) => partition === 0)?.lag).toBe(0)
  })

  it('lists an empty group, resets and deletes its offsets, and deletes it', { timeout: 60_000 }, async () => {
    const topic = await broker.createTopic({ partitions: 2 })
    await produce(broker, topic, numbered('a', 10), 0)
    await produce(broker, topic, numbered('b', 5), 1)
    const group = await broker.createGroup({ 'share.heartbeat.interval.ms': '100' })
    await tools.run('VerifiableShareConsumer', ['--topic', topic, '--group-id', group, '--max-messages', '15'])

    const describe = async () => (await command('--describe', '--group', group)).rows.slice(1)
    expect((await command('--list', '--state', 'empty')).rows).toContainEqual([group, 'Empty'])
    expect((await describe()).map((row) => row.slice(0, 3).concat(row.at(-1) ?? ''))).toEqual([
      [group, topic, '0', '0'],
      [group, topic, '1', '0'],
    ])

    const reset = ['--reset-offsets', '--group', group, '--to-earliest']
    const plan = await command(...reset, '--all-topics', '--dry-run')
    expect(plan.rows[0]).toEqual(['GROUP', 'TOPIC', 'PARTITION', 'NEW-OFFSET'])
    expect(plan.rows.slice(1).toSorted()).toEqual([
      [group, topic, '0', '0'],
      [group, topic, '1', '0'],
    ])
    expect(await broker.lag(group)).toBe(0)
    const executed = await command(...reset, '--topic', `${topic}:1`, '--execute')
    expect(executed.rows.slice(1)).toEqual([[group, topic, '1', '0']])
    expect(await broker.lag(group)).toBe(5)
    expect((await describe())[1]).toEqual([group, topic, '1', '0', '5'])

    const deleted = await command('--delete-offsets', '--group', group, '--topic', topic)
    expect(deleted.rows[1]).toEqual([topic, 'Successful'])
    expect((await command('--describe', '--group', group)).output).toContain(
      `Share group '${group}' has no offset information.`,
    )

    expect((await command('--delete', '--group', group)).output).toContain(
      `Deletion of requested share groups ('${group}') was successful.`,
    )
    expect((await command('--describe', '--group', group)).output).toContain(
      `GroupIdNotFoundException: Group ${group} not found.`,
    )
    expect((await command('--delete', '--group', group)).output).toContain('Deletion of some share groups failed')
  })
})
